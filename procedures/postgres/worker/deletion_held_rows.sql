-- deletion_held_rows
-- Find the rows of a plan's tables on which a hold is in force.
--
-- Parameters  p_plan_id   the plan
-- Returns     jsonb array of the rows that are there, as frames keep them, each with its table's
--             number ("n"); "j" is the hold's number, above all numbers of jobs. A hold whose row
--             is found no more stands there with "lost": which row it was nobody can say
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_held_rows(p_plan_id bigint)
RETURNS jsonb
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_held_rows$
DECLARE
    v_table record;
    v_keys jsonb;
    v_rows jsonb := '[]'::jsonb;
BEGIN
    FOR v_table IN
        SELECT
            t.node_no,
            s.sql_text,
            jsonb_agg(jsonb_build_object('j', h.hold_id + (1::bigint << 62), 'pk', h.row_pk))
            AS holds,
            jsonb_agg(h.hold_id + (1::bigint << 62)) FILTER (WHERE h.row_seen_at IS NOT NULL)
            AS seen
        FROM deletion_holds AS h
        -- By the columns that the hold was placed by; without such a step they are no key now.
        INNER JOIN (
            SELECT DISTINCT d.node_no, d.table_name
            FROM deletion_plan_steps AS d
            WHERE d.plan_id = p_plan_id AND d.kind = 'held'
        ) AS t ON t.table_name = h.table_name
        LEFT JOIN deletion_plan_steps AS s
            ON
                s.plan_id = p_plan_id AND s.kind = 'held' AND s.node_no = t.node_no
                AND s.table_name = t.table_name AND s.index_name = h.key_columns::text
        WHERE
            h.released_at IS NULL
            AND (h.held_until IS NULL OR h.held_until > clock_timestamp())
        GROUP BY t.node_no, s.step_no, s.sql_text
        ORDER BY t.node_no, s.step_no
    LOOP
        v_keys := NULL;

        IF v_table.sql_text IS NOT NULL THEN
            BEGIN
                EXECUTE v_table.sql_text INTO v_keys USING v_table.holds;
            EXCEPTION
                -- The columns are of another type now, which does not take what was held.
                WHEN data_exception OR check_violation THEN
                    v_keys := NULL;
            END;
        END IF;

        v_rows := v_rows || coalesce(v_keys, '[]') || coalesce((
            SELECT jsonb_agg(jsonb_build_object('n', v_table.node_no, 'j', l.j, 'lost', TRUE))
            FROM (
                (
                    SELECT e.value AS j
                    FROM jsonb_array_elements(v_table.seen) AS e
                    WHERE v_keys IS NOT NULL
                    EXCEPT
                    SELECT k.value -> 'j'
                    FROM jsonb_array_elements(v_keys) AS k
                )
                UNION ALL
                SELECT e.value -> 'j'
                FROM jsonb_array_elements(v_table.holds) AS e
                WHERE v_keys IS NULL
            ) AS l
        ), '[]');
    END LOOP;

    RETURN v_rows;
END;
$deletion_held_rows$;

COMMENT ON FUNCTION deletion_held_rows(bigint) IS
'The rows of a plan''s tables on which a hold is in force.';
REVOKE ALL ON FUNCTION deletion_held_rows(bigint) FROM PUBLIC;
