-- deletion_enter
-- Begin a worker's call: free what an earlier call of this session left, and take the slot.
--
-- Parameters  p_slot          the worker's slot; NULL: none
--             p_run_seconds   how long the call may work; NULL: the setting run_seconds
-- Returns     timestamptz, when the call should end; NULL where another works in the slot
-- Writes      deletion_slots                       Commits  no
-- Execute     deletion_jobs_worker, deletion_jobs_operator

CREATE OR REPLACE FUNCTION deletion_enter(
    p_slot integer,
    p_run_seconds integer
) RETURNS timestamptz
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path FROM CURRENT
AS $deletion_enter$
DECLARE
    v_key bigint;
    v_until timestamptz := clock_timestamp()
    + make_interval(secs => coalesce(p_run_seconds, deletion_setting_int('run_seconds')));
    v_timeout interval := current_setting('statement_timeout')::interval;
BEGIN
    -- The whole call is one statement: it ends by itself before the session's limit ends it.
    IF v_timeout > '0' THEN
        v_until := least(v_until, statement_timestamp() + 0.8 * v_timeout);
    END IF;

    -- Session locks survive an error in a CALL and count how often they were taken.
    FOR v_key IN
        SELECT deletion_lock_key('run', r.run_id)
        FROM deletion_runs AS r
        WHERE r.session_id = pg_backend_pid() AND r.ended_at IS NULL
        UNION ALL
        SELECT deletion_lock_key('slot', s.slot)
        FROM deletion_slots AS s
        WHERE s.session_id = pg_backend_pid()
        UNION ALL
        SELECT deletion_lock_key('slot', p_slot)
        WHERE p_slot IS NOT NULL
    LOOP
        WHILE deletion_lock_holder(v_key) = pg_backend_pid() LOOP
            PERFORM pg_advisory_unlock(v_key);
        END LOOP;
    END LOOP;

    IF p_slot IS NULL THEN
        RETURN v_until;
    END IF;

    IF NOT pg_try_advisory_lock(deletion_lock_key('slot', p_slot)) THEN
        RETURN NULL;
    END IF;

    INSERT INTO deletion_slots AS s (slot, last_started_at, last_outcome, session_id)
    VALUES (p_slot, clock_timestamp(), 'running', pg_backend_pid())
    ON CONFLICT (slot) DO UPDATE
    SET
        last_started_at = excluded.last_started_at,
        last_ended_at = NULL,
        last_outcome = excluded.last_outcome,
        last_error = NULL,
        session_id = excluded.session_id;
    RETURN v_until;
END;
$deletion_enter$;

COMMENT ON FUNCTION deletion_enter(integer, integer) IS
'Begin a worker''s call: free what an earlier call of this session left, and take the slot.';
REVOKE ALL ON FUNCTION deletion_enter(integer, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deletion_enter(integer, integer)
TO deletion_jobs_worker, deletion_jobs_operator;
