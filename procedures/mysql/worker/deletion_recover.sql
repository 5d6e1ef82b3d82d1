-- deletion_recover
-- Take back the jobs of runs whose worker is gone, and those that finish had to leave.
--
-- Writes      deletion_runs, deletion_attempts, deletion_jobs, deletion_frames,
--             deletion_soft_keys                   Commits  yes
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_recover;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_recover()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Take back the jobs of runs whose worker is gone, and those that finish had to leave'
BEGIN
    DECLARE v_run_id, v_session_id BIGINT UNSIGNED;
    DECLARE v_server_id VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_jobs JSON;
    DECLARE v_is_done, v_is_counted BOOLEAN DEFAULT FALSE;
    DECLARE c_open CURSOR FOR
        SELECT r.run_id FROM deletion_runs AS r WHERE r.ended_at IS NULL ORDER BY r.run_id;
    DECLARE c_left CURSOR FOR
        SELECT r.run_id
        FROM deletion_runs AS r FORCE INDEX (idx_dr_left)
        WHERE r.jobs_open > 0 AND r.ended_at IS NOT NULL
        ORDER BY r.run_id;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    CALL deletion_begin();
    OPEN c_open;
    FETCH c_open INTO v_run_id;

    WHILE NOT v_is_done DO
        SET v_session_id = NULL;
        -- Looked at under the row's lock: a worker's step holds that lock while it works.
        SELECT r.session_id, r.server_id, r.alone AND r.rows_changed = 0
        INTO v_session_id, v_server_id, v_is_counted
        FROM deletion_runs AS r
        WHERE r.run_id = v_run_id AND r.ended_at IS NULL
        FOR UPDATE SKIP LOCKED;  -- noqa: PRS

        IF
            v_session_id IS NOT NULL
            AND NOT deletion_is_alive(v_run_id, v_session_id, v_server_id)
        THEN
            SELECT json_arrayagg(a.job_id)
            INTO v_jobs
            FROM deletion_attempts AS a
            WHERE a.run_id = v_run_id;
            -- A death counts only against a job that was alone and got nowhere: it may be the
            -- poison.
            CALL deletion_settle(
                v_run_id, NULL, 'lost', 'the worker''s session or its server was gone',
                v_is_counted, v_jobs
            );
            CALL deletion_end_run(v_run_id, 'lost', 'the worker''s session was gone');
        END IF;

        SET v_is_done = FALSE;
        FETCH c_open INTO v_run_id;
    END WHILE;

    CLOSE c_open;
    SET v_is_done = FALSE;
    OPEN c_left;
    FETCH c_left INTO v_run_id;

    WHILE NOT v_is_done DO
        -- Where even the outcome could not be written the job runs again and finds what is left.
        CALL deletion_settle(v_run_id, NULL, 'returned', NULL, FALSE, NULL);
        -- Somebody may have taken a job's row away, or given it a status, by hand.
        UPDATE deletion_runs AS r
        SET r.jobs_open = 0
        WHERE
            r.run_id = v_run_id
            AND NOT EXISTS (
                SELECT 1
                FROM deletion_attempts AS a
                INNER JOIN deletion_jobs AS j ON j.id = a.job_id AND j.status = 'running'
                WHERE
                    a.run_id = v_run_id
                    AND a.attempt_no = (
                        SELECT max(b.attempt_no) FROM deletion_attempts AS b WHERE b.job_id = j.id
                    )
            );
        SET v_is_done = FALSE;
        FETCH c_left INTO v_run_id;
    END WHILE;

    CLOSE c_left;
    CALL deletion_drop_soft_keys();
    COMMIT;
END$$
DELIMITER ;
