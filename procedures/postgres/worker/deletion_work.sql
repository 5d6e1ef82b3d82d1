-- deletion_work
-- Work a claimed run to its end, step by step, each committed.
--
-- Parameters  p_run_id, p_token   the run, as it was claimed
--             p_until             when the worker's call should end
--             p_path              the search_path of the installation
--             p_state             OUT: ended, lost or interrupted
-- Writes      as deletion_step                     Commits  yes, after each step
-- Execute     deletion_jobs_worker, deletion_jobs_operator

CREATE OR REPLACE PROCEDURE deletion_work(
    p_run_id bigint,
    p_token uuid,
    p_until timestamptz,
    p_path text,
    INOUT p_state text
)
LANGUAGE plpgsql
SECURITY INVOKER
AS $deletion_work$
DECLARE
    v_rest float8;
BEGIN
    LOOP
        PERFORM pg_catalog.set_config('search_path', p_path, TRUE);
        p_state := deletion_step(p_run_id, p_token, p_until);
        COMMIT;
        SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
        PERFORM pg_catalog.set_config('search_path', p_path, TRUE);
        EXIT WHEN p_state NOT IN ('more', 'retry');
        v_rest := deletion_rest(p_state);
        PERFORM pg_sleep(v_rest) WHERE v_rest > 0;
    END LOOP;

    PERFORM deletion_release(p_run_id);
END;
$deletion_work$;

COMMENT ON PROCEDURE deletion_work(bigint, uuid, timestamptz, text, text) IS
'Work a claimed run to its end, step by step, each committed.';
REVOKE ALL ON PROCEDURE deletion_work(bigint, uuid, timestamptz, text, text) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE deletion_work(bigint, uuid, timestamptz, text, text)
TO deletion_jobs_worker, deletion_jobs_operator;
