-- deletion_sql_keyless
-- Write a statement that reads child rows that have no key by which each could be told apart.
--
-- Parameters  p_plan_id, p_edge_no   the reference
--             p_kind   fetch: binds the frame and a limit; fetch_more: binds the row read last
--                      ("o": its place), the frame and a limit
-- Returns     text
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- Rows that agree in all columns by which references find them are found together, or not at all:
-- so the how-manieth of them a row is tells it apart, by whichever reference it is met.

DROP FUNCTION IF EXISTS deletion_sql_keyless;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_keyless(
    p_plan_id BIGINT UNSIGNED,
    p_edge_no INT,
    p_kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write a statement that reads child rows that have no key by which each could be told apart'
BEGIN
    DECLARE v_parent JSON;
    DECLARE v_table, v_on_frame, v_content LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SELECT
        p.frame_columns, concat(n.sql_name, ' AS c', deletion_sql_index(e.index_name)), e.on_frame
    INTO v_parent, v_table, v_on_frame
    FROM deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS p ON p.plan_id = e.plan_id AND p.node_no = e.parent_node_no
    INNER JOIN deletion_plan_nodes AS n ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
    WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no;

    IF p_kind = 'fetch' THEN
        RETURN concat(
            'SELECT JSON_ARRAY(), COUNT(*)\nINTO @dj_answer, @dj_rows\n',
            'FROM (\n    SELECT 1\n    FROM ',
            deletion_sql_frame(v_parent, 'm INT PATH \'$.m\', '),
            '\n    STRAIGHT_JOIN ', v_table, ' ON ', v_on_frame, '\n    LIMIT ?\n) AS q'
        );
    END IF;

    SELECT group_concat(
        DISTINCT concat(
            'COALESCE(HEX(CAST(c.', deletion_quote_name(k.column_name), ' AS BINARY)), \'-\')'
        )
        ORDER BY k.column_name SEPARATOR ', '
    )
    INTO v_content
    FROM deletion_plan_edges AS e
    INNER JOIN deletion_plan_edges AS o FORCE INDEX (idx_dpe_child)
        ON o.plan_id = e.plan_id AND o.child_node_no = e.child_node_no
    CROSS JOIN json_table(
        json_array_append(o.child_columns, '$', o.discriminator_column), '$[*]' COLUMNS (  -- noqa: CP02,LT05
            column_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'  -- noqa: PRS,LT05
        )
    ) AS k
    WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no;

    RETURN concat(
        'SELECT COALESCE(JSON_ARRAYAGG(JSON_OBJECT(\'j\', q.j, \'k1\', q.k1, \'o\', q.o)), ',
        'JSON_ARRAY()),\n    COUNT(*)\nINTO @dj_answer, @dj_rows\nFROM (\n',
        '    SELECT p.j, CONCAT(p.content, \':\', p.n - p.r) AS k1, MAX(p.n) OVER () AS o\n',
        '    FROM (\n        SELECT s.*\n        FROM (\n',
        '            SELECT t.j, b.content, a.o,\n',
        '                ROW_NUMBER() OVER w AS n, RANK() OVER w AS r\n            FROM ',
        'JSON_TABLE(?, \'$\' COLUMNS (o BIGINT PATH \'$.o\')) AS a\n            STRAIGHT_JOIN ',
        deletion_sql_frame(v_parent, 'j BIGINT UNSIGNED PATH \'$.j\', m INT PATH \'$.m\', '),
        '\n            STRAIGHT_JOIN ', v_table, ' ON ', v_on_frame,
        '\n            STRAIGHT_JOIN LATERAL (SELECT SHA2(CONCAT_WS(\':\', ', v_content,
        '), 256) AS content) AS b\n            WINDOW w AS (ORDER BY t.j, b.content)\n',
        '        ) AS s\n        WHERE s.o IS NULL OR s.n > s.o\n',
        '        ORDER BY s.n\n        LIMIT ?\n    ) AS p\n) AS q'
    );
END$$
DELIMITER ;
