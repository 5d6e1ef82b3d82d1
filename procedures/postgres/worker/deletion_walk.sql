-- deletion_walk
-- Read one layer of a walk: the rows that hang from some rows whose children are not yet known.
--
-- Parameters  p_walk_id   the walk                 p_plan_id   its plan
--             p_all       TRUE: every reference (preview, circle); FALSE: those the check needs.
--                         Check and preview note what ties rows that could go in a circle
-- Returns     bigint, the number of rows read; NULL: the walk has ended
-- Writes      deletion_walk_keys, deletion_walk_links     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_walk(
    p_walk_id bigint,
    p_plan_id bigint,
    p_all boolean
) RETURNS bigint
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_walk$
DECLARE
    -- Read in pages: one answer of the engine is never larger than this.
    v_page CONSTANT bigint := 10000;
    v_node integer;
    v_frame jsonb;
    v_step deletion_plan_steps;
    v_link text;
    v_keys jsonb;
    v_cursor jsonb;
    v_count bigint;
    v_is_end boolean;
    v_read bigint := 0;
    -- A preview looks at no more rows than it may: what it has seen by then is said to be so. Nor
    -- does a run that looks for the rows of a circle: more than a batch of them cannot go together.
    v_enough bigint := CASE
        WHEN p_walk_id < 0 THEN deletion_setting_int('preview_rows')
        WHEN p_all THEN 10 * deletion_setting_int('batch_rows')
    END;
BEGIN
    SELECT w.node_no INTO v_node
    FROM deletion_walk_keys AS w
    WHERE w.walk_id + 0 = p_walk_id AND NOT w.is_expanded
    ORDER BY w.node_no + 0
    LIMIT 1;

    IF NOT FOUND THEN
        RETURN NULL;
    END IF;

    WITH taken AS (
        UPDATE deletion_walk_keys AS w
        SET is_expanded = TRUE
        WHERE w.ctid = ANY (ARRAY(
            SELECT x.ctid
            FROM deletion_walk_keys AS x
            WHERE x.walk_id + 0 = p_walk_id AND NOT x.is_expanded AND x.node_no + 0 = v_node
            LIMIT 200
        ))
        RETURNING w.job_id, w.keys, w.key_hash
    )

    SELECT jsonb_agg(t.keys || jsonb_build_object('j', t.job_id, 'h', encode(t.key_hash, 'hex')))
    INTO v_frame
    FROM taken AS t;

    FOR v_step IN
        SELECT s.*
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = p_plan_id AND s.kind = 'fetch_more' AND s.parent_node_no = v_node
            AND (p_all OR s.in_check)
        ORDER BY s.step_no
    LOOP
        v_cursor := NULL;
        SELECT s.sql_text INTO v_link
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = p_plan_id AND s.edge_no = v_step.edge_no AND s.kind = 'link'
            AND (NOT p_all OR p_walk_id < 0);
        -- Rows below which nothing is looked at are met and done with.
        v_is_end := v_step.action <> 'cascade' OR NOT EXISTS (
            SELECT 1
            FROM deletion_plan_steps AS b
            WHERE
                b.plan_id = p_plan_id AND b.kind = 'fetch_more'
                AND b.parent_node_no = v_step.node_no AND (p_all OR b.in_check)
        );

        LOOP
            PERFORM deletion_allow_hash(v_step.index_name IS NULL);
            EXECUTE coalesce(v_link, v_step.sql_text) INTO v_keys, v_count
            USING v_frame, v_page, v_cursor;
            PERFORM deletion_allow_hash(FALSE);
            -- Two of the frame's rows may hold the same child by one reference of two jobs only.
            INSERT INTO deletion_walk_keys (
                walk_id, job_id, node_no, fate, key_hash, edge_no, keys, is_expanded
            )
            SELECT
                p_walk_id, (k.value ->> 'j')::bigint, v_step.node_no,
                CASE v_step.action WHEN 'cascade' THEN 'delete' ELSE v_step.action END,
                deletion_frame_hash(k.value), v_step.edge_no, k.value - '{j,h}'::text[], v_is_end
            FROM jsonb_array_elements(v_keys) AS k
            ON CONFLICT DO NOTHING;
            INSERT INTO deletion_walk_links (
                walk_id, job_id, parent_node_no, parent_hash, child_node_no, child_hash, edge_no
            )
            SELECT
                p_walk_id, (k.value ->> 'j')::bigint, v_node, decode(k.value ->> 'h', 'hex'),
                v_step.node_no, deletion_frame_hash(k.value), v_step.edge_no
            FROM jsonb_array_elements(v_keys) AS k
            WHERE v_link IS NOT NULL
            ON CONFLICT DO NOTHING;
            v_read := v_read + v_count;
            EXIT WHEN v_count < v_page OR v_read >= v_enough;
            v_cursor := v_keys -> -1;
        END LOOP;
    END LOOP;

    RETURN v_read;
END;
$deletion_walk$;

COMMENT ON FUNCTION deletion_walk(bigint, bigint, boolean) IS
'Read one layer of a walk: the rows that hang from some rows whose children are not yet known.';
REVOKE ALL ON FUNCTION deletion_walk(bigint, bigint, boolean) FROM PUBLIC;
