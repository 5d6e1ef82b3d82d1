-- enqueue_deletions
-- Ask that many rows of one table, and everything that hangs from them, be deleted.
--
-- Parameters  p_table          the target, with or without its schema
--             p_pks            JSON array of keys; composite ones as arrays in it
--             p_reason         why; may be NULL
--             p_hard_delete    TRUE: remove for good; FALSE: soft delete
--             p_scheduled_at   when to start, UTC; NULL: as soon as possible
--             p_created_by     the user who asks; may be NULL
--             p_job_count      OUT: how many different keys there were, each a job now
-- Errors      JD002 NULL, no array, or a key that does not parse; JD004 no target; JD011 soft
--             delete is not possible; JD013 more pending jobs than allowed: all or nothing
-- Writes      deletion_jobs, deletion_attempts     Commits  no
-- Execute     deletion_jobs_app
-- Example     CALL enqueue_deletions('customer', '[41, 42]', 'closed', TRUE, NULL, NULL, @dj_n);

DROP PROCEDURE IF EXISTS enqueue_deletions;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE enqueue_deletions(
    IN p_table TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_pks JSON,
    IN p_reason TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_hard_delete BOOLEAN,
    IN p_scheduled_at DATETIME(6),
    IN p_created_by BIGINT UNSIGNED,
    OUT p_job_count BIGINT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Ask that many rows of one table, and everything that hangs from them, be deleted'
BEGIN
    DECLARE v_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_keys JSON;
    DECLARE v_job_id BIGINT UNSIGNED;
    DECLARE v_own JSON;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        CALL deletion_widen_session(v_own);
        RESIGNAL;
    END;

    CALL deletion_widen_session(v_own);

    CALL deletion_check_wish('enqueue_deletions', p_table, p_hard_delete, v_entity_table);

    CALL deletion_parse_keys(v_entity_table, p_pks, 'enqueue_deletions', v_keys);
    SET p_job_count = json_length(v_keys);

    IF p_job_count > 0 THEN
        CALL deletion_enqueue(
            'enqueue_deletions',
            v_entity_table,
            v_keys,
            p_reason,
            p_hard_delete,
            p_scheduled_at,
            p_created_by,
            v_job_id
        );
    END IF;
    CALL deletion_widen_session(v_own);
END$$
DELIMITER ;

GRANT EXECUTE ON PROCEDURE enqueue_deletions
TO 'deletion_jobs_app';
