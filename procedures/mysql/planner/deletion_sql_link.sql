-- deletion_sql_link
-- Write the statement that finds which rows of a walk some others of it have to go before.
--
-- Parameters  p_plan_id, p_edge_no   the reference
-- Returns     text; binds a frame of child rows; answers each one's job, its hash and that of its
--             parent, in @dj_answer
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_sql_link;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_link(
    p_plan_id BIGINT UNSIGNED,
    p_edge_no INT
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write the statement that finds which rows of a walk some others of it have to go before'
BEGIN
    RETURN (
        SELECT concat(
            'SELECT COALESCE(JSON_ARRAYAGG(JSON_OBJECT(\'j\', t.j, ',
            '\'c\', HEX(deletion_key_hash(t.o)), \'p\', HEX(deletion_key_hash(JSON_OBJECT(',
            deletion_sql_list(p.key_part, 'found_object', ', '), '))))), JSON_ARRAY()),\n',
            '    COUNT(*)\nINTO @dj_answer, @dj_rows\nFROM ',
            deletion_sql_frame(n.key_part, 'o JSON PATH \'$\', j BIGINT UNSIGNED PATH \'$.j\', '),
            '\nSTRAIGHT_JOIN ', n.sql_name, ' AS c', n.key_index, ' ON ',
            deletion_sql_list(n.key_part, 'own', ' AND '),
            '\nSTRAIGHT_JOIN ', p.sql_name, ' AS x ON ', e.on_parent
        )
        FROM deletion_plan_edges AS e
        INNER JOIN deletion_plan_nodes AS n
            ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
        INNER JOIN deletion_plan_nodes AS p
            ON p.plan_id = e.plan_id AND p.node_no = e.parent_node_no
        WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no
    );
END$$
DELIMITER ;
