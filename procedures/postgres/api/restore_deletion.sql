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
--             deletion_runs, deletion_receipts     Commits  no
-- Execute     deletion_jobs_app, deletion_jobs_operator
-- Example     CALL restore_deletion(42);

CREATE OR REPLACE PROCEDURE restore_deletion(p_job_id bigint)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
-- As for a run's steps: the values are read as they were written.
SET row_security = off
SET jit = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET timezone = 'UTC'
SET datestyle = 'ISO'
SET intervalstyle = 'postgres'
SET bytea_output = 'hex'
AS $restore_deletion$
BEGIN
    IF p_job_id IS NULL THEN
        PERFORM deletion_raise('JD002', 'restore_deletion', 'p_job_id is NULL', NULL);
    END IF;

    PERFORM deletion_restore_job(p_job_id);
END;
$restore_deletion$;

COMMENT ON PROCEDURE restore_deletion(bigint) IS
'Take back what a soft deletion job has marked, all in the caller''s transaction or none of it.';
REVOKE ALL ON PROCEDURE restore_deletion(bigint) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE restore_deletion(bigint) TO deletion_jobs_app, deletion_jobs_operator;
