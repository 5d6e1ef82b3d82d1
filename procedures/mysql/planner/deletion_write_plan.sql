-- deletion_write_plan
-- Store a compiled plan: each step with its finished SQL.
--
-- Parameters  p_plan_id   the plan, its references numbered and described
-- Writes      deletion_plan_steps                  Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_write_plan;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_write_plan(
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Store a compiled plan: each step with its finished SQL'
BEGIN
    DECLARE v_step_no INT;
    DECLARE v_waits BOOLEAN;
    DECLARE v_silent, v_other JSON;

    -- What a trigger adds below rows that are about to go, the engine deletes with them, sets NULL,
    -- or refuses. Tables below which that would be another end than the plan's, and those from
    -- which the engine's own cascade leads there; and of them those where no error would tell.
    WITH RECURSIVE other (node_no, is_refused) AS (
        SELECT
            e.parent_node_no,
            coalesce(e.delete_rule NOT IN ('CASCADE', 'SET NULL'), FALSE)
        FROM deletion_plan_edges AS e
        WHERE
            e.plan_id = p_plan_id
            AND e.action <> 'keep'
            -- No trigger may change the table whose rows are being deleted.
            AND e.parent_node_no <> e.child_node_no
            AND NOT (e.delete_rule <=> 'CASCADE' AND e.action = 'cascade')
            AND NOT (e.delete_rule <=> 'SET NULL' AND e.action = 'set_null')
        UNION DISTINCT
        SELECT e.parent_node_no, o.is_refused
        FROM other AS o
        STRAIGHT_JOIN deletion_plan_edges AS e FORCE INDEX (idx_dpe_child)  -- noqa: PRS
            ON
                e.plan_id = p_plan_id
                AND e.child_node_no = o.node_no
                AND e.delete_rule = 'CASCADE'
    )

    SELECT
        coalesce(json_arrayagg(if(o.is_refused, NULL, o.node_no)), json_array()),
        coalesce(json_arrayagg(o.node_no), json_array())
    INTO v_silent, v_other
    FROM other AS o;

    -- Where foreign keys alone lead on, and no row waits for another, what is emptied under its
    -- parents' lock stays empty: no second look is needed (remove_now).
    SET v_waits = coalesce((
        SELECT max(e.waits OR e.is_circular)
        FROM deletion_plan_edges AS e
        WHERE e.plan_id = p_plan_id
    ), FALSE);

    INSERT INTO deletion_plan_steps (
        plan_id, step_no, kind, node_no, edge_no, table_name, is_leaf, waits, in_check, index_name,
        sql_text
    )
    SELECT
        p_plan_id, k.step_no, k.kind, 0, 0, n.display_name, FALSE, FALSE, FALSE, 'key',
        CASE k.kind
            WHEN 'guard' THEN deletion_sql_guard(p_plan_id)
            WHEN 'roots' THEN deletion_sql_roots(p_plan_id)
            WHEN 'live' THEN deletion_sql_live(p_plan_id)
            ELSE deletion_sql_rows(p_plan_id, 0, k.kind)
        END
    FROM deletion_plan_nodes AS n
    CROSS JOIN json_table(
        '["guard", "roots", "live", "hold", "lock", "look", "free", "remove", "remove_now", "left"]',  -- noqa: LT05
        '$[*]' COLUMNS (  -- noqa: CP02
            step_no FOR ORDINALITY,  -- noqa: PRS
            kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'
        )
    ) AS k
    WHERE
        n.plan_id = p_plan_id
        AND n.node_no = 0
        AND (k.kind <> 'live' OR deletion_sql_live(p_plan_id) IS NOT NULL)
        AND (
            k.kind <> 'remove_now'
            OR NOT (
                v_waits
                OR json_contains(v_silent, '0')
                OR EXISTS (
                    SELECT 1
                    FROM deletion_plan_edges AS b FORCE INDEX (uq_dpe_reference)
                    WHERE
                        b.plan_id = p_plan_id
                        AND b.parent_node_no = 0
                        AND b.action <> 'keep'
                        AND (b.action <> 'cascade' OR b.is_declared)
                )
            )
        );

    SET v_step_no = (
        SELECT max(s.step_no) FROM deletion_plan_steps AS s WHERE s.plan_id = p_plan_id
    );

    INSERT INTO deletion_plan_steps (
        plan_id, step_no, kind, node_no, parent_node_no, edge_no, table_name, reference_name,
        action, is_leaf, waits, set_order, in_check, index_name, sql_text
    )
    SELECT
        p_plan_id, k.step_no, k.kind, e.child_node_no, e.parent_node_no, e.edge_no,
        n.display_name, e.reference_name, e.action, e.is_leaf, e.waits, e.set_order, e.in_check,
        e.index_name,
        CASE k.kind
            WHEN 'parent_row' THEN deletion_sql_change_rows(p_plan_id, e.edge_no, k.kind)
            WHEN 'change_rows' THEN deletion_sql_change_rows(p_plan_id, e.edge_no, k.kind)
            WHEN 'fetch' THEN deletion_sql_fetch(p_plan_id, e.edge_no, FALSE, NULL)
            WHEN 'fetch_more' THEN deletion_sql_fetch(p_plan_id, e.edge_no, TRUE, NULL)
            WHEN 'drain' THEN deletion_sql_drain(p_plan_id, e.edge_no)
            WHEN 'find' THEN deletion_sql_find(p_plan_id, e.edge_no, k.kind)
            WHEN 'drain_found' THEN deletion_sql_find(p_plan_id, e.edge_no, k.kind)
            WHEN 'fetch_next' THEN deletion_sql_find(p_plan_id, e.edge_no, k.kind)
            WHEN 'expand' THEN deletion_sql_levels(p_plan_id, e.edge_no, k.kind)
            WHEN 'fetch_levels' THEN deletion_sql_levels(p_plan_id, e.edge_no, k.kind)
            WHEN 'look_levels' THEN deletion_sql_levels(p_plan_id, e.edge_no, k.kind)
            WHEN 'look_level' THEN deletion_sql_levels(p_plan_id, e.edge_no, k.kind)
            WHEN 'remove_level' THEN deletion_sql_levels(p_plan_id, e.edge_no, k.kind)
            WHEN 'count' THEN deletion_sql_sweep(p_plan_id, e.edge_no, k.kind)
            WHEN 'count_one' THEN deletion_sql_sweep(p_plan_id, e.edge_no, k.kind)
            WHEN 'sweep' THEN deletion_sql_sweep(p_plan_id, e.edge_no, k.kind)
            WHEN 'cycle' THEN deletion_sql_cycle(p_plan_id, e.edge_no, k.kind)
            WHEN 'ring' THEN deletion_sql_cycle(p_plan_id, e.edge_no, k.kind)
            WHEN 'own' THEN deletion_sql_cycle(p_plan_id, e.edge_no, k.kind)
            WHEN 'link' THEN deletion_sql_link(p_plan_id, e.edge_no)
            WHEN 'default' THEN deletion_sql_default(p_plan_id, e.edge_no)
            WHEN 'part' THEN deletion_sql_part(p_plan_id, e.edge_no)
            WHEN 'size' THEN concat(
                'SELECT COUNT(*) INTO @dj_rows FROM (SELECT 1 FROM ', n.sql_name, ' LIMIT ?) AS q'  -- noqa: LT05
            )
            ELSE deletion_sql_rows(p_plan_id, e.edge_no, k.kind)
        END
    FROM (
        -- All places first: each statement is written once, and where it belongs.
        SELECT
            e.edge_no, k.kind,
            v_step_no + row_number() OVER (ORDER BY e.edge_no, k.place) AS step_no
        FROM deletion_plan_edges AS e
        INNER JOIN deletion_plan_nodes AS n
            ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
        INNER JOIN json_table(
            '["fetch", "fetch_more", "size", "default", "cycle", "ring", "own", "link", "drain",
            "count", "count_one", "sweep", "hold", "lock", "look", "free", "remove", "remove_now",
            "left", "set", "part", "expand", "fetch_levels", "look_levels", "look_level",
            "remove_level", "find", "drain_found", "fetch_next", "parent_row", "change_rows"]',
            '$[*]' COLUMNS (  -- noqa: CP02
                place FOR ORDINALITY,  -- noqa: PRS
                kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'
            )
        ) AS k
            ON CASE
                -- What is kept is read by previews alone.
                WHEN e.action = 'keep' THEN k.kind = 'fetch_more' AND e.on_frame IS NOT NULL
                WHEN k.kind IN ('fetch', 'fetch_more') THEN TRUE
                WHEN k.kind = 'size' THEN e.index_name IS NULL
                WHEN k.kind = 'default' THEN e.action = 'set_default'
                WHEN k.kind IN ('parent_row', 'change_rows') THEN
                    n.key_columns IS NULL AND e.action <> 'restrict'
                WHEN n.key_columns IS NULL THEN FALSE
                -- Rings that a NULL opens, those that nothing opens, and rows in their own way.
                WHEN k.kind IN ('cycle', 'ring') THEN
                    e.child_node_no = e.parent_node_no
                    AND NOT e.is_circular
                    AND e.action IN ('cascade', 'restrict')
                    AND (e.break_list IS NULL) = (k.kind = 'ring')
                WHEN k.kind = 'own' THEN
                    e.child_node_no = e.parent_node_no
                    AND e.is_refused
                    AND e.break_list IS NULL
                WHEN k.kind = 'link' THEN e.is_link
                WHEN k.kind = 'part' THEN e.is_refused AND e.break_list IS NOT NULL
                WHEN k.kind = 'set' THEN e.action IN ('set_null', 'set_default', 'scrub')
                WHEN k.kind = 'lock' THEN e.action <> 'restrict'
                WHEN k.kind = 'remove' THEN e.action = 'cascade'
                -- Rows that are set before they go have to be known one by one.
                WHEN k.kind = 'drain' THEN e.is_leaf AND NOT EXISTS (
                    SELECT 1
                    FROM deletion_plan_edges AS w FORCE INDEX (idx_dpe_child)
                    WHERE
                        w.plan_id = e.plan_id
                        AND w.child_node_no = e.child_node_no
                        AND w.waits
                        AND w.action <> 'restrict'
                )
                WHEN k.kind IN ('find', 'drain_found') THEN
                    e.is_leaf AND e.is_ordered AND NOT v_waits
                -- Rows of one table that hang from each other go a few at a time.
                WHEN k.kind = 'fetch_next' THEN
                    e.action = 'cascade'
                    AND NOT e.is_leaf
                    AND e.is_ordered
                    AND e.parent_node_no <> e.child_node_no
                    AND NOT v_waits
                WHEN k.kind IN (
                    'expand', 'fetch_levels', 'look_levels', 'look_level', 'remove_level'
                ) THEN
                    e.action = 'cascade'
                    AND e.parent_node_no = e.child_node_no
                    AND e.index_name IS NOT NULL
                    AND NOT v_waits
                    -- What the engine would take as the plan does is not looked for again.
                    AND (
                        k.kind <> 'look_level'
                        OR json_contains(v_other, cast(e.child_node_no AS JSON))
                        OR EXISTS (
                            SELECT 1
                            FROM deletion_plan_edges AS b FORCE INDEX (uq_dpe_reference)
                            WHERE
                                b.plan_id = e.plan_id
                                AND b.parent_node_no = e.child_node_no
                                AND b.child_node_no <> e.child_node_no
                                AND b.action NOT IN ('keep', 'cascade')
                        )
                    )
                WHEN k.kind IN ('count', 'count_one', 'sweep') THEN
                    e.is_leaf AND NOT e.is_declared AND e.index_name IS NOT NULL AND NOT v_waits
                WHEN k.kind = 'remove_now' THEN
                    e.action = 'cascade' AND NOT e.is_leaf AND NOT v_waits
                    AND NOT json_contains(v_silent, cast(e.child_node_no AS JSON))
                    AND NOT EXISTS (
                        SELECT 1
                        FROM deletion_plan_edges AS b FORCE INDEX (uq_dpe_reference)
                        WHERE
                            b.plan_id = e.plan_id
                            AND b.parent_node_no = e.child_node_no
                            AND b.action <> 'keep'
                            AND (b.action <> 'cascade' OR b.is_declared)
                    )
                -- What has no children is not looked at again before it goes.
                ELSE e.action = 'cascade' AND NOT e.is_leaf
            END
        WHERE e.plan_id = p_plan_id
    ) AS k
    STRAIGHT_JOIN deletion_plan_edges AS e  -- noqa: PRS
        ON e.plan_id = p_plan_id AND e.edge_no = k.edge_no
    STRAIGHT_JOIN deletion_plan_nodes AS n
        ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no;
END$$
DELIMITER ;
