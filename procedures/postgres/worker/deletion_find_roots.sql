-- deletion_find_roots
-- Find the rows that a run's jobs name, and push them as the run's first frame.
--
-- Parameters  p_run   the run, fenced
-- Errors      55P03 a caller holds the attempt of a job whose key is none
-- Writes      deletion_frames, deletion_receipts; deletion_attempts and deletion_jobs of jobs
--             whose key does not parse (JD002)     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_find_roots(p_run deletion_runs)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_find_roots$
DECLARE
    v_roots jsonb;
    v_step deletion_plan_steps;
    v_keys jsonb;
    v_count bigint;
    v_odd bigint;
    v_is_plain boolean := (
        SELECT t.plain_key IS NOT NULL
        FROM deletion_targets AS t
        WHERE t.entity_table = p_run.entity_table
    );
BEGIN
    SELECT s.* INTO STRICT v_step
    FROM deletion_plan_steps AS s
    WHERE s.plan_id = p_run.plan_id AND s.kind = 'roots';

    -- All at once: a subtransaction for each key would cost more than all that follows.
    BEGIN
        SELECT coalesce(jsonb_agg(jsonb_build_object('j', j.id, 'pk', CASE
            -- Of such a type a key that reads, and prints as it was, is one.
            WHEN v_is_plain THEN j.entity_pk
            ELSE deletion_parse_key(p_run.entity_table, j.entity_pk)
        END) ORDER BY j.id), '[]')
        INTO v_roots
        FROM deletion_attempts AS a
        INNER JOIN deletion_jobs AS j ON j.id = a.job_id
        WHERE a.run_id = p_run.run_id AND a.outcome IS NULL;
        EXECUTE v_step.sql_text INTO v_keys, v_count, v_odd USING v_roots;
        v_odd := CASE WHEN v_is_plain THEN v_odd ELSE 0 END;
    EXCEPTION
        WHEN data_exception OR SQLSTATE 'JD002' THEN
            v_odd := 1;
    END;

    IF v_odd > 0 THEN
        v_roots := deletion_parse_roots(p_run);
        EXECUTE v_step.sql_text INTO v_keys, v_count USING v_roots;
    END IF;

    -- Under a collation that folds letters 'abc' and 'ABC' are one row and two jobs.
    PERFORM deletion_fail_jobs(p_run.run_id, ARRAY[j.id], format(
        'JD002: the key is spelled otherwise in the table (%s)', j.entity_pk
    ))
    FROM jsonb_array_elements(v_keys) AS k
    INNER JOIN deletion_jobs AS j ON j.id = (k.value ->> 'j')::bigint
    WHERE k.value ->> 'm' = '2';

    IF FOUND THEN
        SELECT jsonb_agg(k.value), count(*)
        INTO v_keys, v_count
        FROM jsonb_array_elements(v_keys) AS k
        WHERE k.value ->> 'm' IS DISTINCT FROM '2';
    END IF;

    IF v_count > 0 THEN
        INSERT INTO deletion_frames (run_id, depth, node_no, edge_no, keys, key_count,
            edge_pos, rows_at_pass, rows_here)
        VALUES (p_run.run_id, 0, 0, 0, v_keys, v_count, 0, p_run.rows_changed, 0);
    END IF;

    -- A job that comes again after a crash has removed its root itself: its receipts know.
    PERFORM deletion_add_receipts(
        p_run.run_id, ARRAY[v_step.table_name], 'root_not_found',
        ARRAY[(
            SELECT jsonb_object_agg(k.value ->> 'j', 0)
            FROM jsonb_array_elements(v_keys) AS k
            WHERE
                k.value ? 'm'
                AND NOT EXISTS (
                    SELECT 1
                    FROM deletion_attempts AS a
                    INNER JOIN deletion_receipts AS r ON r.run_id = a.run_id
                    WHERE
                        -- What an earlier request of the same row did is another story.
                        a.job_id = (k.value ->> 'j')::bigint AND NOT a.is_past
                        AND r.table_name = v_step.table_name AND r.action = 'delete'
                        AND r.row_counts ? (k.value ->> 'j')
                )
        )]
    );
END;
$deletion_find_roots$;

COMMENT ON FUNCTION deletion_find_roots(deletion_runs) IS
'Find the rows that a run''s jobs name, and push them as the run''s first frame.';
REVOKE ALL ON FUNCTION deletion_find_roots(deletion_runs) FROM PUBLIC;
