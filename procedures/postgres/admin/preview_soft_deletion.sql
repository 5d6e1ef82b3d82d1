-- preview_soft_deletion
-- Say, table by table, how many rows a soft deletion would mark; nothing is changed.
--
-- Parameters  p_table   the target                 p_pk   key of the row
-- Returns     table_name, action (mark, held, root_not_found), reference_name (always NULL),
--             row_count, is_at_least (the walk was cut short)
-- Errors      JD002 NULL, or a key that does not parse; JD004 the table is no target; JD005, JD011
--             as the plan's; JD006 the table of a hold is not found;
--             42501 a right or a policy is in the way
-- Writes      deletion_walk_keys, emptied again    Commits  no
-- Execute     deletion_jobs_operator
-- Example     SELECT * FROM preview_soft_deletion('users', '42');

CREATE OR REPLACE FUNCTION preview_soft_deletion(
    p_table text,
    p_pk text
) RETURNS TABLE (
    table_name text,
    action text,
    reference_name text,
    row_count bigint,
    is_at_least boolean
)
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path FROM CURRENT
-- As for a run's steps: the statements are the same. No setting that is changed within leaves it.
SET row_security = off
SET jit = off
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_bitmapscan = off
SET enable_nestloop = on
SET enable_indexscan = on
SET enable_tidscan = on
SET timezone = 'UTC'
SET datestyle = 'ISO'
SET intervalstyle = 'postgres'
SET bytea_output = 'hex'
AS $preview_soft_deletion$
DECLARE
    c_verb CONSTANT text := 'preview_soft_deletion';
    v_walk_id CONSTANT bigint := -pg_backend_pid();
    v_plan deletion_plans;
    v_plan_id bigint;
    v_error text;
    v_read bigint := 0;
    v_total bigint := 0;
    v_keys jsonb;
    v_sql text;
    v_is_cut boolean;
    v_until timestamptz := clock_timestamp()
    + make_interval(secs => deletion_setting_int('run_seconds'));
BEGIN
    v_plan := deletion_soft_plan(c_verb, p_table);
    v_plan_id := v_plan.plan_id;
    v_error := deletion_missing_privilege(v_plan_id);

    IF v_error IS NOT NULL THEN
        PERFORM deletion_raise('42501', c_verb, v_error, NULL);
    END IF;

    v_error := substr(deletion_missing_identity(v_plan_id), 8);

    IF v_error IS NOT NULL THEN
        PERFORM deletion_raise('JD005', 'preview_soft_deletion', v_error, NULL);
    END IF;

    v_error := deletion_lost_hold();

    IF v_error IS NOT NULL THEN
        PERFORM deletion_raise(
            'JD006', c_verb, 'the table of a hold is not found', substr(v_error, 8)
        );
    END IF;

    SELECT s.sql_text INTO STRICT v_sql
    FROM deletion_plan_steps AS s
    WHERE s.plan_id = v_plan_id AND s.kind = 'roots';
    EXECUTE v_sql INTO v_keys USING jsonb_build_array(jsonb_build_object(
        'j', 0, 'pk', deletion_parse_key(v_plan.entity_table, p_pk, c_verb)
    ));

    DELETE FROM deletion_walk_keys AS w WHERE w.walk_id = v_walk_id;
    v_is_cut := NOT deletion_preview_held(v_walk_id, v_plan_id, v_keys, v_until);
    PERFORM deletion_seed_walk(v_walk_id, v_keys);

    LOOP
        v_read := deletion_walk(v_walk_id, v_plan_id, TRUE);
        EXIT WHEN v_read IS NULL;
        v_total := v_total + v_read;
        EXIT WHEN v_total >= deletion_setting_int('preview_rows');
    END LOOP;

    RETURN QUERY
    SELECT
        f.*, NULL::text, count(*) FILTER (WHERE f.action <> 'root_not_found'),
        v_is_cut OR v_read IS NOT NULL
    FROM (
        SELECT n.table_name, CASE WHEN w.keys ? 'm' THEN 'root_not_found' ELSE 'mark' END AS action
        FROM deletion_walk_keys AS w
        INNER JOIN deletion_plan_steps AS n
            ON n.plan_id = v_plan_id AND n.kind = 'restore' AND n.node_no = w.node_no
        INNER JOIN deletion_soft_columns AS c
            ON deletion_entity_name(to_regclass(format('%I.%I', c.table_schema, c.table_name)))
                = n.table_name
        WHERE w.walk_id = v_walk_id AND w.fate <> 'held' AND NOT EXISTS (
            SELECT 1
            FROM deletion_walk_keys AS h
            WHERE
                h.walk_id = v_walk_id AND h.job_id = w.job_id AND h.fate = 'held'
                AND h.node_no = w.node_no AND h.key_hash = w.key_hash
            OFFSET 0
        ) AND (w.keys ? 'm' OR CASE c.kind
            WHEN 'timestamp' THEN w.keys ->> 's' IS NULL
            -- As texts: nothing says that a row is compared with its own table's column first.
            WHEN 'boolean' THEN w.keys ->> 's' IS DISTINCT FROM 'true'
            ELSE w.keys ->> 's' IS DISTINCT FROM c.mark_value::text
        END)
        UNION ALL
        SELECT n.table_name, 'held'
        FROM deletion_walk_keys AS w
        CROSS JOIN LATERAL (
            SELECT s.table_name
            FROM deletion_plan_steps AS s
            WHERE s.plan_id = v_plan_id AND s.kind = 'held' AND s.node_no = w.node_no
            LIMIT 1
        ) AS n
        WHERE w.walk_id = v_walk_id AND w.fate = 'held'
    ) AS f
    GROUP BY f.table_name, f.action
    ORDER BY 1, 2;

    DELETE FROM deletion_walk_keys AS w WHERE w.walk_id = v_walk_id;
END;
$preview_soft_deletion$;

COMMENT ON FUNCTION preview_soft_deletion(text, text) IS
'How many rows a soft deletion would mark, table by table; nothing is changed.';
REVOKE ALL ON FUNCTION preview_soft_deletion(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION preview_soft_deletion(text, text) TO deletion_jobs_operator;
