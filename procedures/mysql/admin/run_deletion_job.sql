-- run_deletion_job
-- Work one pending deletion job now, in the foreground, whenever it was scheduled for.
--
-- Parameters  p_job_id   the job
--             p_status   OUT the job's status afterwards
-- Errors      JD001 no such job; JD002 NULL; JD003 the job is not pending
-- Writes      the application's tables, and all tables of runs and jobs     Commits  yes
-- Execute     deletion_jobs_operator
-- Example     CALL run_deletion_job(42, @dj_status);
--
-- A transaction that the session has left open is rolled back first.

DROP PROCEDURE IF EXISTS run_deletion_job;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE run_deletion_job(
    IN p_job_id BIGINT UNSIGNED,
    OUT p_status VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Work one pending deletion job now, in the foreground, whenever it was scheduled for'
BEGIN
    DECLARE v_run_id BIGINT UNSIGNED;
    DECLARE v_token CHAR(36) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_job_count INT;
    DECLARE v_due_at DATETIME(6);  -- noqa: PRS
    DECLARE v_due_id BIGINT UNSIGNED;
    DECLARE v_own, v_saved JSON;
    DECLARE v_is_ours BOOLEAN;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        ROLLBACK;

        IF v_saved IS NOT NULL THEN
            CALL deletion_session(v_saved);
        END IF;

        CALL deletion_widen_session(v_own);
        RESIGNAL;
    END;

    CALL deletion_widen_session(v_own);

    IF p_job_id IS NULL THEN
        CALL deletion_raise('JD002', 'run_deletion_job', 'p_job_id is NULL', NULL);
    END IF;

    CALL deletion_refuse_temporary('run_deletion_job');
    CALL deletion_enter(NULL, v_is_ours);
    CALL deletion_session(v_saved);
    CALL deletion_recover();
    CALL deletion_claim(NULL, p_job_id, v_due_at, v_due_id, v_run_id, v_token, v_job_count);

    IF v_token IS NOT NULL THEN
        CALL deletion_work(v_run_id, v_token, '9999-12-31');
    END IF;

    CALL deletion_session(v_saved);
    SET p_status = (SELECT j.status FROM deletion_jobs AS j WHERE j.id = p_job_id);
    CALL deletion_widen_session(v_own);
END$$
DELIMITER ;

GRANT EXECUTE ON PROCEDURE run_deletion_job
TO 'deletion_jobs_operator';
