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
    -- Who has had a batch of its own, or more than half of what the run works at, is heavy. The
    -- small ones go on together: alone each of them would cost a run.
    v_heavy bigint[] := ARRAY(
        SELECT a.job_id
        FROM deletion_attempts AS a
        WHERE
            a.run_id = p_run_id AND a.outcome IS NULL
            AND (
                (
                    SELECT sum((r.row_counts ->> a.job_id::text)::bigint)
                    FROM deletion_receipts AS r
                    WHERE r.run_id = a.run_id
                ) >= deletion_setting_int('batch_rows')
                OR a.job_id IN (
                    SELECT (k.value ->> 'j')::bigint
                    FROM deletion_frames AS f
                    CROSS JOIN LATERAL jsonb_array_elements(f.keys) AS k
                    WHERE
                        f.run_id = p_run_id
                        AND f.depth = (
                            SELECT max(g.depth) FROM deletion_frames AS g WHERE g.run_id = p_run_id
                        )
                    GROUP BY f.key_count, k.value ->> 'j'
                    HAVING count(*) * 2 > f.key_count
                )
            )
    );
BEGIN
    PERFORM deletion_settle(p_run_id, NULL, 'sliced', NULL, FALSE, v_heavy);
    PERFORM deletion_end_run(p_run_id, 'sliced', NULL);
END;
$deletion_slice$;

COMMENT ON FUNCTION deletion_slice(bigint) IS
'Dissolve a run whose time is up: its heavy jobs go on alone, at the back of the queue.';
REVOKE ALL ON FUNCTION deletion_slice(bigint) FROM PUBLIC;
