-- deletion_leave
-- End a worker's call: note how it went, and free the slot.
--
-- Parameters  p_slot      the worker's slot; NULL: none
--             p_outcome   idle, worked, paused or interrupted
--             p_jobs      number of jobs claimed
-- Writes      deletion_slots                       Commits  no
-- Execute     deletion_jobs_worker, deletion_jobs_operator

CREATE OR REPLACE FUNCTION deletion_leave(
    p_slot integer,
    p_outcome text,
    p_jobs bigint
) RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path FROM CURRENT
AS $deletion_leave$
BEGIN
    IF p_slot IS NOT NULL THEN
        UPDATE deletion_slots AS s
        SET last_ended_at = clock_timestamp(), last_outcome = p_outcome, jobs_claimed = p_jobs
        WHERE s.slot = p_slot AND s.session_id = pg_backend_pid();
        PERFORM pg_advisory_unlock(deletion_lock_key('slot', p_slot));
    END IF;
END;
$deletion_leave$;

COMMENT ON FUNCTION deletion_leave(integer, text, bigint) IS
'End a worker''s call: note how it went, and free the slot.';
REVOKE ALL ON FUNCTION deletion_leave(integer, text, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deletion_leave(integer, text, bigint)
TO deletion_jobs_worker, deletion_jobs_operator;
