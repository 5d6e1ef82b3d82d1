-- deletion_plan_set_order
-- Put references whose rows are set in such an order that none hides a row from another reference.
--
-- Parameters  p_plan_id   the plan, all its references known
-- Writes      deletion_plan_edges: touched_columns; set_order, when the reference has its turn
--             among those that are set when nothing else can go, or 0; action restrict where no
--             order would do
-- Commits     no
-- Execute     the owner only
--
-- A row of the closure that is set in a column by which it is found would stay; one that stays and
-- is set in a column of another reference would not be set by that. So the first kind comes last,
-- and of the second that which does not scrub, or sets fewer columns. Where rows below those that
-- would be set wait for such a turn as well, rows that are about to go are there still when it
-- comes, and are not to be told from rows that stay; and what a default would make of a row of the
-- closure is not known. Either blocks.

DROP PROCEDURE IF EXISTS deletion_plan_set_order;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_plan_set_order(
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Put references whose rows are set in an order in which none hides a row from another'
BEGIN
    CALL deletion_plan_kinds(p_plan_id);

    -- What changes where a row is set: with the columns what the engine generates from them.
    UPDATE deletion_plan_edges AS e
    SET e.touched_columns = e.child_columns
    WHERE e.plan_id = p_plan_id AND e.action IN ('set_null', 'set_default', 'scrub');

    UPDATE deletion_plan_edges AS e
    INNER JOIN (
        SELECT s.edge_no, json_arrayagg(s.name) AS names
        FROM (
            SELECT DISTINCT o.edge_no, g.column_name AS name
            FROM deletion_plan_edges AS o
            STRAIGHT_JOIN information_schema.columns AS g  -- noqa: PRS
                ON
                    g.table_schema = convert(o.child_schema USING utf8mb3) COLLATE utf8mb3_bin  -- noqa: CP01,LT05
                    AND g.table_name = convert(o.child_table USING utf8mb3) COLLATE utf8mb3_bin  -- noqa: CP01,LT05
            CROSS JOIN json_table(o.touched_columns, '$[*]' COLUMNS (  -- noqa: CP02
                name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'
            )) AS k
            WHERE
                o.plan_id = p_plan_id
                AND o.touched_columns IS NOT NULL
                AND g.generation_expression <> ''
                AND locate(deletion_quote_name(k.name), g.generation_expression) > 0
        ) AS s
        GROUP BY s.edge_no
    ) AS q ON q.edge_no = e.edge_no
    SET e.touched_columns = json_merge_preserve(e.touched_columns, q.names)
    WHERE e.plan_id = p_plan_id;

    -- By what rows of the closure are found: their key, what they hang from, with the
    -- discriminator, which tells two references apart by different values, and what hangs from
    -- them.
    UPDATE deletion_plan_edges AS e
    INNER JOIN (
        -- DISTINCT makes a table of its own: the server changes none that it reads.
        SELECT DISTINCT o.edge_no
        FROM deletion_plan_edges AS o
        INNER JOIN deletion_plan_nodes AS n
            ON n.plan_id = o.plan_id AND n.node_no = o.child_node_no AND n.in_closure
        WHERE
            o.plan_id = p_plan_id
            AND o.touched_columns IS NOT NULL
            AND (
                coalesce(json_overlaps(o.touched_columns, n.key_columns), FALSE)
                OR EXISTS (
                    SELECT 1
                    FROM deletion_plan_edges AS a FORCE INDEX (idx_dpe_child)
                    WHERE
                        a.plan_id = o.plan_id
                        AND a.child_node_no = o.child_node_no
                        AND a.action = 'cascade'
                        AND json_overlaps(
                            o.touched_columns,
                            json_array_append(a.child_columns, '$', a.discriminator_column)
                        )
                        AND NOT coalesce(
                            a.discriminator_column = o.discriminator_column
                            AND a.discriminator_value <> o.discriminator_value, FALSE
                        )
                )
                OR EXISTS (
                    SELECT 1
                    FROM deletion_plan_edges AS b FORCE INDEX (uq_dpe_reference)
                    WHERE
                        b.plan_id = o.plan_id
                        AND b.parent_node_no = o.child_node_no
                        AND b.action <> 'keep'
                        AND json_overlaps(o.touched_columns, b.parent_columns)
                )
            )
    ) AS q ON q.edge_no = e.edge_no
    SET e.set_order = 1, e.action = if(e.action = 'set_default', 'restrict', e.action)
    WHERE e.plan_id = p_plan_id;

    UPDATE deletion_plan_edges AS e
    INNER JOIN (
        WITH RECURSIVE hides AS (
            SELECT
                s.edge_no, o.edge_no AS hidden_no, o.action = 'scrub' AS is_scrub,
                s.action = 'scrub' AS scrubs,
                json_length(o.child_columns) > json_length(s.child_columns) AS is_wider
            FROM deletion_plan_edges AS s
            STRAIGHT_JOIN deletion_plan_edges AS o FORCE INDEX (idx_dpe_child)  -- noqa: PRS
                ON
                    o.plan_id = s.plan_id
                    AND o.child_node_no = s.child_node_no
                    AND o.edge_no <> s.edge_no
                    AND o.action IN ('set_null', 'set_default', 'scrub')
                    AND (
                        o.action = 'scrub'
                        OR NOT json_contains(s.child_columns, o.child_columns)
                    )
                    AND json_overlaps(
                        s.touched_columns,
                        json_array_append(o.child_columns, '$', o.discriminator_column)
                    )
                    AND NOT coalesce(
                        s.discriminator_column = o.discriminator_column
                        AND s.discriminator_value <> o.discriminator_value, FALSE
                    )
            WHERE s.plan_id = p_plan_id AND s.action IN ('set_null', 'set_default', 'scrub')
        ),

        ordered (edge_no, set_order) AS (
            SELECT t.edge_no, 1
            FROM deletion_plan_edges AS t
            WHERE t.plan_id = p_plan_id AND t.set_order > 0 AND t.action <> 'restrict'
            UNION DISTINCT
            SELECT h.edge_no, 1
            FROM hides AS h
            UNION DISTINCT
            -- Later than what it hides, unless that hides it as well, and sets no more. Where
            -- several hide each other in a circle no order is right, and any that ends will do.
            SELECT h.edge_no, o.set_order + 1
            FROM ordered AS o
            INNER JOIN hides AS h ON h.hidden_no = o.edge_no
            LEFT JOIN hides AS b ON b.edge_no = h.hidden_no AND b.hidden_no = h.edge_no
            WHERE
                o.set_order < 10
                AND if(h.is_scrub <> h.scrubs, h.is_scrub, h.is_wider OR b.edge_no IS NULL)
        )

        SELECT o.edge_no, max(o.set_order) AS set_order
        FROM ordered AS o
        GROUP BY o.edge_no
    ) AS q ON q.edge_no = e.edge_no
    SET e.set_order = q.set_order
    WHERE e.plan_id = p_plan_id;

    UPDATE deletion_plan_edges AS e
    SET e.set_order = 0
    WHERE e.plan_id = p_plan_id AND e.action = 'restrict';

    UPDATE deletion_plan_edges AS e
    INNER JOIN (
        WITH RECURSIVE below (edge_no, node_no) AS (
            SELECT s.edge_no, s.child_node_no
            FROM deletion_plan_edges AS s
            INNER JOIN deletion_plan_nodes AS n
                ON n.plan_id = s.plan_id AND n.node_no = s.child_node_no AND n.in_closure
            WHERE s.plan_id = p_plan_id AND s.set_order > 0
            UNION DISTINCT
            SELECT b.edge_no, r.child_node_no
            FROM below AS b
            INNER JOIN deletion_plan_edges AS r FORCE INDEX (uq_dpe_reference)  -- noqa: PRS
                ON
                    r.plan_id = p_plan_id
                    AND r.parent_node_no = b.node_no
                    AND (r.action IN ('cascade', 'restrict') OR r.set_order > 0)
            INNER JOIN deletion_plan_nodes AS n
                ON n.plan_id = r.plan_id AND n.node_no = r.child_node_no AND n.in_closure
        )

        SELECT DISTINCT b.edge_no
        FROM below AS b
        INNER JOIN deletion_plan_edges AS s FORCE INDEX (uq_dpe_reference)  -- noqa: PRS
            ON s.plan_id = p_plan_id AND s.parent_node_no = b.node_no AND s.set_order > 0
    ) AS q ON q.edge_no = e.edge_no
    SET e.action = 'restrict', e.set_order = 0
    WHERE e.plan_id = p_plan_id;
END$$
DELIMITER ;
