-- deletion_write_circles
-- Store the further steps of a plan whose rows may refer to each other in a circle.
--
-- Parameters  p_plan_id   the plan, its references numbered and described
-- Writes      deletion_plan_steps                  Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_write_circles;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_write_circles(
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Store the further steps of a plan whose rows may refer to each other in a circle'
BEGIN
    DECLARE v_step_no INT DEFAULT (
        SELECT max(s.step_no) FROM deletion_plan_steps AS s WHERE s.plan_id = p_plan_id
    );

    INSERT INTO deletion_plan_steps (
        plan_id, step_no, kind, node_no, parent_node_no, edge_no, table_name, reference_name,
        action, is_leaf, waits, in_check, index_name, sql_text
    )
    SELECT
        p_plan_id, v_step_no + row_number() OVER (ORDER BY e.edge_no, k.place),
        k.kind, n.node_no, e.parent_node_no, e.edge_no, n.display_name, e.reference_name,
        e.action, FALSE, FALSE, FALSE, e.index_name,
        if(
            k.kind IN ('circle', 'loose', 'meets'),
            NULL,
            deletion_sql_circle(p_plan_id, e.edge_no, k.kind)
        )
    FROM (
        SELECT
            r.edge_no, r.parent_node_no, r.child_node_no, r.reference_name, r.action, r.index_name,
            r.is_leaf, r.is_circular, r.is_link, r.break_list
        FROM deletion_plan_edges AS r
        WHERE r.plan_id = p_plan_id
        UNION ALL
        SELECT 0, NULL, 0, NULL, NULL, 'key', FALSE, FALSE, FALSE, NULL
    ) AS e
    INNER JOIN deletion_plan_nodes AS n
        ON n.plan_id = p_plan_id AND n.node_no = e.child_node_no AND n.in_closure
    INNER JOIN json_table(
        '["circle", "loose", "meets", "fetch_beyond", "break", "break_look", "own_break",
        "own_look", "give_up", "give_look"]',
        '$[*]' COLUMNS (  -- noqa: CP02
            place FOR ORDINALITY,  -- noqa: PRS
            kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'
        )
    ) AS k
        ON CASE k.kind
            -- It is known that tables go in a circle: every run of the plan looks at its stack.
            WHEN 'circle' THEN e.is_circular
            WHEN 'loose' THEN e.break_list IS NOT NULL AND e.action IN ('cascade', 'restrict')
            -- It leads from elsewhere to rows that the check ties to each other.
            WHEN 'meets' THEN e.action = 'cascade' AND NOT e.is_link AND EXISTS (
                SELECT 1
                FROM deletion_plan_edges AS o FORCE INDEX (idx_dpe_child)
                WHERE o.plan_id = p_plan_id AND o.child_node_no = e.child_node_no AND o.is_link
            )
            WHEN 'fetch_beyond' THEN e.action = 'cascade' AND NOT e.is_leaf
            WHEN 'give_up' THEN
                e.action = 'set_default' AND e.break_list IS NOT NULL AND n.key_columns IS NOT NULL
            WHEN 'give_look' THEN
                e.action = 'set_default' AND e.break_list IS NOT NULL AND n.key_columns IS NOT NULL
            WHEN 'break' THEN e.action = 'cascade' AND e.break_list IS NOT NULL
            WHEN 'break_look' THEN e.action = 'cascade' AND e.break_list IS NOT NULL
            ELSE coalesce(e.action, 'cascade') = 'cascade' AND EXISTS (
                SELECT 1
                FROM deletion_plan_edges AS o FORCE INDEX (idx_dpe_child)
                WHERE
                    o.plan_id = p_plan_id
                    AND o.child_node_no = e.child_node_no
                    AND o.action = 'restrict'
                    AND o.break_list IS NOT NULL
            )
        END
    WHERE k.kind IN ('give_up', 'give_look') OR EXISTS (
        SELECT 1
        FROM deletion_plan_edges AS o
        WHERE
            o.plan_id = p_plan_id
            AND (
                o.is_circular
                OR (o.parent_node_no = o.child_node_no AND o.action IN ('cascade', 'restrict'))
            )
    );
END$$
DELIMITER ;
