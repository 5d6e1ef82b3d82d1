-- deletion_column_text
-- Read a constant for a column strictly, and give it as the column's type prints it.
--
-- Parameters  p_value     the constant: a JSON text, number or boolean
--             p_type      type of the column, as the catalog prints it
--             p_charset   character set of the column; NULL: none
-- Returns     text; NULL: the type does not take it, or takes no constants at all
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_column_text('"gone"', 'varchar(20)', 'utf8mb4');

DROP FUNCTION IF EXISTS deletion_column_text;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_column_text(
    p_value JSON,
    p_type TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_charset VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Read a constant for a column strictly, and give it as the column''s type prints it'
BEGIN
    DECLARE v_text LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    IF
        json_type(p_value) NOT IN (
            'STRING', 'INTEGER', 'UNSIGNED INTEGER', 'DOUBLE', 'DECIMAL', 'BOOLEAN'
        )
    THEN
        RETURN NULL;
    END IF;

    SET v_text = json_unquote(p_value);

    IF json_type(p_value) = 'BOOLEAN' THEN
        SET v_text = if(v_text = 'true', '1', '0');
    END IF;

    IF deletion_type_family(p_type) IS NOT NULL THEN
        RETURN if(char_length(v_text) > 16000, NULL, deletion_key_text(v_text, p_type, p_charset));
    END IF;

    -- No types of keys, but each value has one meaning.
    RETURN CASE
        WHEN p_type REGEXP '^(tiny|medium|long)?text$' THEN if(
            length(v_text) <= if(p_type LIKE 'tiny%', 255, 65535)
            AND deletion_fits_charset(v_text, p_charset),
            v_text, NULL
        )
        WHEN p_type REGEXP '^(tiny|medium|long)?blob$' THEN if(
            v_text REGEXP '^([0-9A-F]{2})*\\z'
            AND length(v_text) <= if(p_type LIKE 'tiny%', 510, 131070),
            v_text, NULL
        )
        WHEN p_type REGEXP '^(float|double)([( ]|$)' THEN if(
            char_length(v_text) <= 30 AND v_text REGEXP '^-?[0-9]+([.][0-9]+)?\\z', v_text, NULL
        )
        WHEN p_type = 'json' THEN if(json_valid(v_text), v_text, NULL)
    END;
END$$
DELIMITER ;
