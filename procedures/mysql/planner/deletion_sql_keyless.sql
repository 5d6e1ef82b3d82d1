-- deletion_sql_keyless
-- Write a statement on child rows that have no key by which each could be told from the others.
--
-- Parameters  p_plan_id, p_edge_no   the reference
--             p_kind                 see below
-- Returns     text
--             fetch         binds the frame and a limit
--             fetch_more    binds the row read last ("o": its place), the frame and a limit
--             parent_row    binds one row of the frame; its values come into @dj_k1 and so on
--             change_rows   binds a limit; deletes, or sets, rows that hang from that row
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
COMMENT 'Write a statement on child rows that have no key by which each could be told from the others'  -- noqa: LT05
BEGIN
    DECLARE v_parent JSON;
    DECLARE v_table, v_on_frame, v_on_row, v_set, v_names, v_into, v_plain, v_content, v_stays
        LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SELECT
        p.frame_columns, concat(n.sql_name, ' AS c', deletion_sql_index(e.index_name)),
        e.on_frame, e.set_list, concat(n.sql_name, ' AS c')
    INTO v_parent, v_table, v_on_frame, v_set, v_plain
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

    IF p_kind = 'fetch_more' THEN
        SELECT group_concat(
            DISTINCT concat(
                'COALESCE(HEX(CAST(c.', deletion_quote_name(k.column_name), ' AS BINARY)), \'-\')'
            )
            ORDER BY k.column_name SEPARATOR ', '
        )
        INTO v_content
        FROM deletion_plan_edges AS e
        INNER JOIN deletion_plan_edges AS o
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
    END IF;

    IF p_kind = 'parent_row' THEN
        SET v_names = replace(deletion_sql_list(v_parent, 'order', ', '), 'q.', 't.');
        SET v_into = replace(deletion_sql_list(v_parent, 'order', ', '), 'q.', '@dj_');
        RETURN concat(
            'SELECT t.m, ', v_names, '\nINTO @dj_m, ', v_into,
            '\nFROM JSON_TABLE(?, \'$\' COLUMNS (',
            'm INT PATH \'$.m\', ', deletion_sql_list(v_parent, 'frame', ', '), ')) AS t'
        );
    END IF;

    -- Rows whose default is the very key that goes would be set to it for ever.
    SELECT concat(' AND NOT (', group_concat(  -- noqa: CP01
        'c.', deletion_quote_name(k.column_name), ' <=> DEFAULT(c.', deletion_quote_name(k.column_name), ')'  -- noqa: LT05
        SEPARATOR ' AND '
    ), ')')
    INTO v_stays
    FROM deletion_plan_edges AS e
    CROSS JOIN json_table(e.child_columns, '$[*]' COLUMNS (  -- noqa: CP02
        column_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'  -- noqa: PRS,LT05
    )) AS k
    INNER JOIN information_schema.columns AS d
        ON
            d.table_schema = e.child_schema
            AND d.table_name = e.child_table
            AND d.column_name = k.column_name
    WHERE
        e.plan_id = p_plan_id AND e.edge_no = p_edge_no AND e.action = 'set_default'
    -- Of an expression the server tells no value.
    HAVING max(d.extra LIKE '%DEFAULT_GENERATED%') = 0;

    -- A DELETE with a limit is of one table alone, and takes no hint: the parent's values stand in
    -- variables.
    SET v_on_row = regexp_replace(v_on_frame, '\\bt[.]([kum][0-9]*)\\b', '@dj_$1');
    RETURN concat(
        if(v_set IS NULL, 'DELETE FROM ', 'UPDATE '), v_plain,
        coalesce(concat('\nSET ', replace(v_set, 'x.`', 'c.`')), ''),
        '\nWHERE ', v_on_row, coalesce(v_stays, ''), '\nLIMIT ?'
    );
END$$
DELIMITER ;
