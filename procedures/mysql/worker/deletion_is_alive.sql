-- deletion_is_alive
-- Say whether a run's worker still works: its session holds the run's lock, and is in a call.
--
-- Parameters  p_run_id       the run
--             p_session_id   the session that it recorded     p_server_id   the server of that
-- Returns     boolean
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_is_alive;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_is_alive(
    p_run_id BIGINT UNSIGNED,
    p_session_id BIGINT UNSIGNED,
    p_server_id VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS BOOLEAN
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Say whether a run''s worker still works: its session holds the run''s lock, and is in a call'  -- noqa: LT05
BEGIN
    RETURN coalesce(
        p_server_id = @@GLOBAL.server_uuid
        -- Our own session is between runs whenever it asks.
        AND p_session_id <> connection_id()
        AND p_session_id = is_used_lock(deletion_lock_name('run', p_run_id))
        -- A pooled session may keep the lock after a KILL QUERY: then it sleeps. A server
        -- without performance_schema cannot tell; there the lock alone counts.
        AND (
            NOT @@GLOBAL.performance_schema
            OR EXISTS (
                SELECT 1
                FROM performance_schema.threads AS t
                WHERE t.processlist_id = p_session_id AND t.processlist_command <> 'Sleep'
            )
        ),
        FALSE
    );
END$$
DELIMITER ;
