-- deletion_fingerprint_keys
-- Digest the foreign keys that point at tables.
--
-- Parameters  p_tables         an array of {"s": schema, "t": table}
-- Returns     text, 32 hexadecimal digits: the first half of a fingerprint
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_fingerprint_keys(tables) FROM deletion_plans;

DROP FUNCTION IF EXISTS deletion_fingerprint_keys;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_fingerprint_keys(
    p_tables JSON
) RETURNS VARCHAR(32) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Digest the foreign keys that point at tables'
BEGIN
    DECLARE v_keys LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    -- Names in the dictionary's own character set: in any other, each would read a whole schema.
    SELECT if(count(*) = 0, '', hex(bit_xor(unhex(sha2(json_array(
        r.constraint_schema, r.table_name, r.constraint_name, r.delete_rule, r.update_rule,
        r.unique_constraint_name, k.ordinal_position, k.column_name,
        k.referenced_table_schema, k.referenced_table_name, k.referenced_column_name
    ), 256)))))
    INTO v_keys
    FROM
        json_table(
            p_tables, '$[*]' COLUMNS (  -- noqa: CP02
                s VARCHAR(64) CHARACTER SET utf8mb3 COLLATE utf8mb3_bin PATH '$.s',  -- noqa: PRS
                t VARCHAR(64) CHARACTER SET utf8mb3 COLLATE utf8mb3_bin PATH '$.t'
            )
        ) AS p
    STRAIGHT_JOIN information_schema.referential_constraints AS r  -- noqa: PRS
        ON r.unique_constraint_schema = p.s AND r.referenced_table_name = p.t
    STRAIGHT_JOIN information_schema.key_column_usage AS k
        ON
            k.constraint_schema = r.constraint_schema
            AND k.table_name = r.table_name
            AND k.constraint_name = r.constraint_name
            AND k.referenced_table_name IS NOT NULL;

    -- The form of the plans as well: those that an earlier version wrote are stale.
    RETURN left(sha2(concat('4', v_keys), 256), 32);
END$$
DELIMITER ;
