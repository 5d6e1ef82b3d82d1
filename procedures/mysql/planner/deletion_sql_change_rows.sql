-- deletion_sql_change_rows
-- Write the statements that delete, or set, child rows that have no key, below one row of a frame.
--
-- Parameters  p_plan_id, p_edge_no   the reference
--             p_kind   parent_row: binds one row of the frame; its values come into @dj_k1 and so
--                      on; change_rows: binds a limit; deletes, or sets, rows that hang from it
-- Returns     text
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_sql_change_rows;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_change_rows(
    p_plan_id BIGINT UNSIGNED,
    p_edge_no INT,
    p_kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write the statements that delete, or set, child rows that have no key'
BEGIN
    DECLARE v_parent JSON;
    DECLARE v_table, v_on_row, v_set, v_names, v_into, v_stays
        LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SELECT p.frame_columns, concat(n.sql_name, ' AS x'), e.set_list
    INTO v_parent, v_table, v_set
    FROM deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS p ON p.plan_id = e.plan_id AND p.node_no = e.parent_node_no
    INNER JOIN deletion_plan_nodes AS n ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
    WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no;

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
        'x.', deletion_quote_name(k.column_name), ' <=> DEFAULT(x.', deletion_quote_name(k.column_name), ')'  -- noqa: LT05
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
    SELECT concat(
        group_concat(  -- noqa: CP01
            'x.', deletion_quote_name(k.child_column), ' = ',
            -- A variable keeps the collation of whatever it held before, even of another plan.
            if(
                f.family IN ('string', 'label'),
                concat(
                    'CONVERT(@dj_', f.field, ' USING ', substring_index(f.collation, '_', 1),
                    ') COLLATE ', f.collation
                ),
                concat(f.get_before, '@dj_', f.field, f.get_after)
            )
            SEPARATOR ' AND '
        ),
        max(coalesce(concat(' AND x.', e.discriminator), '')),  -- noqa: CP01
        -- What hangs by a foreign key from a root that was not there is another story.
        max(if(e.parent_node_no = 0 AND NOT e.is_declared, ' AND @dj_m IS NULL', ''))  -- noqa: CP01
    )
    INTO v_on_row
    FROM deletion_plan_edges AS e
    CROSS JOIN json_table(e.child_columns, '$[*]' COLUMNS (  -- noqa: CP02
        pos FOR ORDINALITY, child_column VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'  -- noqa: PRS,LT05
    )) AS k
    INNER JOIN json_table(e.parent_columns, '$[*]' COLUMNS (  -- noqa: CP02
        pos FOR ORDINALITY, parent_column VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'  -- noqa: PRS,LT05
    )) AS o
        ON o.pos = k.pos
    INNER JOIN json_table(v_parent, '$[*]' COLUMNS (  -- noqa: CP02
        parent_column VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.column',  -- noqa: PRS,LT05
        field VARCHAR(8) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.f',
        family VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.family',
        collation VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.collation',  -- noqa: PRS,LT05
        get_before VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.get[0]',
        get_after VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.get[1]'
    )) AS f
        ON f.parent_column = o.parent_column
    WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no;

    RETURN concat(
        if(v_set IS NULL, 'DELETE FROM ', 'UPDATE '), v_table,
        coalesce(concat('\nSET ', v_set), ''),
        '\nWHERE ', v_on_row, coalesce(v_stays, ''), '\nLIMIT ?'
    );
END$$
DELIMITER ;
