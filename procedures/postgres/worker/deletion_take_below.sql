-- deletion_take_below
-- Count all that hangs from locked rows, level by level; lock those that others hang from.
--
-- Parameters  p_run     the run                    p_level   the locked rows
--             p_most    most rows below them
-- Returns     these rows with what is below them, of which found does not hold themselves
-- Writes      nothing; locks rows                  Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_take_below(
    p_run deletion_runs,
    p_level deletion_level,
    p_most bigint
) RETURNS deletion_subtree
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_take_below$
DECLARE
    v_one text := CASE WHEN p_run.job_count = 1 THEN '_one' ELSE '' END;
    v_tree deletion_subtree;
    v_no integer := 1;
    v_level deletion_level;
    v_next deletion_level;
    v_below record;
    v_count bigint;
    v_by_job jsonb;
BEGIN
    v_tree.levels := ARRAY[p_level];
    v_tree.found := '[]';
    v_tree.rows_left := p_most;

    WHILE v_no <= cardinality(v_tree.levels) LOOP
        v_level := v_tree.levels[v_no];

        FOR v_below IN
            SELECT
                c.sql_text, c.node_no, c.table_name, c.kind LIKE 'take%' AS is_taken,
                d.sql_text AS delete_sql
            FROM deletion_plan_steps AS c
            INNER JOIN deletion_plan_steps AS d ON d.plan_id = c.plan_id AND d.edge_no = c.edge_no
            WHERE
                c.plan_id = p_run.plan_id AND c.parent_node_no = v_level.node_no
                AND (
                    (c.kind = 'count' || v_one AND d.kind = 'sweep')
                    OR (c.kind = 'take_below' || v_one AND d.kind = 'remove_all' || v_one)
                )
            ORDER BY c.edge_no
        LOOP
            -- In a statement of its own: a child that was committed while the lock on its parent was
            -- waited for is seen by the next.
            IF v_below.is_taken THEN
                EXECUTE v_below.sql_text
                INTO v_next.jobs, v_next.keys, v_next.parents, v_count
                USING v_level.jobs, v_level.keys, v_level.parents, v_tree.rows_left + 1;
                v_next.node_no := v_below.node_no;
                v_by_job := deletion_rows_by_job(v_next);
            ELSE
                EXECUTE v_below.sql_text INTO v_count, v_by_job
                USING v_level.jobs, v_level.keys, v_level.parents, v_tree.rows_left + 1;
            END IF;

            v_tree.rows_left := v_tree.rows_left - v_count;

            IF v_tree.rows_left < 0 THEN
                RETURN v_tree;
            END IF;

            CONTINUE WHEN v_count = 0;

            IF v_below.is_taken THEN
                v_tree.levels := v_tree.levels || v_next;
            END IF;

            -- What is found later hangs from what was found before, or from its like.
            v_tree.found := jsonb_build_object(
                'sql', v_below.delete_sql, 'table', v_below.table_name, 'rows', v_count,
                'level', CASE WHEN v_below.is_taken THEN cardinality(v_tree.levels) ELSE v_no END,
                'jobs', coalesce(v_by_job, jsonb_build_object(v_level.jobs[1], v_count))
            ) || v_tree.found;
        END LOOP;

        v_no := v_no + 1;
    END LOOP;

    RETURN v_tree;
END;
$deletion_take_below$;

COMMENT ON FUNCTION deletion_take_below(deletion_runs, deletion_level, bigint) IS
'Count all that hangs from locked rows, level by level; lock those that others hang from.';
REVOKE ALL ON FUNCTION deletion_take_below(deletion_runs, deletion_level, bigint) FROM PUBLIC;
