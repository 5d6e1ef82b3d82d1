-- deletion_write_soft_plan
-- Store a compiled plan of the soft mode: each step with its finished SQL.
--
-- Parameters  p_plan_id   the plan, its references numbered and described
-- Writes      deletion_plan_steps                  Commits  no
-- Execute     the owner only

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02,LT02,LT05
DROP PROCEDURE IF EXISTS deletion_write_soft_plan;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_write_soft_plan(
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Store a compiled plan of the soft mode: each step with its finished SQL'
BEGIN
    INSERT INTO deletion_plan_steps (
        plan_id, step_no, kind, node_no, parent_node_no, edge_no, table_name, reference_name,
        action, is_leaf, in_check, index_name, sql_text
    )
    SELECT
        p_plan_id,
        row_number() OVER (ORDER BY s.edge_no, k.place),
        k.kind, s.node_no, s.parent_node_no, s.edge_no, s.display_name, s.reference_name, s.action,
        s.is_leaf, TRUE,
        if(k.kind IN ('fetch_more', 'spread', 'size'), s.index_name, coalesce(s.index_name, 'key')),
        CASE k.kind
            -- To read is all that is needed of most tables: no column changes meanwhile.
            WHEN 'guard' THEN deletion_sql_guard(p_plan_id)
            WHEN 'roots' THEN deletion_sql_roots(p_plan_id)
            WHEN 'fetch_more' THEN deletion_sql_fetch(p_plan_id, s.edge_no, TRUE, NULL)
            WHEN 'spread' THEN deletion_sql_spread(p_plan_id, s.edge_no)
            WHEN 'size' THEN concat(
                'SELECT COUNT(*) INTO @dj_rows FROM (SELECT 1 FROM ', s.sql_name, ' LIMIT ?) AS q'
            )
            WHEN 'restore_lock' THEN deletion_sql_restore(p_plan_id, s.node_no, k.kind)
            WHEN 'restore' THEN deletion_sql_restore(p_plan_id, s.node_no, k.kind)
            ELSE deletion_sql_mark(p_plan_id, s.edge_no, k.kind)
        END
    FROM (
        SELECT
            0 AS edge_no, n.node_no, NULL AS parent_node_no, n.display_name, n.sql_name,
            NULL AS reference_name, NULL AS action, NULL AS index_name,
            NOT EXISTS (SELECT 1 FROM deletion_plan_edges AS b WHERE b.plan_id = p_plan_id)
            AS is_leaf,
            TRUE AS is_soft, TRUE AS is_first
        FROM deletion_plan_nodes AS n
        WHERE n.plan_id = p_plan_id AND n.node_no = 0
        UNION ALL
        SELECT
            e.edge_no, n.node_no, e.parent_node_no, n.display_name, n.sql_name, e.reference_name,
            e.action, e.index_name, e.is_leaf,
            c.table_name IS NOT NULL,
            -- Once for a table, whichever of its references leads to it.
            n.node_no <> 0
            AND row_number() OVER (PARTITION BY n.node_no ORDER BY e.edge_no) = 1
        FROM deletion_plan_edges AS e
        INNER JOIN deletion_plan_nodes AS n
            ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
        LEFT JOIN deletion_soft_columns AS c
            ON c.table_schema = n.table_schema AND c.table_name = n.table_name
        WHERE e.plan_id = p_plan_id
    ) AS s
    INNER JOIN json_table(
        '["guard", "roots", "fetch_more", "size", "spread", "pass", "lock", "mark", "marked",
        "restore_lock", "restore"]',
        '$[*]' COLUMNS (
            place FOR ORDINALITY,
            kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'
        )
    ) AS k
        ON CASE
            WHEN k.kind IN ('guard', 'roots') THEN s.edge_no = 0
            WHEN k.kind IN ('fetch_more', 'spread') THEN s.edge_no > 0
            WHEN k.kind = 'size' THEN s.edge_no > 0 AND s.index_name IS NULL
            WHEN k.kind = 'pass' THEN NOT s.is_soft
            WHEN k.kind IN ('restore_lock', 'restore') THEN s.is_soft AND s.is_first
            ELSE s.is_soft
        END;
END$$
DELIMITER ;
