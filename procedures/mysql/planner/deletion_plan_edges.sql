-- deletion_plan_edges
-- Number a plan's references in the order of work, and mark what each of them means for the run.
--
-- Parameters  p_plan_id   the plan, its tables ranked and described
-- Writes      deletion_plan_edges                  Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_plan_edges;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_plan_edges(
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Number a plan''s references in the order of work, and mark what each of them means for the run'  -- noqa: LT05
BEGIN
    DECLARE v_concerned, v_entered, v_above, v_parents, v_sets, v_defaults JSON;
    DECLARE v_edge_no, v_count INT DEFAULT 0;

    -- References of one table stand together: those that cascade, children first, then those that
    -- are scrubbed or set, then those that only block.
    UPDATE deletion_plan_edges AS e
    INNER JOIN (
        SELECT
            o.edge_no,
            row_number() OVER (
                ORDER BY
                    o.parent_node_no,
                    CASE o.action
                        WHEN 'cascade' THEN 0
                        -- What is to be scrubbed is not found any more when its columns are NULL.
                        WHEN 'scrub' THEN 1
                        WHEN 'restrict' THEN 3
                        WHEN 'keep' THEN 4
                        ELSE 2
                    END,
                    n.table_rank IS NULL, n.table_rank, n.display_name, o.reference_name
            ) AS new_no
        FROM deletion_plan_edges AS o
        INNER JOIN deletion_plan_nodes AS n
            ON n.plan_id = o.plan_id AND n.node_no = o.child_node_no
        WHERE o.plan_id = p_plan_id
    ) AS q
        ON q.edge_no = e.edge_no
    SET e.edge_no = q.new_no
    WHERE e.plan_id = p_plan_id;

    -- A row that is set NULL first gets no default.
    SELECT coalesce(json_arrayagg(e.child_node_no), json_array())
    INTO v_defaults
    FROM deletion_plan_edges AS e
    WHERE e.plan_id = p_plan_id AND e.action = 'set_default';

    -- Tables whose rows the check must know: those behind which something could block, or get a
    -- default that goes as well, and all tables on the way from the target to them.
    WITH RECURSIVE concerned (node_no) AS (
        SELECT e.parent_node_no
        FROM deletion_plan_edges AS e
        WHERE
            e.plan_id = p_plan_id
            AND (
                e.action IN ('restrict', 'set_default')
                OR (
                    e.action IN ('set_null', 'scrub')
                    AND json_contains(v_defaults, cast(e.child_node_no AS JSON))
                )
                OR e.is_link
                -- A row in its own way.
                OR (e.is_refused AND e.break_list IS NULL)
            )
        UNION DISTINCT
        SELECT e.child_node_no
        FROM deletion_plan_edges AS e
        INNER JOIN deletion_plan_nodes AS n
            ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no AND n.in_closure
        WHERE
            e.plan_id = p_plan_id
            AND (
                e.action IN ('restrict', 'set_default')
                OR (
                    e.action IN ('set_null', 'scrub')
                    AND json_contains(v_defaults, cast(e.child_node_no AS JSON))
                )
            )
        UNION DISTINCT
        SELECT e.parent_node_no
        FROM concerned AS c
        INNER JOIN deletion_plan_edges AS e FORCE INDEX (idx_dpe_child)  -- noqa: PRS
            ON e.plan_id = p_plan_id AND e.child_node_no = c.node_no AND e.action = 'cascade'
    )

    SELECT json_arrayagg(c.node_no) INTO v_concerned FROM concerned AS c;

    -- Of a table that refers to itself the rows that something else leads to: a row has one parent
    -- by that reference, so a circle is met by climbing from them, or there is none.
    WITH RECURSIVE entered (node_no, is_above) AS (
        SELECT e.child_node_no, FALSE
        FROM deletion_plan_edges AS e
        WHERE
            e.plan_id = p_plan_id
            AND e.action = 'cascade'
            AND e.parent_node_no = e.child_node_no
            AND NOT e.is_circular
        UNION DISTINCT
        SELECT e.parent_node_no, TRUE
        FROM entered AS n
        INNER JOIN deletion_plan_edges AS e FORCE INDEX (idx_dpe_child)  -- noqa: PRS
            ON
                e.plan_id = p_plan_id
                AND e.child_node_no = n.node_no
                AND e.action = 'cascade'
                AND e.parent_node_no <> e.child_node_no
    )

    SELECT json_arrayagg(n.node_no), json_arrayagg(if(n.is_above, n.node_no, NULL))
    INTO v_entered, v_above
    FROM entered AS n;

    SELECT json_arrayagg(q.parent_node_no)
    INTO v_parents
    FROM (
        SELECT DISTINCT e.parent_node_no
        FROM deletion_plan_edges AS e
        WHERE e.plan_id = p_plan_id AND e.action <> 'keep'
    ) AS q;

    -- Rows with two references to set are changed twice and counted once.
    SELECT json_arrayagg(q.child_node_no)
    INTO v_sets
    FROM (
        SELECT e.child_node_no
        FROM deletion_plan_edges AS e
        WHERE e.plan_id = p_plan_id AND e.action IN ('set_null', 'set_default', 'scrub')
        GROUP BY e.child_node_no
        HAVING count(*) > 1
    ) AS q;

    UPDATE deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS n
        ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
    SET
        e.waits = e.action NOT IN ('cascade', 'keep') AND (n.in_closure OR e.set_order > 0),
        e.is_leaf = e.action = 'cascade'
        AND NOT coalesce(json_contains(v_parents, cast(n.node_no AS JSON)), FALSE),
        e.in_check = e.action IN ('restrict', 'set_default') OR (
            e.action IN ('set_null', 'scrub')
            AND json_contains(v_defaults, cast(n.node_no AS JSON))
        ) OR (
            e.action = 'cascade'
            AND (
                coalesce(json_contains(v_concerned, cast(n.node_no AS JSON)), FALSE)
                OR coalesce(json_contains(
                    if(e.parent_node_no = e.child_node_no, v_above, v_entered),
                    cast(n.node_no AS JSON)
                ), FALSE)
            )
        ),
        e.is_once = e.action IN ('set_null', 'set_default', 'scrub')
        AND coalesce(json_contains(v_sets, cast(n.node_no AS JSON)), FALSE),
        e.index_name = deletion_edge_index(
            p_plan_id, e.child_node_no, e.child_columns, e.discriminator_column
        )
    WHERE e.plan_id = p_plan_id;

    SET v_count = (SELECT count(*) FROM deletion_plan_edges AS e WHERE e.plan_id = p_plan_id);

    WHILE v_edge_no < v_count DO
        SET v_edge_no = v_edge_no + 1;
        CALL deletion_plan_edge(p_plan_id, v_edge_no);
    END WHILE;
END$$
DELIMITER ;
