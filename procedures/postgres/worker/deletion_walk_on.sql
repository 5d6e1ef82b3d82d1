-- deletion_walk_on
-- Go on with a check's walk for a moment, and stop jobs that hold more rows than they may.
--
-- Parameters  p_run_id   the run                   p_plan_id   its plan
-- Returns     boolean, TRUE where the walk has ended
-- Writes      deletion_walk_keys, deletion_attempts, deletion_jobs, deletion_frames,
--             deletion_runs                        Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_walk_on(
    p_run_id bigint,
    p_plan_id bigint
) RETURNS boolean
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_walk_on$
DECLARE
    v_until timestamptz := clock_timestamp()
    + make_interval(secs => deletion_setting_int('batch_ms') / 1000.0);
    v_max_rows bigint := (
        SELECT coalesce(t.max_rows, deletion_setting_int('max_rows'))
        FROM deletion_plans AS p
        INNER JOIN deletion_targets AS t ON t.entity_table = p.entity_table
        WHERE p.plan_id = p_plan_id
    );
    v_read bigint;
    v_total bigint;
    v_count_at bigint;
    v_jobs bigint[];
BEGIN
    SELECT
        coalesce((r.state ->> 'read')::bigint, 0),
        coalesce((r.state ->> 'count_at')::bigint, v_max_rows)
    INTO v_total, v_count_at
    FROM deletion_runs AS r
    WHERE r.ctid = deletion_run_place(p_run_id) AND r.run_id = p_run_id;

    LOOP
        v_read := deletion_walk(p_run_id, p_plan_id, FALSE);
        v_total := v_total + coalesce(v_read, 0);

        -- No job can hold more rows than were read for all; each count reads all of them again.
        IF v_total >= v_count_at OR (v_read IS NULL AND v_total >= v_max_rows) THEN
            v_count_at := v_total + greatest(10000, v_total / 4);
            v_jobs := ARRAY(
                SELECT w.job_id
                FROM deletion_walk_keys AS w
                WHERE
                    w.walk_id = p_run_id AND w.fate <> 'restrict'
                    AND coalesce(NOT w.keys ? 'm', TRUE)
                GROUP BY w.job_id
                HAVING count(DISTINCT (w.node_no, w.key_hash)) > v_max_rows
            );
            PERFORM deletion_fail_jobs(p_run_id, v_jobs, format(
                'JD013: more rows than max_rows allows (%s)', v_max_rows
            )) WHERE v_jobs <> '{}';
        END IF;

        EXIT WHEN v_read IS NULL OR clock_timestamp() >= v_until;
    END LOOP;

    UPDATE deletion_runs AS r
    SET state = r.state || jsonb_build_object('read', v_total, 'count_at', v_count_at)
    WHERE r.ctid = deletion_run_place(p_run_id) AND r.run_id = p_run_id;

    RETURN v_read IS NULL;
END;
$deletion_walk_on$;

COMMENT ON FUNCTION deletion_walk_on(bigint, bigint) IS
'Go on with a check''s walk for a moment, and stop jobs that hold more rows than they may.';
REVOKE ALL ON FUNCTION deletion_walk_on(bigint, bigint) FROM PUBLIC;
