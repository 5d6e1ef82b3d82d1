-- deletion_keep_asked
-- Keep in the attempts what a job asks for and how it ended, before its row is used again.
--
-- Parameters  p_job_id   the job, locked by the caller
-- Writes      deletion_attempts (one row)          Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_keep_asked(p_job_id bigint)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_keep_asked$
BEGIN
    IF EXISTS (SELECT 1 FROM deletion_attempts AS a WHERE a.job_id = p_job_id AND NOT a.is_past) THEN
        -- Claims write the wish with each attempt; older users of the contract may not have.
        UPDATE deletion_attempts AS a
        SET
            asked_reason = j.reason,
            asked_hard_delete = j.hard_delete,
            asked_scheduled_at = j.scheduled_at,
            asked_by = j.created_by,
            asked_at = j.created_at
        FROM deletion_jobs AS j
        WHERE j.id = p_job_id AND a.job_id = j.id AND NOT a.is_past AND a.asked_at IS NULL;
        RETURN;
    END IF;

    INSERT INTO deletion_attempts (
        job_id, attempt_no, started_at, ended_at, outcome, error,
        asked_reason, asked_hard_delete, asked_scheduled_at, asked_by, asked_at
    )
    SELECT
        j.id,
        1 + coalesce(
            (SELECT max(a.attempt_no) FROM deletion_attempts AS a WHERE a.job_id = j.id), 0
        ),
        j.started_at, coalesce(j.finished_at, now()), j.status, j.error,
        j.reason, j.hard_delete, j.scheduled_at, j.created_by, j.created_at
    FROM deletion_jobs AS j
    WHERE j.id = p_job_id;
END;
$deletion_keep_asked$;

COMMENT ON FUNCTION deletion_keep_asked(bigint) IS
'Keep in the attempts what a job asks for and how it ended, before its row is used again.';
REVOKE ALL ON FUNCTION deletion_keep_asked(bigint) FROM PUBLIC;
