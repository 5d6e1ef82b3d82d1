-- deletion_write_holds
-- Store the steps by which a plan looks at held rows; a run without any never executes them.
--
-- Parameters  p_plan_id   the plan, its references numbered and described
-- Writes      deletion_plan_steps                  Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_write_holds;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_write_holds(
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Store the steps by which a plan looks at held rows; a run without any never executes them'  -- noqa: LT05
BEGIN
    DECLARE v_step_no INT DEFAULT (
        SELECT max(s.step_no) FROM deletion_plan_steps AS s WHERE s.plan_id = p_plan_id
    );

    INSERT INTO deletion_plan_steps (
        plan_id, step_no, kind, node_no, parent_node_no, edge_no, table_name, reference_name,
        action, index_name, sql_text
    )
    SELECT
        p_plan_id,
        v_step_no + row_number() OVER (
            ORDER BY q.node_no, q.edge_no IS NOT NULL, q.edge_no, q.kind, q.index_name
        ),
        q.kind, q.node_no, q.parent_node_no, q.edge_no, q.display_name, q.reference_name, q.action,
        q.index_name,
        if(
            q.kind = 'held', q.sql_text, deletion_sql_climb(p_plan_id, q.edge_no, q.kind)
        )
    FROM (
        SELECT
            'held' AS kind, k.node_no, NULL AS parent_node_no, NULL AS edge_no, k.display_name,
            NULL AS reference_name, NULL AS action, k.key_columns AS index_name,
            deletion_sql_held(p_plan_id, k.node_no, cast(k.key_columns AS JSON)) AS sql_text
        FROM (
            -- By the key of now, and by each that a hold in force was placed by and that still is.
            SELECT
                n.node_no, n.display_name,
                cast(deletion_node_key(p_plan_id, n.node_no) AS CHAR) AS key_columns
            FROM deletion_plan_nodes AS n
            -- Where there is none no row can be held; a hold from when there was one is met, and
            -- finds no row.
            WHERE n.plan_id = p_plan_id AND n.in_closure
            UNION DISTINCT
            SELECT n.node_no, n.display_name, h.key_columns
            FROM deletion_plan_nodes AS n
            INNER JOIN deletion_holds AS h
                ON h.table_name = n.display_name AND h.released_at IS NULL
            WHERE n.plan_id = p_plan_id AND n.in_closure
        ) AS k
        -- Soft jobs do not come to tables from which no marking column can be reached.
        WHERE
            k.node_no = 0
            OR EXISTS (
                SELECT 1
                FROM deletion_plan_edges AS e FORCE INDEX (idx_dpe_child)
                WHERE
                    e.plan_id = p_plan_id AND e.child_node_no = k.node_no AND e.action = 'cascade'
            )
        UNION ALL
        SELECT
            k.kind, n.node_no, e.parent_node_no, e.edge_no, n.display_name, e.reference_name,
            e.action, 'key', NULL
        FROM deletion_plan_edges AS e
        INNER JOIN deletion_plan_nodes AS n
            ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
        INNER JOIN (SELECT 'climb' AS kind UNION ALL SELECT 'climb_root' AS kind) AS k
            ON k.kind = 'climb' OR (e.is_declared AND e.parent_node_no = 0)
        -- Nothing hangs from a row without a key.
        WHERE
            e.plan_id = p_plan_id AND e.action = 'cascade' AND n.key_columns IS NOT NULL
    ) AS q
    WHERE q.kind <> 'held' OR q.sql_text IS NOT NULL OR q.index_name IS NULL;
END$$
DELIMITER ;
