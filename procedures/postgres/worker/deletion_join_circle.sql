-- deletion_join_circle
-- Take into a circle the job's own rows that refer to it and may not be left behind.
--
-- Parameters  p_run   the run, of one job; its walk has met all that hangs from the circle
-- Returns     boolean, FALSE where no row came in
-- Writes      deletion_walk_keys; holds what the rows hang from, until the step commits
-- Commits     no
-- Execute     the owner only
--
-- By a reference that restricts no row was found: it is the job's own where climbing from it, by
-- references that cascade, leads to a row on the stack.

CREATE OR REPLACE FUNCTION deletion_join_circle(p_run deletion_runs)
RETURNS boolean
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_join_circle$
DECLARE
    v_step deletion_plan_steps;
    v_jobs bigint[];
    v_nodes integer[];
    v_hashes bytea[];
    v_rows jsonb;
    v_parents jsonb;
    v_found jsonb;
    v_own bigint[] := ARRAY[]::bigint[];
    v_left bigint := 10 * deletion_setting_int('batch_rows');
BEGIN
    -- Each climbs under its place in the list, which stands for the job in these frames.
    SELECT
        array_agg(r.job_id ORDER BY r.place), array_agg(r.node_no ORDER BY r.place),
        array_agg(r.key_hash ORDER BY r.place),
        jsonb_agg(r.keys || jsonb_build_object('j', r.place, 'n', r.node_no))
    INTO v_jobs, v_nodes, v_hashes, v_rows
    FROM (
        SELECT w.job_id, w.node_no, w.key_hash, w.keys, row_number() OVER () AS place
        FROM deletion_walk_keys AS w
        WHERE
            w.walk_id = p_run.run_id AND w.fate = 'restrict'
            AND NOT EXISTS (
                SELECT 1
                FROM deletion_walk_keys AS d
                WHERE
                    d.walk_id = w.walk_id AND d.job_id = w.job_id AND d.node_no = w.node_no
                    AND d.fate = 'delete' AND d.key_hash = w.key_hash
                OFFSET 0
            )
    ) AS r;

    WHILE v_rows IS NOT NULL AND v_left > 0 LOOP
        v_found := '[]';

        FOR v_step IN
            SELECT s.*
            FROM deletion_plan_steps AS s
            WHERE
                s.plan_id = p_run.plan_id AND s.kind = 'above'
                AND v_rows @> jsonb_build_array(jsonb_build_object('n', s.node_no))
            ORDER BY s.step_no
        LOOP
            EXECUTE v_step.sql_text INTO v_parents USING (
                SELECT jsonb_agg(r.value)
                FROM jsonb_array_elements(v_rows) AS r
                WHERE (r.value ->> 'n')::integer = v_step.node_no
            );
            v_found := v_found || v_parents;
        END LOOP;

        v_left := v_left - jsonb_array_length(v_found);
        v_own := v_own || ARRAY(
            SELECT (f.value ->> 'j')::bigint
            FROM jsonb_array_elements(v_found) AS f
            WHERE EXISTS (
                SELECT 1
                FROM deletion_walk_keys AS w
                WHERE
                    w.walk_id = p_run.run_id AND w.job_id = v_jobs[(f.value ->> 'j')::integer]
                    AND w.node_no = (f.value ->> 'n')::integer AND w.fate = 'stack'
                    AND w.key_hash = deletion_frame_hash(f.value)
                OFFSET 0
            )
        );

        -- What was climbed to is noted: a row may stand above itself.
        WITH met AS (
            INSERT INTO deletion_walk_keys (
                walk_id, job_id, node_no, fate, key_hash, edge_no, keys, is_expanded
            )
            SELECT
                p_run.run_id, (f.value ->> 'j')::bigint, (f.value ->> 'n')::integer, 'held',
                deletion_frame_hash(f.value), 0, f.value, TRUE
            FROM jsonb_array_elements(v_found) AS f
            WHERE (f.value ->> 'j')::bigint <> ALL (v_own)
            ON CONFLICT DO NOTHING
            RETURNING deletion_walk_keys.keys
        )

        SELECT jsonb_agg(m.keys) INTO v_rows FROM met AS m;
    END LOOP;

    DELETE FROM deletion_walk_keys AS w WHERE w.walk_id = p_run.run_id AND w.fate = 'held';
    INSERT INTO deletion_walk_keys (
        walk_id, job_id, node_no, fate, key_hash, edge_no, keys, is_expanded
    )
    SELECT w.walk_id, w.job_id, w.node_no, 'delete', w.key_hash, w.edge_no, w.keys, FALSE
    FROM unnest(v_own) AS o (place)
    CROSS JOIN LATERAL (
        SELECT k.*
        FROM deletion_walk_keys AS k
        WHERE
            k.walk_id = p_run.run_id AND k.job_id = v_jobs[o.place]
            AND k.node_no = v_nodes[o.place] AND k.fate = 'restrict'
            AND k.key_hash = v_hashes[o.place]
        OFFSET 0
    ) AS w
    ON CONFLICT DO NOTHING;
    RETURN FOUND;
END;
$deletion_join_circle$;

COMMENT ON FUNCTION deletion_join_circle(deletion_runs) IS
'Take into a circle the job''s own rows that refer to it and may not be left behind.';
REVOKE ALL ON FUNCTION deletion_join_circle(deletion_runs) FROM PUBLIC;
