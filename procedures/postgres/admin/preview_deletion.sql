-- preview_deletion
-- Say, table by table, what deleting a row would do; nothing is changed.
--
-- Parameters  p_table   the target                 p_pk   key of the row
-- Returns     table_name, action (delete, set_null, set_default, scrub, restrict, keep, held,
--             circle, root_not_found), reference_name (of what blocks or is kept, and of the rows
--             of a circle that nothing opens), row_count, is_at_least (the walk was cut short)
-- Errors      JD002 NULL, or a key that does not parse; JD004 the table is no target; JD005,
--             JD007 as the plan's; JD006 the table of a hold is not found;
--             42501 a right or a policy is in the way
-- Writes      deletion_walk_keys, deletion_walk_links, emptied again     Commits  no
-- Execute     deletion_jobs_operator
-- Example     SELECT * FROM preview_deletion('users', '42');

CREATE OR REPLACE FUNCTION preview_deletion(
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
AS $preview_deletion$
DECLARE
    v_walk_id CONSTANT bigint := -pg_backend_pid();
    v_plan deletion_plans;
    v_plan_id bigint;
    v_error text;
    v_read bigint := 0;
    v_total bigint := 0;
    v_until timestamptz := clock_timestamp()
    + make_interval(secs => deletion_setting_int('run_seconds'));
    v_keys jsonb;
    v_sql text;
    v_is_cut boolean;
    v_fates jsonb;
    v_circle record;
BEGIN
    v_plan := deletion_usable_plan('preview_deletion', p_table);
    v_plan_id := v_plan.plan_id;
    v_error := deletion_missing_privilege(v_plan_id);

    IF v_error IS NOT NULL THEN
        PERFORM deletion_raise('42501', 'preview_deletion', v_error, NULL);
    END IF;

    v_error := substr(deletion_missing_identity(v_plan_id), 8);

    IF v_error IS NOT NULL THEN
        PERFORM deletion_raise('JD005', 'preview_deletion', v_error, NULL);
    END IF;

    v_error := deletion_lost_hold();

    IF v_error IS NOT NULL THEN
        PERFORM deletion_raise(
            'JD006', 'preview_deletion', 'the table of a hold is not found', substr(v_error, 8)
        );
    END IF;

    SELECT s.sql_text INTO STRICT v_sql
    FROM deletion_plan_steps AS s
    WHERE s.plan_id = v_plan_id AND s.kind = 'roots';
    EXECUTE v_sql INTO v_keys USING jsonb_build_array(jsonb_build_object(
        'j', 0, 'pk', deletion_parse_key(v_plan.entity_table, p_pk, 'preview_deletion')
    ));

    DELETE FROM deletion_walk_keys AS w WHERE w.walk_id = v_walk_id;
    DELETE FROM deletion_walk_links AS l WHERE l.walk_id = v_walk_id;
    v_is_cut := NOT deletion_preview_held(v_walk_id, v_plan_id, v_keys, v_until);
    PERFORM deletion_seed_walk(v_walk_id, v_keys);

    LOOP
        v_read := deletion_walk(v_walk_id, v_plan_id, TRUE);
        EXIT WHEN v_read IS NULL;
        v_total := v_total + v_read;
        EXIT WHEN v_total >= deletion_setting_int('preview_rows') OR clock_timestamp() >= v_until;
    END LOOP;

    v_is_cut := v_is_cut OR v_read IS NOT NULL;
    PERFORM deletion_walk_defaults(v_walk_id, v_plan_id);
    v_fates := (SELECT jsonb_agg(f) FROM deletion_fates(v_walk_id, v_plan_id) AS f);

    -- Of a walk that was cut short nobody knows which circles others open.
    IF v_read IS NULL THEN
        v_circle := deletion_preview_circle(v_walk_id, v_plan_id, v_until);
        v_is_cut := v_is_cut OR NOT v_circle.p_is_over;
        v_fates := v_fates || (
            SELECT coalesce(jsonb_agg(jsonb_build_object(
                'table_name', c.value -> 't', 'action', 'circle', 'reference_name', c.value -> 'r',
                'row_count', c.value -> 'n'
            )), '[]')
            FROM jsonb_array_elements(v_circle.p_found) AS c
        );
    END IF;

    RETURN QUERY
    SELECT f.*, v_is_cut
    FROM jsonb_to_recordset(v_fates) AS f (
        table_name text, action text, reference_name text, row_count bigint
    )
    ORDER BY 1, 2, 3;
    DELETE FROM deletion_walk_keys AS w WHERE w.walk_id = v_walk_id;
    DELETE FROM deletion_walk_links AS l WHERE l.walk_id = v_walk_id;
END;
$preview_deletion$;

COMMENT ON FUNCTION preview_deletion(text, text) IS
'What deleting a row would do, table by table; nothing is changed.';
REVOKE ALL ON FUNCTION preview_deletion(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION preview_deletion(text, text) TO deletion_jobs_operator;
