-- deletion_sql_find
-- Write a statement on the next child rows of one row of a wide frame, in the order of their key.
--
-- Parameters  p_plan_id, p_edge_no   the reference
--             p_kind                 find or drain_found
-- Returns     text; binds the frame, the place of the row in it, the key to begin at (and
--             for drain_found the last key) and a limit; find answers the last key in @dj_last and
--             the number of rows in @dj_rows. NULL: no index of the child gives them in this order
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
    DECLARE v_key, v_child, v_parent JSON;
    DECLARE v_table, v_index, v_where, v_second, v_key_index
        LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SELECT
        deletion_key_part(n.frame_columns), e.frame_columns, (
            SELECT json_arrayagg(c.j)
            FROM json_table(p.frame_columns, '$[*]' COLUMNS (  -- noqa: CP02
                j JSON PATH '$', name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.column'  -- noqa: LT05, PRS
            )) AS c
            WHERE c.name = e.parent_columns ->> '$[0]'
        ) AS parent_column,
        n.sql_name, n.key_index, e.index_name, (
            SELECT i.column_name
            FROM deletion_node_indexes AS i
            WHERE
                i.plan_id = e.plan_id
                AND i.node_no = e.child_node_no
                AND i.index_name = e.index_name
                AND i.seq_in_index = 2
        ) AS second_column
    INTO v_key, v_child, v_parent, v_table, v_key_index, v_index, v_second
    FROM deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS p
        ON p.plan_id = e.plan_id AND p.node_no = e.parent_node_no
    INNER JOIN deletion_plan_nodes AS n
        ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
    WHERE
        e.plan_id = p_plan_id AND e.edge_no = p_edge_no AND NOT e.is_declared
        AND e.index_name IS NOT NULL;

    -- Whole numbers alone; other types would have to be written as constants of their own.
    IF
        v_key IS NULL
        OR json_length(v_key) <> 1
        OR json_length(v_child) <> 1
        OR v_key ->> '$[0].type' NOT REGEXP '^[A-Z]*INT( UNSIGNED)?$'
        OR v_child ->> '$[0].type' NOT REGEXP '^[A-Z]*INT( UNSIGNED)?$'
        OR v_key_index NOT LIKE '%PRIMARY%'
        OR v_second <> v_key ->> '$[0].column'
    THEN
        RETURN NULL;
    END IF;

    SET v_where = concat(
        'WHERE\n    c.', v_child ->> '$[0].name',
        ' = CAST(JSON_UNQUOTE(JSON_EXTRACT(?, CONCAT(\'$[\', ?, \'].', v_parent ->> '$[0].f',
        '\'))) AS ', if(v_child ->> '$[0].type' LIKE '%UNSIGNED', 'UNSIGNED', 'SIGNED'), ')',
        -- Not behind it: the first of all keys may be a row's.
        '\n    AND c.', v_key ->> '$[0].name', ' >= ?'
    );

    RETURN if(
        p_kind = 'find',
        concat(
            'SELECT MAX(q.k), COUNT(*)\nINTO @dj_last, @dj_rows\nFROM (\nSELECT c.',
            v_key ->> '$[0].name', ' AS k\nFROM ', v_table, ' AS c', deletion_sql_index(v_index),
            '\n', v_where, '\nORDER BY c.', v_key ->> '$[0].name', '\nLIMIT ?\n) AS q'
        ),
        concat(
            'DELETE /*+ INDEX(c ', deletion_quote_name(v_index), ') */ FROM ', v_table, ' AS c\n',
            v_where, '\n    AND c.', v_key ->> '$[0].name', ' <= ?\nORDER BY c.',
            v_key ->> '$[0].name', '\nLIMIT ?'
        )
    );
END$$
DELIMITER ;
