-- deletion_slice
-- Dissolve a run whose time is up: its heavy jobs go on alone, at the back; the others as before.
--
-- Parameters  p_run_id   the run
-- Writes      deletion_runs, deletion_attempts, deletion_jobs, deletion_frames      Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_slice(p_run_id bigint)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_slice$
DECLARE
    -- Whoever has keys in the top frame is what the run spent its time on.
    v_heavy bigint[] := ARRAY(
        SELECT DISTINCT (k.value ->> 'j')::bigint
        FROM deletion_frames AS f
        CROSS JOIN LATERAL jsonb_array_elements(f.keys) AS k
        WHERE
            f.run_id = p_run_id
            AND f.depth = (SELECT max(g.depth) FROM deletion_frames AS g WHERE g.run_id = p_run_id)
    );
BEGIN
    PERFORM deletion_settle(p_run_id, NULL, 'sliced', NULL, FALSE, v_heavy);
    PERFORM deletion_end_run(p_run_id, 'sliced', NULL);
END;
$deletion_slice$;

COMMENT ON FUNCTION deletion_slice(bigint) IS
'Dissolve a run whose time is up: its heavy jobs go on alone, at the back of the queue.';
REVOKE ALL ON FUNCTION deletion_slice(bigint) FROM PUBLIC;
