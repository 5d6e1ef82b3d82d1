-- deletion_sql_find
-- Write a statement on the next child rows of one row of a wide frame, in the order of their key.
--
-- Parameters  p_plan_id, p_edge_no   the reference
--             p_kind                 find, drain_found or fetch_next
-- Returns     text; binds (for fetch_next first the row's job) the frame, the place of the row in
--             it, the key to begin at (and for drain_found the last key) and a limit; find answers
--             the last key in @dj_last and the number of rows in @dj_rows, fetch_next the child
--             frame in @dj_answer as well. NULL: the index of the reference is in another order
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- An index keeps deleted rows as long as somebody's old snapshot may see them: each batch begins
-- where the one before ended. By constants alone the engine begins to read in the middle of one.

DROP FUNCTION IF EXISTS deletion_sql_find;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_find(
    p_plan_id BIGINT UNSIGNED,
    p_edge_no INT,
    p_kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write a statement on the next child rows of one row of a wide frame, in the order of their key'  -- noqa: LT05
BEGIN
    DECLARE v_key, v_child JSON;
    DECLARE v_table, v_index, v_where, v_field, v_answer, v_object
        LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SELECT
        n.key_part, e.frame_columns, (
            SELECT c.f
            FROM json_table(p.frame_columns, '$[*]' COLUMNS (  -- noqa: CP02
                f VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.f',  -- noqa: PRS,LT05
                name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.column'
            )) AS c
            WHERE c.name = e.parent_columns ->> '$[0]'
        ) AS field,
        n.sql_name, e.index_name, e.answer_list, e.object_list
    INTO v_key, v_child, v_field, v_table, v_index, v_answer, v_object
    FROM deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS p
        ON p.plan_id = e.plan_id AND p.node_no = e.parent_node_no
    INNER JOIN deletion_plan_nodes AS n
        ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
    WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no AND e.is_ordered;

    SET v_where = concat(
        'WHERE\n    c.', v_child ->> '$[0].name',
        -- From NULL, which a unique column may hold, nothing hangs; its text would become 0.
        ' = CAST(NULLIF(JSON_UNQUOTE(JSON_EXTRACT(?, CONCAT(\'$[\', ?, \'].', v_field,
        '\'))), \'null\') AS ',
        if(v_child ->> '$[0].type' LIKE '%UNSIGNED', 'UNSIGNED', 'SIGNED'), ')',
        -- Not behind it: the first of all keys may be a row's.
        '\n    AND c.', v_key ->> '$[0].name', ' >= ?'
    );

    RETURN CASE p_kind
        WHEN 'find' THEN concat(
            'SELECT MAX(q.k), COUNT(*)\nINTO @dj_last, @dj_rows\nFROM (\nSELECT c.',
            v_key ->> '$[0].name', ' AS k\nFROM ', v_table, ' AS c', deletion_sql_index(v_index),
            '\n', v_where, '\nORDER BY c.', v_key ->> '$[0].name', '\nLIMIT ?\n) AS q'
        )
        WHEN 'fetch_next' THEN concat(
            'SELECT COALESCE(JSON_ARRAYAGG(JSON_OBJECT(\'j\', q.j, ', v_object,
            ')), JSON_ARRAY()), MAX(q.k), COUNT(*)\nINTO @dj_answer, @dj_last, @dj_rows\nFROM (\n',
            'SELECT CAST(? AS UNSIGNED) AS j, c.', v_key ->> '$[0].name', ' AS k, ', v_answer,
            '\nFROM ', v_table, ' AS c', deletion_sql_index(v_index),
            '\n', v_where, '\nORDER BY c.', v_key ->> '$[0].name', '\nLIMIT ?\n) AS q'
        )
        ELSE concat(
            'DELETE /*+ INDEX(c ', deletion_quote_name(v_index), ') */ FROM ', v_table, ' AS c\n',
            v_where, '\n    AND c.', v_key ->> '$[0].name', ' <= ?\nORDER BY c.',
            v_key ->> '$[0].name', '\nLIMIT ?'
        )
    END;
END$$
DELIMITER ;
