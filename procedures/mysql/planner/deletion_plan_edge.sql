-- deletion_plan_edge
-- Write the conditions by which a reference is followed.
--
-- Parameters  p_plan_id, p_edge_no   the reference
-- Writes      deletion_plan_edges; on_frame stays NULL where its columns do not compare
-- Commits     no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_plan_edge;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_plan_edge(
    IN p_plan_id BIGINT UNSIGNED,
    IN p_edge_no INT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write the conditions by which a reference is followed'
BEGIN
    DECLARE v_pos, v_count INT DEFAULT 0;
    DECLARE v_parent_no, v_child_no INT;
    DECLARE v_child_columns, v_parent_columns, v_parent, v_node, v_child, v_other JSON;
    DECLARE v_pointers, v_carried, v_key JSON;
    DECLARE v_schema, v_table, v_discriminator, v_column, v_reference VARCHAR(64)
        CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_value, v_name, v_to, v_from LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_action VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_is_self, v_is_declared, v_is_root, v_is_ordered BOOLEAN;
    DECLARE v_index, v_key_index LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_on_frame, v_on_parent, v_set LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
        DEFAULT '';

    SELECT
        e.child_columns, e.parent_columns, p.frame_columns, n.frame_columns AS child_frame_columns,
        e.child_schema, e.child_table, e.parent_node_no, e.child_node_no, e.discriminator_column, e.discriminator_value,  -- noqa: LT05
        e.action, e.is_declared, e.parent_node_no = e.child_node_no, e.parent_node_no = 0,
        json_length(e.child_columns), e.reference_name, n.key_part, n.key_index, e.index_name
    INTO
        v_child_columns, v_parent_columns, v_parent, v_node, v_schema,
        v_table, v_parent_no, v_child_no, v_discriminator, v_value,
        v_action, v_is_declared, v_is_self, v_is_root, v_count, v_reference,
        v_key, v_key_index, v_index
    FROM deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS p ON p.plan_id = e.plan_id AND p.node_no = e.parent_node_no
    INNER JOIN deletion_plan_nodes AS n ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
    WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no;

    SET v_pointers = json_array();

    WHILE v_pos < v_count DO
        SET v_column = json_unquote(json_extract(v_child_columns, concat('$[', v_pos, ']')));
        SET v_child = deletion_frame_column(
            p_plan_id, v_child_no, v_column, concat('p', v_pos + 1)
        );
        SET v_pointers = json_array_append(v_pointers, '$', v_child);
        SET v_column = json_unquote(json_extract(v_parent_columns, concat('$[', v_pos, ']')));
        SET v_other = (
            SELECT f.o
            FROM json_table(v_parent, '$[*]' COLUMNS (  -- noqa: CP02
                o JSON PATH '$',  -- noqa: PRS
                name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.column'
            )) AS f
            WHERE f.name = v_column
        );
        -- Values of two families, or under two collations, compare by rules of neither.
        SET v_name = if(
            json_extract(v_other, '$.family') = json_extract(v_child, '$.family')
            AND json_extract(v_other, '$.collation') <=> json_extract(v_child, '$.collation')
            AND (
                v_is_declared
                OR v_child ->> '$.family' <> 'label'
                OR (
                    SELECT deletion_match_labels(min(c.column_type), max(c.column_type))
                    FROM deletion_node_columns AS c
                    WHERE
                        c.plan_id = p_plan_id
                        AND (c.node_no, c.column_name) IN (
                            (v_parent_no, v_column), (v_child_no, v_child ->> '$.column')
                        )
                )
            ),
            json_unquote(json_extract(v_child, '$.name')),
            NULL
        );
        SET v_from = concat(
            json_unquote(json_extract(v_other, '$.get[0]')), 't.',
            json_unquote(json_extract(v_other, '$.f')),
            json_unquote(json_extract(v_other, '$.get[1]'))
        );
        SET v_to = json_unquote(json_extract(v_other, '$.name'));
        SET v_on_frame = concat(
            v_on_frame, if(v_pos = 0, '', ' AND '), 'c.', v_name, ' = ', v_from
        );
        SET v_on_parent = concat(
            v_on_parent, if(v_pos = 0, '', ' AND '), 'c.', v_name, ' = x.', v_to
        );
        SET v_set = concat(
            v_set, if(v_pos = 0, '', ', '), 'x.', v_name, ' = ',
            if(v_action = 'set_default', 'DEFAULT', 'NULL')
        );
        SET v_pos = v_pos + 1;
    END WHILE;

    IF v_discriminator IS NOT NULL THEN
        SET v_discriminator = deletion_sql_literal(v_schema, v_table, v_discriminator, v_value);
    END IF;

    SET v_carried = json_merge_preserve(v_node, v_pointers);
    SET v_set = CASE
        WHEN v_action IN ('set_null', 'set_default') THEN concat(
            v_set, deletion_sql_untouched(p_plan_id, v_child_no, v_child_columns, 'x')
        )
        WHEN v_action = 'scrub' THEN concat(
            v_set, deletion_sql_scrub(v_schema, v_table, v_reference)
        )
    END;

    -- Whole numbers alone; other types would have to be written as constants of their own.
    SET v_is_ordered = NOT v_is_declared
    AND v_count = 1
    AND json_length(v_key) = 1
    AND v_key_index LIKE '%PRIMARY%'
    AND v_key ->> '$[0].type' REGEXP '^[A-Z]*INT( UNSIGNED)?$'
    AND v_pointers ->> '$[0].type' REGEXP '^[A-Z]*INT( UNSIGNED)?$'
    AND NOT EXISTS (  -- noqa: CP03,LT06
        SELECT 1
        FROM deletion_node_indexes AS i
        WHERE
            i.plan_id = p_plan_id
            AND i.node_no = v_child_no
            AND i.index_name = v_index
            AND i.seq_in_index = 2
            AND NOT i.column_name <=> v_key ->> '$[0].column'
    );

    UPDATE deletion_plan_edges AS e
    SET
        e.frame_columns = v_pointers,
        e.is_ordered = coalesce(v_is_ordered AND v_index IS NOT NULL, FALSE),
        e.pointer_frame = deletion_sql_list(v_pointers, 'frame', ', '),
        e.answer_list = deletion_sql_list(v_carried, 'answer', ', '),
        e.object_list = deletion_sql_list(v_carried, 'object', ', '),
        e.index_hint = deletion_sql_index(e.index_name),
        e.discriminator = v_discriminator,
        e.set_list = v_set,
        e.on_frame = concat(
            v_on_frame,
            coalesce(concat(' AND c.', v_discriminator), ''),
            -- A row that refers to itself is not its own child.
            if(
                v_is_self,
                concat(
                    ' AND NOT (', deletion_sql_list(v_key, 'own', ' AND '), ')'
                ),
                ''
            ),
            -- Only a declared reference can hold rows of a root that is not there; and should the
            -- root come back meanwhile, rows that hang from it by a foreign key are another story.
            if(v_is_root AND NOT v_is_declared, ' AND t.m IS NULL', '')
        ),
        e.on_parent = concat(
            v_on_parent,
            coalesce(concat(' AND c.', v_discriminator), ''),
            if(
                v_is_self,
                concat(
                    ' AND NOT (', deletion_sql_list(v_key, 'same', ' AND '), ')'
                ),
                ''
            )
        ),
        e.found_by = concat(
            deletion_sql_list(v_pointers, 'found', ' AND '),
            coalesce(concat(' AND x.', v_discriminator), '')
        )
    WHERE
        e.plan_id = p_plan_id
        AND e.edge_no = p_edge_no
        AND (v_discriminator IS NOT NULL OR e.discriminator_column IS NULL)
        AND coalesce(e.parent_index, if(
            v_is_declared,
            deletion_unique_index(p_plan_id, v_parent_no, v_parent_columns),
            NULL
        )) IS NOT NULL;
END$$
DELIMITER ;
