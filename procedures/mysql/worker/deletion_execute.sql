-- deletion_execute
-- Execute one stored statement of a plan, with bound values.
--
-- Parameters  p_plan_id, p_edge_no, p_kind   the step
-- Writes      what the step says                   Commits  no
-- Execute     the owner only
--
-- Binds @dj_frame (keys, roots), @dj_limit, @dj_cursor, @dj_walk_id, @dj_stack, @dj_place,
-- @dj_last and @dj_after as the kind of step takes them; answers in @dj_answer, @dj_rows and
-- @dj_last.

DROP PROCEDURE IF EXISTS deletion_execute;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_execute(
    IN p_plan_id BIGINT UNSIGNED,
    IN p_edge_no INT,
    IN p_kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Execute one stored statement of a plan, with bound values'
BEGIN
    SET @dj_sql = (
        SELECT s.sql_text
        FROM deletion_plan_steps AS s FORCE INDEX (idx_dps_edge)
        WHERE s.plan_id = p_plan_id AND s.edge_no = p_edge_no AND s.kind = p_kind
    );
    SET @dj_answer = NULL, @dj_rows = 0;
    PREPARE dj_stmt FROM @dj_sql;

    CASE
        WHEN p_kind = 'fetch_levels' THEN
            EXECUTE dj_stmt USING @dj_frame, @dj_frame, @dj_limit;
        WHEN p_kind = 'look_levels' THEN EXECUTE dj_stmt USING @dj_frame, @dj_frame;
        WHEN p_kind IN ('fetch', 'expand', 'count', 'count_one', 'drain') THEN
            EXECUTE dj_stmt USING @dj_frame, @dj_limit;
            SET @dj_rows = if(p_kind = 'drain', row_count(), @dj_rows);
        WHEN p_kind = 'find' THEN
            EXECUTE dj_stmt USING @dj_frame, @dj_place, @dj_after, @dj_limit;
        WHEN p_kind = 'fetch_next' THEN
            EXECUTE dj_stmt USING @dj_cursor, @dj_frame, @dj_place, @dj_after, @dj_limit;
        WHEN p_kind = 'drain_found' THEN
            EXECUTE dj_stmt USING @dj_frame, @dj_place, @dj_after, @dj_last, @dj_limit;
            SET @dj_rows = row_count();
        WHEN p_kind IN ('sweep', 'remove', 'remove_now', 'set') THEN
            EXECUTE dj_stmt USING @dj_frame;
            SET @dj_rows = row_count();
        WHEN p_kind = 'fetch_beyond' THEN
            EXECUTE dj_stmt USING @dj_cursor, @dj_frame, @dj_run_id, @dj_limit;
        WHEN p_kind = 'break' THEN
            EXECUTE dj_stmt USING @dj_frame, @dj_run_id, @dj_run_id, @dj_limit;
        WHEN p_kind = 'break_look' THEN EXECUTE dj_stmt USING @dj_frame, @dj_run_id, @dj_run_id;
        WHEN p_kind = 'give_up' THEN EXECUTE dj_stmt USING @dj_frame, @dj_stack, @dj_limit;
        WHEN p_kind = 'give_look' THEN EXECUTE dj_stmt USING @dj_frame, @dj_stack;
        WHEN p_kind = 'own_break' THEN EXECUTE dj_stmt USING @dj_frame, @dj_limit;
        WHEN p_kind = 'change_rows' THEN
            EXECUTE dj_stmt USING @dj_limit;
            SET @dj_rows = row_count();
        WHEN p_kind IN ('fetch_more', 'spread') THEN
            EXECUTE dj_stmt USING @dj_cursor, @dj_frame, @dj_limit;
        WHEN p_kind = 'climb_root' THEN EXECUTE dj_stmt USING @dj_frame, @dj_cursor;
        WHEN p_kind = 'size' THEN EXECUTE dj_stmt USING @dj_limit;
        WHEN p_kind IN ('cycle', 'own', 'default') THEN EXECUTE dj_stmt USING @dj_walk_id;
        WHEN p_kind = 'ring' THEN
            EXECUTE dj_stmt USING @dj_walk_id, @dj_walk_id;
            SET @dj_rows = row_count();
        WHEN p_kind = 'guard' THEN EXECUTE dj_stmt;
        ELSE EXECUTE dj_stmt USING @dj_frame;
    END CASE;

    DEALLOCATE PREPARE dj_stmt;
END$$
DELIMITER ;
