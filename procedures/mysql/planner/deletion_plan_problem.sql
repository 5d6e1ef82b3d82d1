-- deletion_plan_problem
-- Say why a table of a plan cannot take part.
--
-- Parameters  p_plan_id   the plan
--             p_error     OUT the first table that cannot, and why; NULL: all can
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_plan_problem;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_plan_problem(
    IN p_plan_id BIGINT UNSIGNED,
    OUT p_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Say why a table of a plan cannot take part'
BEGIN
    SELECT q.problem
    INTO p_error
    FROM (
        SELECT
            n.node_no,
            concat(n.display_name, ' ', CASE
                WHEN t.table_name IS NULL THEN 'is gone, or deletion_jobs_owner has no right on it'
                WHEN t.table_type <> 'BASE TABLE' THEN 'is no ordinary table'
                WHEN t.engine <> 'InnoDB' THEN 'is not in InnoDB'
                -- Rules name references: nobody could tell which of the two is meant.
                WHEN o.reference_name IS NOT NULL THEN concat(
                    'has a foreign key and a declared reference of one name (', o.reference_name,
                    ')'
                )
                -- Rows that others hang from have to be told apart.
                WHEN n.key_columns IS NULL AND EXISTS (
                    SELECT 1
                    FROM deletion_plan_edges AS e FORCE INDEX (uq_dpe_reference)
                    WHERE e.plan_id = n.plan_id AND e.parent_node_no = n.node_no
                ) THEN 'has no primary key and no unique key without NULLs'
                -- A row that is changed twice, or changed and then deleted, counts once.
                WHEN n.key_columns IS NULL AND (
                    SELECT count(*)
                    FROM deletion_plan_edges AS e FORCE INDEX (idx_dpe_child)
                    WHERE
                        e.plan_id = n.plan_id
                        AND e.child_node_no = n.node_no
                        AND e.action IN ('set_null', 'set_default', 'scrub')
                ) > if(n.in_closure, 0, 1) THEN
                    'has no key, and its rows cannot be counted once for several references'
                WHEN EXISTS (
                    SELECT 1
                    FROM json_table(n.key_columns, '$[*]' COLUMNS (  -- noqa: CP02
                        name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'  -- noqa: PRS,LT05
                    )) AS k
                    LEFT JOIN deletion_node_columns AS c
                        ON
                            c.plan_id = p_plan_id
                            AND c.node_no = n.node_no
                            AND c.column_name = k.name
                    WHERE c.column_name IS NULL OR deletion_type_family(c.column_type) IS NULL
                ) THEN 'has a key that is gone, or of a type that does not compare exactly'
            END) AS problem
        FROM deletion_plan_nodes AS n
        LEFT JOIN information_schema.tables AS t
            ON
                t.table_schema = convert(n.table_schema USING utf8mb3) COLLATE utf8mb3_bin  -- noqa: CP01,LT05
                AND t.table_name = convert(n.table_name USING utf8mb3) COLLATE utf8mb3_bin  -- noqa: CP01,LT05
        LEFT JOIN (
            SELECT d.child_schema, d.child_table, min(d.reference_name) AS reference_name
            FROM deletion_references AS d
            INNER JOIN information_schema.referential_constraints AS r
                ON
                    r.constraint_schema = convert(d.child_schema USING utf8mb3) COLLATE utf8mb3_bin  -- noqa: CP01,LT05
                    AND r.table_name = convert(d.child_table USING utf8mb3) COLLATE utf8mb3_bin  -- noqa: CP01,LT05
                    AND r.constraint_name = d.reference_name
            GROUP BY d.child_schema, d.child_table
        ) AS o
            ON o.child_schema = n.table_schema AND o.child_table = n.table_name
        WHERE n.plan_id = p_plan_id
    ) AS q
    WHERE q.problem IS NOT NULL
    ORDER BY q.node_no
    LIMIT 1;
END$$
DELIMITER ;
