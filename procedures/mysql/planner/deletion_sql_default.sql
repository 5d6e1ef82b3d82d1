-- deletion_sql_default
-- Write the statement that finds rows whose default no parent will have, before any is touched.
--
-- Parameters  p_plan_id, p_edge_no   a reference whose rows get a default
-- Returns     text; binds a walk that has ended, and gives such rows of it the fate of those that
--             block as well. NULL: no row can be one, or what the default is to be cannot be known
--             beforehand
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- The engine refuses a default that is in no row of the parent. A job would find the one that is in
-- a row which it deletes as well when that has its turn, and much is gone by then. A declared
-- reference may point at nothing; but what points again at a row that goes would have no end.

DROP FUNCTION IF EXISTS deletion_sql_default;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_default(
    p_plan_id BIGINT UNSIGNED,
    p_edge_no INT
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write the statement that finds rows whose default no parent will have'
BEGIN
    DECLARE v_pos INT DEFAULT 0;
    DECLARE v_child, v_parent JSON;
    DECLARE v_schema, v_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_is_gone LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_values, v_match, v_root LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
        DEFAULT '';
    DECLARE v_misses, v_is_null, v_is_known, v_is_declared BOOLEAN;

    SELECT e.child_columns, e.parent_columns, e.child_schema, e.child_table, e.is_declared
    INTO v_child, v_parent, v_schema, v_table, v_is_declared
    FROM deletion_plan_edges AS e
    WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no;

    -- Without a default a column is set NULL, and the row refers to nothing; or it cannot be set.
    SELECT
        coalesce(max(c.column_default IS NULL AND c.is_nullable = 'NO'), FALSE),
        coalesce(max(c.column_default IS NULL), FALSE),
        coalesce(min(c.extra NOT LIKE '%DEFAULT_GENERATED%'), FALSE)
    INTO v_misses, v_is_null, v_is_known
    FROM information_schema.columns AS c
    WHERE
        c.table_schema = convert(v_schema USING utf8mb3) COLLATE utf8mb3_bin  -- noqa: CP01
        AND c.table_name = convert(v_table USING utf8mb3) COLLATE utf8mb3_bin  -- noqa: CP01
        AND json_contains(v_child, json_quote(c.column_name));

    IF NOT v_misses AND (v_is_null OR NOT v_is_known) THEN
        RETURN NULL;
    END IF;

    WHILE v_pos < json_length(v_child) DO
        SET v_values = concat(
            v_values, if(v_pos = 0, '', ', '), 'DEFAULT(c.', deletion_quote_name(
                json_unquote(json_extract(v_child, concat('$[', v_pos, ']')))
            ), ') AS v', v_pos
        );
        SET v_match = concat(
            v_match, if(v_pos = 0, '', ' AND '), 'x.', deletion_quote_name(
                json_unquote(json_extract(v_parent, concat('$[', v_pos, ']')))
            ), ' = v.v', v_pos
        );
        SET v_root = concat(v_root, if(v_pos = 0, '', ' AND '), (
            SELECT concat(f.get_0, 't.', f.f, f.get_1)
            FROM deletion_plan_edges AS e
            INNER JOIN deletion_plan_nodes AS p
                ON p.plan_id = e.plan_id AND p.node_no = e.parent_node_no
            INNER JOIN json_table(p.frame_columns, '$[*]' COLUMNS (  -- noqa: CP02
                name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.column',  -- noqa: PRS,LT05
                f VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.f',
                get_0 TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.get[0]',
                get_1 TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.get[1]'
            )) AS f
                ON f.name = json_unquote(json_extract(v_parent, concat('$[', v_pos, ']')))
            WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no
        ), ' = v.v', v_pos);
        SET v_pos = v_pos + 1;
    END WHILE;

    -- Row x of the parent goes by the same job. Counted: what EXISTS asks for the server would join
    -- to rows whose statistics say that there are none.
    SELECT concat(
        '(\n    SELECT COUNT(*) FROM deletion_walk_keys AS d FORCE INDEX (PRIMARY)\n    WHERE',
        ' d.walk_id = s.walk_id AND d.job_id = s.job_id AND d.node_no = ', p.node_no,
        ' AND d.fate = \'delete\'\n        AND d.key_hash = deletion_key_hash(JSON_OBJECT(',
        deletion_sql_list(p.key_part, 'found_object', ', '), '))\n) > 0'
    )
    INTO v_is_gone
    FROM deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS p ON p.plan_id = e.plan_id AND p.node_no = e.parent_node_no
    WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no;

    RETURN (
        SELECT concat(
            'INSERT IGNORE INTO deletion_walk_keys (\n    walk_id, job_id, node_no, fate,',
            ' key_hash, edge_no, `keys`, is_expanded\n)\nSELECT s.walk_id, s.job_id, s.node_no,',
            ' \'restrict\', s.key_hash, ', p_edge_no, ', s.`keys`, TRUE\nFROM ',
            if(v_misses, '', concat(
                '(SELECT ', v_values, ' FROM ', n.sql_name, ' AS c LIMIT 1) AS v\nLEFT JOIN ',
                p.sql_name, ' AS x ON ', v_match, '\nSTRAIGHT_JOIN '
            )),
            'deletion_walk_keys AS s FORCE INDEX (PRIMARY)\nWHERE s.walk_id = ? AND s.node_no = ',
            e.child_node_no, ' AND s.fate = \'set_default\'',
            -- A row that another reference sets first is not found by this one.
            if(
                EXISTS (  -- noqa: CP03,LT06
                    SELECT 1
                    FROM deletion_plan_edges AS o FORCE INDEX (idx_dpe_child)
                    WHERE
                        o.plan_id = p_plan_id
                        AND o.child_node_no = e.child_node_no
                        AND o.action IN ('set_null', 'scrub')
                        AND json_overlaps(o.child_columns, e.child_columns)
                ),
                concat(
                    '\n    AND (SELECT COUNT(*) FROM deletion_walk_keys AS d FORCE INDEX (PRIMARY)',
                    ' WHERE d.walk_id = s.walk_id AND d.job_id = s.job_id',
                    ' AND d.node_no = s.node_no AND d.fate IN (\'set_null\', \'scrub\')',
                    ' AND d.key_hash = s.key_hash) = 0'
                ),
                ''
            ),
            -- Of several references that would set it a row is known by one.
            if(n.key_columns IS NULL, '', concat(
                '\n    AND (s.edge_no = ', p_edge_no, ' OR (\n    SELECT COUNT(*)\n    FROM',
                ' JSON_TABLE(s.`keys`, \'$\' COLUMNS (', n.key_frame, ')) AS t\n    STRAIGHT_JOIN ',
                n.sql_name, ' AS c', n.key_index, ' ON ',
                deletion_sql_list(n.key_part, 'own', ' AND '),
                '\n    STRAIGHT_JOIN ', p.sql_name, ' AS x ON ', e.on_parent,
                '\n    WHERE ', v_is_gone, '\n) > 0)'
            )),
            CASE
                WHEN v_misses THEN ''
                WHEN v_is_declared THEN concat(
                    '\n    AND (', v_is_gone,
                    -- A root that is not there has nothing but its key.
                    if(p.node_no > 0, '', concat(
                        ' OR (\n    SELECT COUNT(*)\n    FROM deletion_walk_keys AS d',
                        ' FORCE INDEX (PRIMARY)\n    STRAIGHT_JOIN JSON_TABLE(d.`keys`, \'$\'',
                        ' COLUMNS (', p.row_frame, ')) AS t\n    WHERE d.walk_id = s.walk_id',
                        ' AND d.job_id = s.job_id AND d.node_no = 0 AND d.fate = \'delete\'',
                        ' AND JSON_CONTAINS_PATH(d.`keys`, \'one\', \'$.m\') AND ', v_root,
                        '\n) > 0'
                    )), ')'
                )
                ELSE concat(
                    '\n    AND (x.', deletion_quote_name(
                        json_unquote(json_extract(v_parent, '$[0]'))
                    ), ' IS NULL OR ', v_is_gone, ')'
                )
            END
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
