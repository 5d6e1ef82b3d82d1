-- deletion_sql_part
-- Write the statement that parts rows from themselves which the engine would refuse to delete.
--
-- Parameters  p_plan_id, p_edge_no   the self-reference
-- Returns     text; binds a frame of rows that go in the same transaction
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_sql_part;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_part(
    p_plan_id BIGINT UNSIGNED,
    p_edge_no INT
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write the statement that parts rows from themselves which the engine would refuse to delete'  -- noqa: LT05
BEGIN
    RETURN (
        SELECT concat(
            'UPDATE ', deletion_sql_frame(n.key_part, ''), '\nSTRAIGHT_JOIN ', n.sql_name,
            ' AS c', n.key_index, ' ON ', deletion_sql_list(n.key_part, 'own', ' AND '), (
                SELECT group_concat(
                    ' AND c.', deletion_quote_name(k.name), ' = c.', deletion_quote_name(o.name)
                    SEPARATOR ''
                )
                FROM json_table(e.child_columns, '$[*]' COLUMNS (  -- noqa: CP02
                    pos FOR ORDINALITY,  -- noqa: PRS
                    name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'
                )) AS k
                INNER JOIN json_table(e.parent_columns, '$[*]' COLUMNS (  -- noqa: CP02
                    pos FOR ORDINALITY,  -- noqa: PRS
                    name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'
                )) AS o ON o.pos = k.pos
            ), '\nSET ', e.break_list
        )
        FROM deletion_plan_edges AS e
        INNER JOIN deletion_plan_nodes AS n
            ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
        WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no
    );
END$$
DELIMITER ;
