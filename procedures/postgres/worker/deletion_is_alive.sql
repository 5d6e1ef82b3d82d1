-- deletion_is_alive
-- Say whether a run's worker still works: its session holds the run's lock, in the same call.
--
-- Parameters  p_run   the run
-- Returns     boolean
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_is_alive(p_run deletion_runs)
RETURNS boolean
LANGUAGE sql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_is_alive$
SELECT
    p_run.ended_at IS NULL
    -- Locks do not outlive the server: a run of an earlier life, or of another server, is gone.
    AND p_run.server_id = pg_postmaster_start_time()::text
    -- Our own session is between runs whenever it asks; advisory locks would let it in again.
    AND p_run.session_id <> pg_backend_pid()
    AND p_run.session_id = deletion_lock_holder(deletion_lock_key('run', p_run.run_id))
    -- A pooled session may keep the lock after an error: then it is idle, or in another statement.
    AND (
        p_run.session_mark IS NULL
        OR p_run.session_mark = deletion_session_mark(p_run.session_id::integer)
    );
$deletion_is_alive$;

COMMENT ON FUNCTION deletion_is_alive(deletion_runs) IS
'Whether a run''s worker still works.';
REVOKE ALL ON FUNCTION deletion_is_alive(deletion_runs) FROM PUBLIC;
