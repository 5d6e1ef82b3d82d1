-- deletion_claim
-- Take the jobs that are due first, as one run.
--
-- Parameters  p_slot      the worker's slot; NULL: none
--             p_job_id    this job alone, due or not; NULL: whatever is due
--             p_due_at, p_due_id   INOUT when the first job of the caller's last run was due, UTC,
--                         and its number: if that run is done, what comes behind this place in the
--                         queue goes before what lies ahead; NULL: look at all. Then those of the
--                         first job of this run
--             p_run_id    OUT the run; NULL: nothing is due
--             p_token     OUT its token; NULL: the run has ended already, its jobs failed
--             p_job_count OUT number of its jobs
-- Errors      JD001 no such job; JD003 the job is not pending
-- Writes      deletion_runs, deletion_jobs, deletion_attempts, deletion_plans     Commits  yes
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_claim;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_claim(
    IN p_slot INT,
    IN p_job_id BIGINT UNSIGNED,
    INOUT p_due_at DATETIME(6),
    INOUT p_due_id BIGINT UNSIGNED,
    OUT p_run_id BIGINT UNSIGNED,
    OUT p_token CHAR(36) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    OUT p_job_count INT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Take the jobs that are due first, as one run'
BEGIN
    DECLARE v_jobs JSON;
    DECLARE v_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_hard, v_alone BOOLEAN;
    DECLARE v_from_at DATETIME(6) DEFAULT p_due_at;  -- noqa: PRS
    DECLARE v_from_id BIGINT UNSIGNED DEFAULT p_due_id;
    DECLARE v_plan_id BIGINT UNSIGNED;
    DECLARE v_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    CALL deletion_begin();

    IF p_job_id IS NOT NULL THEN
        CALL deletion_claim_one(p_job_id, v_jobs, v_entity_table, v_hard);
        SET v_alone = TRUE;
    ELSEIF deletion_setting('paused_reason') IS NULL THEN
        -- A run that was cut short may have made room for a job that lies ahead of it.
        IF coalesce((
            SELECT r.outcome
            FROM deletion_attempts AS a
            INNER JOIN deletion_runs AS r ON r.run_id = a.run_id
            WHERE a.job_id = v_from_id
            ORDER BY a.attempt_no DESC
            LIMIT 1
        ), '') <> 'done' THEN
            SET v_from_at = NULL;
        END IF;

        IF v_from_at IS NOT NULL THEN
            CALL deletion_due(
                v_from_at, v_from_id, v_jobs, v_entity_table, v_hard, v_alone, p_due_at, p_due_id
            );
        END IF;

        IF v_jobs IS NULL THEN
            CALL deletion_due(
                NULL, NULL, v_jobs, v_entity_table, v_hard, v_alone, p_due_at, p_due_id
            );
        END IF;
    END IF;

    IF v_jobs IS NOT NULL THEN
        -- A row inserted by hand may name the table with its database.
        SET v_entity_table = coalesce(deletion_target_name(v_entity_table), v_entity_table);
        CALL deletion_plan_for(v_entity_table, v_hard, v_plan_id, v_error);
        SET p_token = uuid(), p_job_count = json_length(v_jobs);

        INSERT INTO deletion_runs (
            plan_id, entity_table, hard_delete, slot, token, session_id, server_id, phase, alone,
            job_count, jobs_open, batch_rows, state
        )
        VALUES (
            v_plan_id, v_entity_table, v_hard, p_slot, p_token, connection_id(),
            @@GLOBAL.server_uuid, 'check', p_job_count = 1, p_job_count, p_job_count,
            deletion_setting_int('batch_rows'), '{}'
        );

        SET p_run_id = last_insert_id();
        -- Before the claim commits: from then on a missing lock means a dead worker. Never waited
        -- for: any session may take any lock, and this one holds the jobs' rows by now.
        IF coalesce(get_lock(deletion_lock_name('run', p_run_id), 0), 0) <> 1 THEN
            SIGNAL SQLSTATE '40001'
            SET MESSAGE_TEXT = 'run_deletion_jobs: another session holds the lock of the run';
        END IF;

        CALL deletion_start_attempts(p_run_id, v_jobs);

        IF v_error IS NOT NULL THEN
            CALL deletion_settle(p_run_id, NULL, 'failed', v_error, TRUE, NULL);
            CALL deletion_end_run(p_run_id, 'failed', v_error);
            SET p_token = NULL;
        END IF;
    END IF;

    COMMIT;

    IF p_token IS NULL AND p_run_id IS NOT NULL THEN
        CALL deletion_release(deletion_lock_name('run', p_run_id));
    END IF;
END$$
DELIMITER ;
