-- deletion_sql_fetch
-- Write the statement that finds the child rows of a frame by one reference.
--
-- Parameters  p_plan_id, p_edge_no   the reference
--             p_more     TRUE: in order of the child's key, and from after the row read last
--             p_beyond   for more: a further condition on child rows c; NULL: none
-- Returns     text; binds (for more: the row read last, {} at first), the frame, and a limit;
--             answers the child frame in @dj_answer and its number of keys in @dj_rows
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_sql_fetch;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_fetch(
    p_plan_id BIGINT UNSIGNED,
    p_edge_no INT,
    p_more BOOLEAN,
    p_beyond LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write the statement that finds the child rows of a frame by one reference'
BEGIN
    RETURN (
        SELECT if(
            n.key_columns IS NULL,
            deletion_sql_keyless(p_plan_id, p_edge_no, if(p_more, 'fetch_more', 'fetch')),
            concat(
                'SELECT COALESCE(JSON_ARRAYAGG(JSON_OBJECT(\'j\', q.j, ', e.object_list,
                ')), JSON_ARRAY()), COUNT(*)\nINTO @dj_answer, @dj_rows\nFROM (\n    ',
                -- The chosen rows are put in order of their key, in which they will be locked.
                if(p_more, '', 'SELECT q.* FROM (\n    '),
                'SELECT t.j, ', e.answer_list, '\n    FROM ',
                if(p_more, concat(
                    'JSON_TABLE(?, \'$\' COLUMNS (', n.key_frame, ')) AS a\n    STRAIGHT_JOIN '
                ), ''),
                'JSON_TABLE(?, \'$[*]\' COLUMNS (',
                'j BIGINT UNSIGNED PATH \'$.j\', m INT PATH \'$.m\', ', p.row_frame, ')) AS t',
                '\n    STRAIGHT_JOIN ', n.sql_name, ' AS c', e.index_hint, ' ON ', e.on_frame,
                if(p_more, concat(
                    '\n    WHERE ', coalesce(concat(p_beyond, '\n    AND '), ''), n.key_after
                ), ''),
                '\n    LIMIT ?',
                if(p_more, '', concat(
                    '\n    ) AS q ORDER BY ', n.key_order, ' LIMIT 18446744073709551615'
                )),
                '\n) AS q'
            )
        )
        FROM deletion_plan_edges AS e
        INNER JOIN deletion_plan_nodes AS p
            ON p.plan_id = e.plan_id AND p.node_no = e.parent_node_no
        INNER JOIN deletion_plan_nodes AS n
            ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
        WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no
    );
END$$
DELIMITER ;
