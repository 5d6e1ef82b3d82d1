-- deletion_soft_spread
-- Note one page of what hangs from the rows that soft jobs are at.
--
-- Parameters  p_run     the run, its state as it is now
--             p_jobs    its jobs that are still wanted
-- Returns     the run; its state has no soft any more where all below the rows is noted
-- Writes      deletion_soft_keys                   Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_soft_spread(
    p_run deletion_runs,
    p_jobs bigint[]
) RETURNS deletion_runs
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_soft_spread$
DECLARE
    -- A wide parent's children are read in pages; each page reads its index anew.
    v_page CONSTANT bigint := 50000;
    v_run deletion_runs := p_run;
    v_at jsonb := p_run.state -> 'soft';
    v_step deletion_plan_steps;
    v_keys jsonb;
    v_count bigint;
    v_last jsonb;
BEGIN
    SELECT s.* INTO v_step
    FROM deletion_plan_steps AS s
    WHERE
        s.plan_id = p_run.plan_id AND s.kind = 'spread'
        AND s.parent_node_no = (v_at ->> 'node')::integer
        AND s.edge_no > (v_at ->> 'edge')::integer
    ORDER BY s.edge_no
    LIMIT 1;

    IF NOT FOUND THEN
        PERFORM deletion_soft_done((v_at ->> 'node')::integer, v_at -> 'keys');
        v_run.state := v_run.state - 'soft';
        RETURN v_run;
    END IF;

    -- A job may have been cancelled since its rows were taken.
    SELECT coalesce(jsonb_agg(e.value), '[]') INTO v_keys
    FROM jsonb_array_elements(v_at -> 'keys') AS e
    WHERE (e.value ->> 'j')::bigint = ANY (p_jobs);

    PERFORM deletion_allow_hash(TRUE) WHERE v_step.index_name IS NULL;
    EXECUTE v_step.sql_text INTO v_count, v_last USING v_keys, v_page, v_at -> 'last';
    PERFORM deletion_allow_hash(FALSE) WHERE v_step.index_name IS NULL;

    v_run.state := jsonb_set(
        v_run.state, '{soft}', CASE
            WHEN v_count < v_page
                THEN (v_at - 'last') || jsonb_build_object('edge', v_step.edge_no)
            ELSE v_at || jsonb_build_object('last', v_last)
        END
    );
    RETURN v_run;
END;
$deletion_soft_spread$;

COMMENT ON FUNCTION deletion_soft_spread(deletion_runs, bigint[]) IS
'Note one page of what hangs from the rows that soft jobs are at.';
REVOKE ALL ON FUNCTION deletion_soft_spread(deletion_runs, bigint[]) FROM PUBLIC;
