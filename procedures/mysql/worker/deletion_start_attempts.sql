-- deletion_start_attempts
-- Mark jobs as running, each with an attempt that keeps what was asked for.
--
-- Parameters  p_run_id   the run                   p_jobs   JSON array of the jobs, locked
-- Writes      deletion_attempts, deletion_jobs     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_start_attempts;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_start_attempts(
    IN p_run_id BIGINT UNSIGNED,
    IN p_jobs JSON
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Mark jobs as running, each with an attempt that keeps what was asked for'
BEGIN
    INSERT INTO deletion_attempts (  -- noqa: PRS
        job_id, attempt_no, run_id, started_at, asked_reason, asked_hard_delete, asked_scheduled_at,
        asked_by, asked_at
    )
    SELECT
        j.id, coalesce(a.attempt_no, 0) + 1, p_run_id, utc_timestamp(6), j.reason, j.hard_delete,
        -- Back-off has overwritten the wished time; the first attempt still knows it.
        if(a.is_past = FALSE, a.asked_scheduled_at, j.scheduled_at), j.created_by, j.created_at
    FROM json_table(p_jobs, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$')) AS t
    STRAIGHT_JOIN deletion_jobs AS j FORCE INDEX (PRIMARY) ON j.id = t.id
    LEFT JOIN deletion_attempts AS a
        ON
            a.job_id = j.id
            AND a.attempt_no = (
                SELECT max(b.attempt_no) FROM deletion_attempts AS b WHERE b.job_id = j.id
            );

    UPDATE json_table(p_jobs, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$')) AS t
    STRAIGHT_JOIN deletion_jobs AS j FORCE INDEX (PRIMARY) ON j.id = t.id
    SET j.status = 'running', j.started_at = utc_timestamp(6), j.finished_at = NULL, j.error = NULL;
END$$
DELIMITER ;
