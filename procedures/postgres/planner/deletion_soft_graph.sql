-- deletion_soft_graph
-- Work out the tables and references that a target's soft deletion walks.
--
-- Parameters  p_entity_table   the target, as it is registered
-- Returns     jsonb, as deletion_plan_graph: references that cascade, and of the tables behind
--             them those that can be marked or lead to such; circles are no error here
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_soft_graph(p_entity_table text)
RETURNS jsonb
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_soft_graph$
DECLARE
    v_root oid;
    v_key int2[];
    v_max_rows bigint;
    v_closure oid[];
    v_front oid[];
    v_useful oid[];
    v_references jsonb;
    v_nodes jsonb;
    v_error_code text := 'JD011';
    v_error text;
    v_graph jsonb;
BEGIN
    SELECT
        c.oid, deletion_attnums(c.oid, t.key_columns),
        coalesce(t.max_rows, deletion_setting_int('max_rows'))
    INTO v_root, v_key, v_max_rows
    FROM deletion_targets AS t
    INNER JOIN pg_namespace AS n ON n.nspname = t.table_schema
    INNER JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = t.table_name
    WHERE t.entity_table = p_entity_table;

    IF v_root IS NULL OR v_key IS NULL THEN
        RETURN jsonb_build_object('tables', '[]'::jsonb, 'error_code', 'JD005',
            'error', format('%s is gone, or its key is', p_entity_table));
    END IF;

    v_closure := ARRAY[v_root];
    v_front := v_closure;

    WHILE v_front IS NOT NULL LOOP
        SELECT array_agg(DISTINCT r.child_oid)
        INTO v_front
        FROM deletion_references_to(v_front) AS r
        WHERE r.action = 'cascade' AND r.child_oid <> ALL (v_closure);
        v_closure := v_closure || coalesce(v_front, '{}');
    END LOOP;

    SELECT coalesce(jsonb_agg(to_jsonb(r)), '[]')
    INTO v_references
    FROM deletion_references_to(v_closure) AS r
    WHERE r.action = 'cascade';

    -- A table from which no marking column can be reached is not looked at.
    WITH RECURSIVE useful (table_oid) AS (
        SELECT c.oid
        FROM pg_class AS c
        INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
        INNER JOIN deletion_soft_columns AS s
            ON s.table_schema = n.nspname AND s.table_name = c.relname
        WHERE c.oid = ANY (v_closure)
        UNION
        SELECT r.parent_oid
        FROM useful AS u
        INNER JOIN jsonb_to_recordset(v_references) AS r (child_oid oid, parent_oid oid)
            ON r.child_oid = u.table_oid
    )

    SELECT array_agg(u.table_oid ORDER BY array_position(v_closure, u.table_oid))
    INTO v_useful
    FROM useful AS u;

    SELECT format('%s of %s: %s', s.column_name, deletion_entity_name(c.oid), p.problem)
    INTO v_error
    FROM deletion_soft_columns AS s
    INNER JOIN pg_namespace AS n ON n.nspname = s.table_schema
    INNER JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = s.table_name
    CROSS JOIN LATERAL (
        SELECT deletion_soft_problem(c.oid, s.column_name, s.mark_value) AS problem
    ) AS p
    WHERE c.oid = ANY (v_closure) AND p.problem IS NOT NULL
    LIMIT 1;

    IF v_error IS NULL THEN
        v_error := coalesce(deletion_misfit_problem(
            deletion_add_partitions(v_closure)
        ), deletion_plan_problem(v_useful), (
            -- What was marked is remembered by its key.
            SELECT format(
                '%s has no primary key and no unique key without NULLs',
                deletion_entity_name(u.table_oid)
            )
            FROM unnest(v_useful) AS u (table_oid)
            WHERE u.table_oid <> v_root AND deletion_node_key(u.table_oid) IS NULL
            LIMIT 1
        ), deletion_rewrite_problem('{}', ARRAY(
            SELECT c.oid
            FROM pg_class AS c
            INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
            INNER JOIN deletion_soft_columns AS s
                ON s.table_schema = n.nspname AND s.table_name = c.relname
            WHERE c.oid = ANY (v_useful)
        )));
        v_error_code := 'JD005';
    END IF;

    IF v_error IS NOT NULL OR v_useful[1] IS DISTINCT FROM v_root THEN
        RETURN jsonb_build_object(
            'tables', to_jsonb(deletion_add_partitions(v_closure)), 'error_code', v_error_code,
            'error', coalesce(v_error, format('%s has no soft-delete column', p_entity_table))
        );
    END IF;

    v_references := (
        SELECT coalesce(jsonb_agg(e.value), '[]')
        FROM jsonb_array_elements(v_references) AS e
        WHERE (e.value ->> 'child_oid')::oid = ANY (v_useful)
    );

    SELECT jsonb_agg(
        deletion_plan_node(
            (t.ordinality - 1)::integer,
            t.table_oid,
            CASE WHEN t.table_oid = v_root THEN v_key ELSE deletion_node_key(t.table_oid) END,
            ARRAY(
                SELECT DISTINCT jsonb_array_elements_text(r.parent_columns)::int2
                FROM jsonb_to_recordset(v_references) AS r (parent_oid oid, parent_columns jsonb)
                WHERE r.parent_oid = t.table_oid
                UNION
                SELECT CAST(-6 AS int2)
                FROM jsonb_to_recordset(v_references) AS r (parent_oid oid, parent_part oid)
                WHERE r.parent_oid = t.table_oid AND r.parent_part IS NOT NULL
            ),
            TRUE
        ) ORDER BY t.ordinality
    )
    INTO v_nodes
    FROM unnest(v_useful) WITH ORDINALITY AS t (table_oid, ordinality);

    v_nodes := deletion_soft_nodes(v_nodes);

    -- A limit alone asks for a check before the first row is touched.
    v_graph := jsonb_build_object(
        'nodes', v_nodes, 'tables', to_jsonb(deletion_add_partitions(v_closure))
    )
    || deletion_plan_edges(v_useful, v_references, v_nodes, v_max_rows IS NOT NULL)
    || jsonb_build_object('can_block', v_max_rows IS NOT NULL, 'has_waits', FALSE);
    v_error := deletion_declared_problem(v_references);

    IF v_error IS NOT NULL AND NOT v_graph ? 'error_code' THEN
        v_graph := v_graph || jsonb_build_object('error_code', 'JD005', 'error', v_error);
    END IF;

    RETURN v_graph;
END;
$deletion_soft_graph$;

COMMENT ON FUNCTION deletion_soft_graph(text) IS
'The tables and references that a target''s soft deletion walks.';
REVOKE ALL ON FUNCTION deletion_soft_graph(text) FROM PUBLIC;
