-- run_deletion_jobs
-- Work due deletion jobs until none is due or the time is over; the schedulers call this.
--
-- Parameters  p_slot          the worker's slot, one call at a time in each; NULL: no slot
--             p_run_seconds   how long to work; NULL: the setting run_seconds
--             p_home          leave it out: the installation this procedure belongs to
-- Errors      JD002 not a positive number; 57014 the call was cancelled (its jobs have returned)
-- Writes      the application's tables, and all tables of runs and jobs     Commits  yes
-- Execute     deletion_jobs_worker, deletion_jobs_operator
-- Example     CALL run_deletion_jobs(NULL, NULL);

CREATE OR REPLACE PROCEDURE run_deletion_jobs(
    p_slot integer,
    p_run_seconds integer,
    p_home regclass DEFAULT 'deletion_jobs'::regclass
)
LANGUAGE plpgsql
SECURITY INVOKER
AS $run_deletion_jobs$
DECLARE
    -- A procedure that commits cannot pin its search_path: it finds its own schema by OID, and
    -- sets the path anew in each transaction. Until then every name is spelled with its schema.
    v_path text := (
        SELECT pg_catalog.format('%I, pg_temp', n.nspname)
        FROM pg_catalog.pg_class AS c
        INNER JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
        WHERE c.oid OPERATOR(pg_catalog.=) p_home::pg_catalog.oid
    );
    v_until timestamptz;
    v_run_id bigint;
    v_token uuid;
    v_job_count integer;
    v_jobs bigint := 0;
    v_state text := 'idle';
    v_due_at timestamptz;
    v_due_id bigint;
    v_looked_at timestamptz;
    v_is_fresh boolean;
BEGIN
    PERFORM pg_catalog.set_config('search_path', v_path, TRUE);

    IF p_slot <= 0 OR p_run_seconds <= 0 THEN
        RAISE EXCEPTION USING
            ERRCODE = 'JD002',
            MESSAGE = format(
                'run_deletion_jobs: not a positive number (%s, %s)', p_slot, p_run_seconds
            );
    END IF;

    v_until := deletion_enter(p_slot, p_run_seconds);

    IF v_until IS NULL THEN
        RETURN;
    END IF;

    COMMIT;
    -- Every statement has to see what was committed while the one before it waited for locks: a
    -- hold, or a child that came late. The session's own level may be another.
    SET TRANSACTION ISOLATION LEVEL READ COMMITTED;

    LOOP
        PERFORM pg_catalog.set_config('search_path', v_path, TRUE);
        v_is_fresh := (clock_timestamp() BETWEEN v_looked_at AND v_looked_at + '5 s') IS NOT TRUE;

        -- What has ended, jobs that were claimed and notes that were dropped, stays in the indexes of
        -- what is open as long as an old snapshot is open somewhere. It is passed once in a while, so
        -- that a job that has lost its worker, or one that came since with an earlier time than the
        -- last one's, waits no longer.
        IF v_is_fresh THEN
            v_due_at := NULL;
            v_due_id := NULL;
            v_looked_at := clock_timestamp();
            PERFORM deletion_recover();
            COMMIT;
            SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
            PERFORM pg_catalog.set_config('search_path', v_path, TRUE);
        END IF;

        v_run_id := NULL;
        SELECT c.run_id, c.token, c.job_count, c.due_at, c.due_id
        INTO v_run_id, v_token, v_job_count, v_due_at, v_due_id
        FROM deletion_claim(p_slot, NULL, v_due_at, v_due_id) AS c;
        COMMIT;
        SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
        PERFORM pg_catalog.set_config('search_path', v_path, TRUE);
        EXIT WHEN v_run_id IS NULL AND (v_is_fresh OR clock_timestamp() >= v_until);

        -- Before it ends, whatever came back meanwhile.
        IF v_run_id IS NULL THEN
            v_looked_at := NULL;
            CONTINUE;
        END IF;

        v_jobs := v_jobs + v_job_count;

        IF v_token IS NOT NULL THEN
            CALL deletion_work(v_run_id, v_token, v_until, v_path, v_state);
        END IF;

        EXIT WHEN v_state = 'interrupted' OR clock_timestamp() >= v_until;
    END LOOP;

    PERFORM pg_catalog.set_config('search_path', v_path, TRUE);
    PERFORM deletion_leave(
        p_slot,
        CASE WHEN v_state = 'interrupted' THEN v_state WHEN v_jobs > 0 THEN 'worked' ELSE 'idle' END,
        v_jobs
    );
    COMMIT;

    IF v_state = 'interrupted' THEN
        RAISE EXCEPTION USING
            ERRCODE = 'query_canceled',
            MESSAGE = 'run_deletion_jobs: cancelled; its jobs have returned to the queue';
    END IF;
END;
$run_deletion_jobs$;

COMMENT ON PROCEDURE run_deletion_jobs(integer, integer, regclass) IS
'Work due deletion jobs until none is due or the time is over; the schedulers call this.';
REVOKE ALL ON PROCEDURE run_deletion_jobs(integer, integer, regclass) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE run_deletion_jobs(integer, integer, regclass)
TO deletion_jobs_worker, deletion_jobs_operator;
