-- deletion_sql_scrub
-- Write what a rule sets beside the reference's own columns: constants, as quoted literals.
--
-- Parameters  p_schema, p_table   the table that refers
--             p_reference         the reference
-- Returns     text, ", x.column = literal" for each of the rule's columns; empty where it has none
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_sql_scrub;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_scrub(
    p_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_reference VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write what a rule sets beside the reference''s own columns: constants, as quoted literals'
BEGIN
    DECLARE v_scrub, v_columns, v_column JSON;
    DECLARE v_pos INT DEFAULT 0;
    DECLARE v_list, v_text, v_type LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
        DEFAULT '';

    SELECT r.scrub
    INTO v_scrub
    FROM deletion_rules AS r
    WHERE
        r.child_schema = p_schema AND r.child_table = p_table
        AND r.reference_name = p_reference;

    SET v_columns = deletion_columns(p_schema, p_table, json_keys(v_scrub));

    WHILE v_pos < coalesce(json_length(v_columns), 0) DO
        SET v_column = json_extract(v_columns, concat('$[', v_pos, ']'));
        SET v_type = v_column ->> '$.type';
        SET v_column = json_extract(v_column, '$.name');
        SET v_text = json_unquote(json_extract(v_scrub, concat('$.', v_column)));
        SET v_list = concat(
            v_list, ', x.', deletion_quote_name(json_unquote(v_column)), ' = ',
            CASE
                WHEN json_type(json_extract(v_scrub, concat('$.', v_column))) = 'NULL' THEN 'NULL'
                WHEN
                    deletion_type_family(v_type) = 'number'
                    OR v_type REGEXP '^(float|double)'
                    THEN v_text
                WHEN deletion_type_family(v_type) = 'bytes' OR v_type LIKE '%blob'
                    THEN concat('X\'', v_text, '\'')
                ELSE quote(v_text)
            END
        );
        SET v_pos = v_pos + 1;
    END WHILE;

    RETURN v_list;
END$$
DELIMITER ;
