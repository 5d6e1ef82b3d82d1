-- deletion_fingerprint
-- Digest every catalog row that a plan was compiled from, so that a change becomes visible.
--
-- Parameters  p_entity_table   the target
--             p_tables         the plan's tables: an array of {"s": schema, "t": table}
-- Returns     text, a hexadecimal hash
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_fingerprint(entity_table, tables) FROM deletion_plans;

DROP FUNCTION IF EXISTS deletion_fingerprint;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_fingerprint(
    p_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_tables JSON
) RETURNS VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Digest every catalog row that a plan was compiled from, so that a change becomes visible'
BEGIN
    DECLARE v_columns, v_indexes, v_checks, v_tables, v_rules, v_declared, v_soft LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;  -- noqa: LT05
    DECLARE v_list JSON;
    DECLARE v_misfits VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_target TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    -- Rows are folded by exclusive or: no order to keep, and no limit of length as texts have.
    -- Names in the dictionary's own character set: in any other, each would read a whole schema.
    SELECT if(count(*) = 0, '', hex(bit_xor(unhex(sha2(json_array(
        c.table_schema, c.table_name, c.column_name, c.column_type, c.is_nullable,
        c.character_set_name, c.collation_name, c.column_default, c.extra, c.generation_expression
    ), 256)))))
    INTO v_columns
    FROM
        json_table(
            p_tables, '$[*]' COLUMNS (  -- noqa: CP02
                s VARCHAR(64) CHARACTER SET utf8mb3 COLLATE utf8mb3_bin PATH '$.s',  -- noqa: PRS
                t VARCHAR(64) CHARACTER SET utf8mb3 COLLATE utf8mb3_bin PATH '$.t'
            )
        ) AS p
    STRAIGHT_JOIN information_schema.columns AS c ON c.table_schema = p.s AND c.table_name = p.t;  -- noqa: PRS

    SELECT if(count(*) = 0, '', hex(bit_xor(unhex(sha2(json_array(
        i.table_schema, i.table_name, i.index_name, i.non_unique, i.seq_in_index, i.column_name,
        i.sub_part, i.is_visible, i.index_type, i.expression
    ), 256)))))
    INTO v_indexes
    FROM
        json_table(
            p_tables, '$[*]' COLUMNS (  -- noqa: CP02
                s VARCHAR(64) CHARACTER SET utf8mb3 COLLATE utf8mb3_bin PATH '$.s',  -- noqa: PRS
                t VARCHAR(64) CHARACTER SET utf8mb3 COLLATE utf8mb3_bin PATH '$.t'
            )
        ) AS p
    STRAIGHT_JOIN information_schema.statistics AS i ON i.table_schema = p.s AND i.table_name = p.t;  -- noqa: PRS

    -- A column that a CHECK looks at is not set NULL to open a circle.
    SELECT if(count(*) = 0, NULL, hex(bit_xor(unhex(sha2(json_array(
        t.table_schema, t.table_name, t.constraint_name, t.enforced, h.check_clause
    ), 256)))))
    INTO v_checks
    FROM
        json_table(
            p_tables, '$[*]' COLUMNS (  -- noqa: CP02
                s VARCHAR(64) CHARACTER SET utf8mb3 COLLATE utf8mb3_bin PATH '$.s',  -- noqa: PRS
                t VARCHAR(64) CHARACTER SET utf8mb3 COLLATE utf8mb3_bin PATH '$.t'
            )
        ) AS p
    STRAIGHT_JOIN information_schema.table_constraints AS t  -- noqa: PRS
        ON t.table_schema = p.s AND t.table_name = p.t AND t.constraint_type = 'CHECK'
    STRAIGHT_JOIN information_schema.check_constraints AS h
        ON h.constraint_schema = t.constraint_schema AND h.constraint_name = t.constraint_name;

    SELECT if(count(*) = 0, '', hex(bit_xor(unhex(sha2(json_array(
        t.table_schema, t.table_name, t.table_type, t.engine, t.create_options
    ), 256)))))
    INTO v_tables
    FROM
        json_table(
            p_tables, '$[*]' COLUMNS (  -- noqa: CP02
                s VARCHAR(64) CHARACTER SET utf8mb3 COLLATE utf8mb3_bin PATH '$.s',  -- noqa: PRS
                t VARCHAR(64) CHARACTER SET utf8mb3 COLLATE utf8mb3_bin PATH '$.t'
            )
        ) AS p
    STRAIGHT_JOIN information_schema.tables AS t ON t.table_schema = p.s AND t.table_name = p.t;  -- noqa: PRS

    SELECT if(count(*) = 0, '', hex(bit_xor(unhex(sha2(json_array(
        r.child_schema, r.child_table, r.reference_name, r.action, r.scrub, r.parent_schema,
        r.parent_table
    ), 256)))))
    INTO v_rules
    FROM deletion_rules AS r;

    SELECT if(count(*) = 0, '', hex(bit_xor(unhex(sha2(json_array(
        d.reference_name, d.child_schema, d.child_table, d.child_columns, d.parent_schema,
        d.parent_table, d.parent_columns, d.discriminator_column, d.discriminator_value, d.action
    ), 256)))))
    INTO v_declared
    FROM deletion_references AS d;

    SELECT if(count(*) = 0, NULL, hex(bit_xor(unhex(sha2(json_array(
        s.table_schema, s.table_name, s.column_name, s.kind, s.mark_value
    ), 256)))))
    INTO v_soft
    FROM deletion_soft_columns AS s;

    -- What fits the catalog no more stops plans, whatever tables it is about.
    SET v_list = deletion_misfits();

    IF v_list IS NOT NULL THEN
        SELECT hex(bit_xor(unhex(sha2(m.misfit, 256))))
        INTO v_misfits
        FROM json_table(v_list, '$[*]' COLUMNS (misfit JSON PATH '$')) AS m;  -- noqa: CP02,PRS
    END IF;

    SELECT json_array(t.table_schema, t.table_name, t.key_columns, t.key_types)
    INTO v_target
    FROM deletion_targets AS t
    WHERE t.entity_table = p_entity_table;

    -- The references stand first: each step compares them alone, which costs least and matters most.  -- noqa: LT05
    RETURN concat(deletion_fingerprint_keys(p_tables), left(sha2(concat_ws(
        '|', v_columns, v_indexes, v_tables, v_rules, v_declared, v_target, v_soft, v_checks,
        v_misfits
    ), 256), 32));
END$$
DELIMITER ;
