-- deletion_find_roots
-- Find the rows that a run's jobs name, and push them as the run's first frame.
--
-- Parameters  p_run   the run, fenced
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
BEGIN
    -- All at once: a subtransaction for each key would cost more than all that follows.
    BEGIN
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'j', j.id, 'pk', deletion_parse_key(p_run.entity_table, j.entity_pk)
        ) ORDER BY j.id), '[]')
        INTO v_roots
        FROM deletion_attempts AS a
        INNER JOIN deletion_jobs AS j ON j.id = a.job_id
        WHERE a.run_id = p_run.run_id AND a.outcome IS NULL;
    EXCEPTION
        WHEN SQLSTATE 'JD002' THEN
            v_roots := deletion_parse_roots(p_run);
    END;

    SELECT s.* INTO STRICT v_step
    FROM deletion_plan_steps AS s
    WHERE s.plan_id = p_run.plan_id AND s.kind = 'roots';
    EXECUTE v_step.sql_text INTO v_keys, v_count USING v_roots;

    IF v_count > 0 THEN
        INSERT INTO deletion_frames (run_id, depth, node_no, edge_no, keys, key_count,
            edge_pos, rows_at_pass, rows_here)
        VALUES (p_run.run_id, 0, 0, 0, v_keys, v_count, 0, p_run.rows_changed, 0);
    END IF;

    -- A job that comes again after a crash has removed its root itself: its receipts know.
    INSERT INTO deletion_receipts (job_id, table_name, action, row_count)
    SELECT (k ->> 'j')::bigint, v_step.table_name, 'root_not_found', 0
    FROM jsonb_array_elements(v_keys) AS k
    WHERE
        k ? 'm'
        AND NOT EXISTS (
            SELECT 1 FROM deletion_receipts AS r
            WHERE
                r.job_id = (k ->> 'j')::bigint AND r.table_name = v_step.table_name
                AND r.action = 'delete'
                -- Receipts of an earlier request of the same row are another story.
                AND r.updated_at >= (
                    SELECT min(a.started_at)
                    FROM deletion_attempts AS a
                    WHERE a.job_id = r.job_id AND NOT a.is_past
                )
        )
    ON CONFLICT DO NOTHING;
END;
$deletion_find_roots$;

COMMENT ON FUNCTION deletion_find_roots(deletion_runs) IS
'Find the rows that a run''s jobs name, and push them as the run''s first frame.';
REVOKE ALL ON FUNCTION deletion_find_roots(deletion_runs) FROM PUBLIC;
