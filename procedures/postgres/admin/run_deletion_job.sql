-- run_deletion_job
-- Work one pending deletion job now, in the foreground, whenever it was scheduled for.
--
-- Parameters  p_job_id   the job
--             p_status   OUT: the job's status afterwards
--             p_home     leave it out: the installation this procedure belongs to
-- Errors      JD001 no such job; JD002 NULL; JD003 the job is not pending;
--             57014 the call was cancelled
-- Writes      the application's tables, and all tables of runs and jobs     Commits  yes
-- Execute     deletion_jobs_operator
-- Example     CALL run_deletion_job(42, NULL);

CREATE OR REPLACE PROCEDURE run_deletion_job(
    p_job_id bigint,
    INOUT p_status text,
    p_home regclass DEFAULT 'deletion_jobs'::regclass
)
LANGUAGE plpgsql
SECURITY INVOKER
AS $run_deletion_job$
DECLARE
    v_path text := (
        SELECT pg_catalog.format('%I, pg_temp', n.nspname)
        FROM pg_catalog.pg_class AS c
        INNER JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
        WHERE c.oid OPERATOR(pg_catalog.=) p_home::pg_catalog.oid
    );
    v_run_id bigint;
    v_token uuid;
    v_state text := 'ended';
BEGIN
    PERFORM pg_catalog.set_config('search_path', v_path, TRUE);

    IF p_job_id IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'JD002', MESSAGE = 'run_deletion_job: the job is NULL';
    END IF;

    PERFORM deletion_enter(NULL, NULL);
    PERFORM deletion_recover();
    COMMIT;
    -- Every statement has to see what was committed while the one before it waited for locks: a
    -- hold, or a child that came late. The session's own level may be another.
    SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
    PERFORM pg_catalog.set_config('search_path', v_path, TRUE);
    SELECT c.run_id, c.token INTO v_run_id, v_token FROM deletion_claim(NULL, p_job_id) AS c;
    COMMIT;
    SET TRANSACTION ISOLATION LEVEL READ COMMITTED;

    IF v_token IS NOT NULL THEN
        CALL deletion_work(v_run_id, v_token, 'infinity', v_path, v_state);
    END IF;

    PERFORM pg_catalog.set_config('search_path', v_path, TRUE);

    IF v_state = 'interrupted' THEN
        COMMIT;
        RAISE EXCEPTION USING
            ERRCODE = 'query_canceled',
            MESSAGE = 'run_deletion_job: cancelled; the job has returned to the queue';
    END IF;

    p_status := deletion_job_status(p_job_id);
END;
$run_deletion_job$;

COMMENT ON PROCEDURE run_deletion_job(bigint, text, regclass) IS
'Work one pending deletion job now, in the foreground, whenever it was scheduled for.';
REVOKE ALL ON PROCEDURE run_deletion_job(bigint, text, regclass) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE run_deletion_job(bigint, text, regclass) TO deletion_jobs_operator;
