-- deletion_plan_graph
-- Work out the tables and references of a target's deletion, in the order of the walk.
--
-- Parameters  p_entity_table   the target, as it is registered
-- Returns     jsonb: nodes (deletion_plan_node), edges (deletion_plan_edge with no, leaf, waits,
--             check), tables (OIDs), can_block, has_waits; error_code and error where no plan
--             can run
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_plan_graph(p_entity_table text)
RETURNS jsonb
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_plan_graph$
DECLARE
    v_root oid;
    v_key int2[];
    v_max_rows bigint;
    v_closure oid[];
    v_front oid[];
    v_tables oid[];
    v_references jsonb;
    v_nodes jsonb;
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

    IF deletion_key_changed(p_entity_table) THEN
        RETURN jsonb_build_object('tables', ARRAY[v_root::bigint], 'error_code', 'JD005', 'error',
            format('the key of %s has changed its type: register it again', p_entity_table));
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
    -- What is kept is read by previews alone: a table that cannot be read so is no reason to fail.
    WHERE r.action <> 'keep' OR deletion_plan_problem(ARRAY[r.child_oid]) IS NULL;

    SELECT v_closure || coalesce(array_agg(DISTINCT r.child_oid), '{}')
    INTO v_tables
    FROM jsonb_to_recordset(v_references) AS r (child_oid oid)
    WHERE r.child_oid <> ALL (v_closure);

    -- Without its discriminator a declared reference would mean the rows of every kind.
    SELECT 'columns of a declared reference are gone: '
        || string_agg(r.reference_name, ', ' ORDER BY r.reference_name)
    INTO v_error
    FROM jsonb_to_recordset(v_references) AS r (
        reference_name text, child_columns jsonb, parent_columns jsonb, discriminator_column int2,
        discriminator_value text
    )
    WHERE
        coalesce(jsonb_typeof(r.child_columns), 'null') = 'null'
        OR coalesce(jsonb_typeof(r.parent_columns), 'null') = 'null'
        OR (r.discriminator_column IS NULL AND r.discriminator_value IS NOT NULL);

    v_error := coalesce(
        v_error,
        deletion_misfit_problem(deletion_add_partitions(v_tables)),
        deletion_plan_problem(v_tables),
        deletion_rule_problem(v_references)
    );

    IF v_error IS NOT NULL THEN
        RETURN jsonb_build_object(
            'tables', to_jsonb(deletion_add_partitions(v_tables)), 'error_code', 'JD005',
            'error', v_error
        );
    END IF;

    v_references := deletion_plan_set_order(v_references, v_closure, v_key);

    SELECT jsonb_agg(
        deletion_plan_node(
            (t.ordinality - 1)::integer,
            t.table_oid,
            CASE WHEN t.table_oid = v_root THEN v_key ELSE deletion_node_key(t.table_oid) END,
            ARRAY(
                SELECT jsonb_array_elements_text(r.parent_columns)::int2
                FROM jsonb_to_recordset(v_references) AS r (parent_oid oid, parent_columns jsonb)
                WHERE r.parent_oid = t.table_oid
                UNION
                SELECT CAST(-6 AS int2)
                FROM jsonb_to_recordset(v_references) AS r (parent_oid oid, parent_part oid)
                WHERE r.parent_oid = t.table_oid AND r.parent_part IS NOT NULL
            ),
            t.table_oid = ANY (v_closure)
        ) ORDER BY t.ordinality
    )
    INTO v_nodes
    FROM unnest(v_tables) WITH ORDINALITY AS t (table_oid, ordinality);

    v_graph := jsonb_build_object(
        'nodes', v_nodes,
        'tables', to_jsonb(deletion_add_partitions(v_tables)),
        'max_rows', v_max_rows
    ) || deletion_plan_edges(v_closure, v_references, v_nodes, v_max_rows IS NOT NULL);
    v_error := coalesce(deletion_declared_problem(v_references), deletion_rewrite_problem(
        v_closure || ARRAY(
            SELECT r.child_part
            FROM jsonb_to_recordset(v_references) AS r (child_part oid, action text)
            WHERE r.action = 'cascade' AND r.child_part IS NOT NULL
        ),
        ARRAY(
            SELECT coalesce(r.child_part, r.child_oid)
            FROM jsonb_to_recordset(v_references) AS r (child_oid oid, child_part oid, action text)
            WHERE r.action IN ('set_null', 'set_default', 'scrub')
            UNION
            -- Where rows go in a circle, one lets go of another.
            SELECT v_tables[e.child + 1]
            FROM jsonb_to_recordset(v_graph -> 'edges') AS e (child integer, break_columns jsonb)
            WHERE jsonb_typeof(e.break_columns) = 'array'
        )
    ));

    IF v_error IS NOT NULL AND NOT v_graph ? 'error_code' THEN
        v_graph := v_graph || jsonb_build_object('error_code', 'JD005', 'error', v_error);
    END IF;

    RETURN v_graph;
END;
$deletion_plan_graph$;

COMMENT ON FUNCTION deletion_plan_graph(text) IS
'The tables and references of a target''s deletion, in the order of the walk.';
REVOKE ALL ON FUNCTION deletion_plan_graph(text) FROM PUBLIC;
