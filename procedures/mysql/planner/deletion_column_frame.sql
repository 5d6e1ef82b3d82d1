-- deletion_column_frame
-- Describe how frames carry the values of a column of a type: written as JSON, and read as it is.
--
-- Parameters  p_column      the column
--             p_type, p_charset, p_collation   its type; the others NULL where it has none
--             p_field       its name in frames: k1 for a key, u1 for what is referred to, p1 for
--                           what refers
-- Returns     JSON object; its type is that of a JSON_TABLE column, put and get are functions
--             around the column and around the field; NULL: keys cannot be of that type
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_column_frame;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_column_frame(
    p_column VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_type LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_charset VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_collation VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_field VARCHAR(8)
) RETURNS JSON
LANGUAGE SQL
DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Describe how frames carry the values of a column of a type'
BEGIN
    DECLARE v_base, v_frame LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_family VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SET v_family = deletion_type_family(p_type);
    SET v_base = regexp_substr(p_type, '^[a-z]+');
    -- Own type, character set and collation: any other makes the engine compare by something else.
    SET v_frame = CASE
        WHEN v_base = 'bit' THEN 'BIGINT UNSIGNED'
        WHEN v_base = 'year' THEN 'SMALLINT UNSIGNED'
        WHEN v_family = 'number' THEN concat(
            upper(v_base),
            coalesce(if(v_base = 'decimal', regexp_substr(p_type, '[(][0-9, ]+[)]'), ''), ''),
            if(p_type LIKE '% unsigned%', ' UNSIGNED', '')
        )
        WHEN v_family = 'bytes' THEN concat(
            'VARCHAR(', 2 * regexp_substr(p_type, '[0-9]+'),
            ') CHARACTER SET ascii COLLATE ascii_bin'
        )
        WHEN v_family IN ('string', 'label') THEN concat(
            'VARCHAR(', if(v_family = 'label', '255', regexp_substr(p_type, '[0-9]+')),
            ') CHARACTER SET ', p_charset, ' COLLATE ', p_collation
        )
        WHEN v_base = 'date' THEN 'DATE'
        WHEN v_family IN ('moment', 'time') THEN concat(
            if(v_family = 'time', 'TIME', 'DATETIME'),
            coalesce(regexp_substr(p_type, '[(][0-9][)]'), '')
        )
    END;

    RETURN if(v_frame IS NULL, NULL, json_object(
        'f', p_field,
        'column', p_column,
        'name', deletion_quote_name(p_column),
        'family', v_family,
        'collation', p_collation,
        'type', v_frame,
        -- JSON keeps integers exactly; all else travels as text, bytes as hexadecimal digits.
        'put', CASE
            WHEN v_base IN ('bit', 'year') THEN json_array('CAST(', ' AS UNSIGNED)')
            WHEN v_family = 'number' AND v_base <> 'decimal' THEN json_array('', '')
            WHEN v_family = 'bytes' THEN json_array('HEX(', ')')
            WHEN v_family = 'string' AND p_charset = 'utf8mb4' THEN json_array('', '')
            WHEN v_family = 'string' THEN json_array('CONVERT(', ' USING utf8mb4)')
            ELSE json_array('CAST(', ' AS CHAR)')
        END,
        'get', if(v_family = 'bytes', json_array('UNHEX(', ')'), json_array('', '')),
        -- As jobs spell it; adding nothing takes the zeros of ZEROFILL away.
        'text', CASE
            WHEN v_base = 'bit' THEN json_array('CAST(CAST(', ' AS UNSIGNED) AS CHAR)')
            WHEN v_family = 'number' AND v_base <> 'year' THEN json_array('CAST(', ' + 0 AS CHAR)')
            WHEN v_family = 'bytes' THEN json_array('HEX(', ')')
            WHEN v_family = 'string' THEN json_array('CONVERT(', ' USING utf8mb4)')
            ELSE json_array('CAST(', ' AS CHAR)')
        END
    ));
END$$
DELIMITER ;
