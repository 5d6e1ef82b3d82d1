-- deletion_settle
-- End the attempts of a run's jobs: write how each ended, then carry it over to the jobs.
--
-- Parameters  p_run_id   the run
--             p_jobs     JSON array of the jobs; NULL: all whose attempt is open
--             p_outcome  done, failed, cancelled, retry, sliced, returned or lost
--             p_error    what went wrong; NULL: nothing
--             p_counted  TRUE: the attempt counts towards max_attempts
--             p_alone    JSON array of the jobs that shall be claimed alone next time; NULL: none
-- Writes      deletion_attempts, deletion_jobs     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_settle;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_settle(
    IN p_run_id BIGINT UNSIGNED,
    IN p_jobs JSON,
    IN p_outcome VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_counted BOOLEAN,
    IN p_alone JSON
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'End the attempts of a run''s jobs: write how each ended, then carry it over to the jobs'
BEGIN
    DECLARE v_open JSON;  -- noqa: PRS

    -- Never wait for a caller: an attempt that a cancel holds open is settled by recovery.
    SELECT json_arrayagg(json_object('j', a.job_id, 'n', a.attempt_no))
    INTO v_open
    FROM deletion_attempts AS a FORCE INDEX (idx_da_run)
    WHERE a.run_id = p_run_id AND a.outcome IS NULL
    FOR UPDATE OF a SKIP LOCKED;  -- noqa: PRS

    UPDATE json_table(v_open, '$[*]' COLUMNS (
        j BIGINT UNSIGNED PATH '$.j', n INT PATH '$.n'
    )) AS t
    STRAIGHT_JOIN deletion_attempts AS a FORCE INDEX (PRIMARY)
        ON a.job_id = t.j AND a.attempt_no = t.n
    SET
        a.outcome = if(
            -- A cancelled job's keys were skipped: it is never done, whatever became of the rest.
            a.cancel_requested_at IS NOT NULL AND p_outcome <> 'failed', 'cancelled', p_outcome
        ),
        a.error = p_error,
        a.ended_at = utc_timestamp(6),
        a.is_counted = p_counted,
        a.alone_next = coalesce(json_contains(p_alone, cast(a.job_id AS JSON)), FALSE)
    WHERE p_jobs IS NULL OR json_contains(p_jobs, cast(a.job_id AS JSON));

    CALL deletion_carry_over(p_run_id);
END$$
DELIMITER ;
