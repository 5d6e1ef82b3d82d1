-- restore_deletion
-- Take back what a soft deletion job has marked, all in the caller's transaction or none of it.
--
-- Parameters  p_job_id   the job: a pending one, its purge too, is cancelled as well; one that has
--                        ended is cancelled afterwards. Rows that hold another value by now, or
--                        that somebody else has marked since, stay as they are
-- Errors      JD001 no such job; JD002 NULL; JD003 running (cancel it first), or nothing to take
--             back; 40001 the job has changed since the caller's snapshot; the engine's own where a
--             constraint forbids a row as it was
-- Writes      the application's tables, deletion_marks, deletion_jobs, deletion_attempts,
--             deletion_runs, deletion_receipts
-- Commits     no; where the caller is in no transaction, its own
-- Execute     deletion_jobs_app, deletion_jobs_operator
-- Example     CALL restore_deletion(42);

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02,LT02,LT05
DROP PROCEDURE IF EXISTS restore_deletion;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE restore_deletion(
    IN p_job_id BIGINT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Take back what a soft deletion job has marked, all of it or nothing'
BEGIN
    DECLARE v_is_open BOOLEAN DEFAULT TRUE;
    DECLARE v_own, v_saved JSON;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        -- A deadlock has rolled back the savepoint with all the rest.
        DECLARE CONTINUE HANDLER FOR 1305 SET v_is_open = v_is_open;

        IF v_is_open THEN
            ROLLBACK TO SAVEPOINT dj_restore;
        ELSE
            ROLLBACK;
        END IF;

        IF v_saved IS NOT NULL THEN
            CALL deletion_session(v_saved);
        END IF;

        CALL deletion_widen_session(v_own);
        RESIGNAL;
    END;

    CALL deletion_widen_session(v_own);

    IF p_job_id IS NULL THEN
        CALL deletion_raise('JD002', 'restore_deletion', 'p_job_id is NULL', NULL);
    END IF;

    CALL deletion_refuse_temporary('restore_deletion');
    CALL deletion_session(v_saved);

    BEGIN
        -- Outside a transaction a savepoint ends with its own statement.
        DECLARE CONTINUE HANDLER FOR 1305 SET v_is_open = FALSE;

        SAVEPOINT dj_restore;
        ROLLBACK TO SAVEPOINT dj_restore;
    END;

    IF NOT v_is_open THEN
        START TRANSACTION;
    END IF;

    CALL deletion_restore_job(p_job_id);

    IF v_is_open THEN
        RELEASE SAVEPOINT dj_restore;
    ELSE
        COMMIT;
    END IF;

    CALL deletion_session(v_saved);
    CALL deletion_widen_session(v_own);
END$$
DELIMITER ;

GRANT EXECUTE ON PROCEDURE restore_deletion
TO 'deletion_jobs_app', 'deletion_jobs_operator';
