-- deletion_step
-- Do one bounded step of a run; the caller commits it.
--
-- Parameters  p_run_id, p_token   the run, as it was claimed
--             p_until             when the worker's call should end
-- Returns     text: more, retry (after an error that passes), ended, lost or interrupted
-- Writes      the application's tables, and all tables of a run     Commits  no
-- Execute     deletion_jobs_worker, deletion_jobs_operator

CREATE OR REPLACE FUNCTION deletion_step(
    p_run_id bigint,
    p_token uuid,
    p_until timestamptz
) RETURNS text
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path FROM CURRENT
-- A policy would make deletes silently partial: better an error. Hash and merge joins would
-- read whole tables where the frame's keys find their rows by index; so would plans that were made
-- when a table was empty, and are kept. A step's own statements are the same each time: one plan of
-- each is enough, where the planner would make another for every list of tables or keys (7 %).
-- A bitmap would be made of all that an index has, however few of it a page takes. What is left has
-- to be on, whatever the server's settings say; and no setting that is changed within leaves it.
SET row_security = off
SET jit = off
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_bitmapscan = off
SET enable_nestloop = on
SET enable_indexscan = on
SET enable_tidscan = on
SET plan_cache_mode = force_generic_plan
SET timezone = 'UTC'
SET datestyle = 'ISO'
SET intervalstyle = 'postgres'
SET bytea_output = 'hex'
AS $deletion_step$
DECLARE
    v_run deletion_runs;
    v_state text;
    v_code text;
    v_message text;
    v_context text;
    v_place text;
BEGIN
    PERFORM set_config('lock_timeout', deletion_setting_int('lock_timeout_ms')::text, TRUE);

    BEGIN
        v_run := deletion_fence(p_run_id, p_token);

        IF v_run.phase = 'check' THEN
            v_state := deletion_check(v_run);
        ELSE
            v_state := deletion_advance_run(v_run, p_until);
        END IF;

        -- What is deferred fails here, inside the handler, and not at COMMIT.
        SET CONSTRAINTS ALL IMMEDIATE;

        -- Rows and receipts of a batch are lost together or not at all; the end of a run waits.
        IF v_state = 'more' AND deletion_setting('synchronous_batches') = 'false' THEN
            PERFORM set_config('synchronous_commit', 'off', TRUE);
        END IF;

        RETURN v_state;
    EXCEPTION
        WHEN query_canceled THEN
            v_state := 'interrupted';
        WHEN OTHERS THEN
            GET STACKED DIAGNOSTICS
                v_code = RETURNED_SQLSTATE,
                v_message = MESSAGE_TEXT,
                v_context = PG_EXCEPTION_CONTEXT;
            -- The innermost routine, where it is not one of ours: a trigger's.
            v_place := substring(v_context, '(?n)^PL/\w+ function .*$');

            IF v_place !~ format(
                '^PL/\w+ function (%s\.)?deletion_\w+\(',
                regexp_replace(quote_ident(current_schema()), '(\W)', '\\\1', 'g')
            ) THEN
                v_message := v_message || ' (' || v_place || ')';
            END IF;

            v_state := 'failed';
    END;

    IF v_code = 'JD010' THEN
        RETURN 'lost';
    END IF;

    v_run := deletion_fence(p_run_id, p_token);
    RETURN deletion_step_failed(v_run, v_state = 'interrupted', v_code, v_message);
EXCEPTION
    WHEN SQLSTATE 'JD010' THEN
        RETURN 'lost';
END;
$deletion_step$;

COMMENT ON FUNCTION deletion_step(bigint, uuid, timestamptz) IS
'Do one bounded step of a run; the caller commits it.';
REVOKE ALL ON FUNCTION deletion_step(bigint, uuid, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deletion_step(bigint, uuid, timestamptz)
TO deletion_jobs_worker, deletion_jobs_operator;
