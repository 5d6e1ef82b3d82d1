-- enqueue_deletion
-- Ask that one row, and everything that hangs from it, be deleted.
--
-- Parameters  p_table          the target, with or without its schema
--             p_pk             the row's key as text; a composite one as a JSON array
--             p_reason         why; may be NULL
--             p_hard_delete    TRUE: remove for good; FALSE: soft delete
--             p_scheduled_at   when to start, UTC; NULL: as soon as possible
--             p_created_by     the user who asks; may be NULL
--             p_job_id         OUT: the job, a new one or the one that this row has already
-- Errors      JD002 NULL, or a key that does not parse; JD004 no target; JD011 soft delete is
--             not possible; JD013 more pending jobs than allowed
-- Writes      deletion_jobs (one row), deletion_attempts     Commits  no
-- Execute     deletion_jobs_app
-- Example     CALL enqueue_deletion('customer', '42', 'closed', TRUE, NULL, NULL, @dj_job);

DROP PROCEDURE IF EXISTS enqueue_deletion;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE enqueue_deletion(
    IN p_table TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_pk TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_reason TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_hard_delete BOOLEAN,
    IN p_scheduled_at DATETIME(6),
    IN p_created_by BIGINT UNSIGNED,
    OUT p_job_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Ask that one row, and everything that hangs from it, be deleted'
BEGIN
    DECLARE v_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_key VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_is_plain BOOLEAN DEFAULT FALSE;

    -- Nearly every caller sends the registered name, a key as its type prints it, and a row that
    -- has no job: that should cost little more than the INSERT. Each row is found by a whole key:
    -- as subqueries they would take the server twice the time to plan.
    BEGIN
        -- A key that is no number, or out of the range of all of them.
        DECLARE CONTINUE HANDLER FOR 1292 SET v_is_plain = FALSE;  -- noqa: PRS

        SELECT
            t.entity_table,
            p_hard_delete AND NOT t.is_limited AND j.id IS NULL
            AND cast(p_pk AS UNSIGNED) <= t.plain_max
            AND cast(cast(p_pk AS UNSIGNED) AS CHAR) = p_pk COLLATE utf8mb4_0900_bin
        INTO v_entity_table, v_is_plain
        FROM deletion_targets AS t
        LEFT JOIN deletion_jobs AS j ON j.entity_table = p_table AND j.entity_pk = p_pk
        WHERE t.entity_table = p_table;
    END;

    IF v_is_plain THEN
        BEGIN
            -- Another caller was faster: the job that is there has to do.
            DECLARE CONTINUE HANDLER FOR 1062 SET v_is_plain = FALSE;  -- noqa: PRS

            INSERT INTO deletion_jobs (
                entity_table, entity_pk, reason, hard_delete, scheduled_at, created_by, created_at
            )
            VALUES (
                v_entity_table, p_pk, p_reason, p_hard_delete, p_scheduled_at, p_created_by,
                utc_timestamp(6)
            );
            SET p_job_id = last_insert_id();
        END;
    END IF;

    IF v_is_plain IS NOT TRUE THEN
        BEGIN
            DECLARE v_own JSON;
            DECLARE EXIT HANDLER FOR SQLEXCEPTION
            BEGIN
                CALL deletion_widen_session(v_own);
                RESIGNAL;
            END;

            CALL deletion_widen_session(v_own);
            CALL deletion_check_wish('enqueue_deletion', p_table, p_hard_delete, v_entity_table);
            CALL deletion_parse_key(v_entity_table, p_pk, 'enqueue_deletion', v_key);
            CALL deletion_enqueue(
                'enqueue_deletion',
                v_entity_table,
                json_array(v_key),
                p_reason,
                p_hard_delete,
                p_scheduled_at,
                p_created_by,
                p_job_id
            );
            CALL deletion_widen_session(v_own);
        END;
    END IF;
END$$
DELIMITER ;

GRANT EXECUTE ON PROCEDURE enqueue_deletion
TO 'deletion_jobs_app';
