-- deletion_key_string
-- Read a key value that is a string of characters, of bytes, or a label, strictly.
--
-- Parameters  p_text      the value as text; bytes as hexadecimal digits, after 0x or not
--             p_type      type of its column: CHAR, VARCHAR, BINARY, VARBINARY or ENUM
--             p_charset   character set of its column; NULL: none
-- Returns     text as the type prints it, bytes as HEX() does; NULL: it does not parse
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_key_string('0x00ff', 'varbinary(16)', NULL);
--
-- Letters stay as they are given. Under a collation that ignores case, 'abc' and 'ABC' name one
-- row and are two jobs; the second finds the row gone, which is no error.

DROP FUNCTION IF EXISTS deletion_key_string;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_key_string(
    p_text TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_type TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_charset VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Read a key value that is a string of characters, of bytes, or a label, strictly'
BEGIN
    DECLARE v_family VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
        DEFAULT regexp_substr(p_type, '^[a-z]+');
    DECLARE v_size INT DEFAULT regexp_substr(
        if(v_family = 'enum', '0', p_type), '[0-9]+'
    );
    DECLARE v_text TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin DEFAULT p_text;

    IF v_family IN ('binary', 'varbinary') THEN
        SET v_text = upper(if(p_text LIKE '0x%', substring(p_text, 3), p_text));

        RETURN if(
            v_text REGEXP '[^0-9A-F]'
            OR char_length(v_text) % 2 = 1
            OR char_length(v_text) > 2 * v_size
            -- A short value would be filled up by the column and be another one.
            OR (v_family = 'binary' AND char_length(v_text) < 2 * v_size),
            NULL,
            v_text
        );
    END IF;

    IF v_family = 'enum' THEN
        -- Labels alone count: the column itself would take the number of a label as well. The
        -- catalog doubles quotes and backslashes, and writes line ends as letters.
        SET v_text = replace(replace(p_text, '\\', '\\\\'), '''', '''''');
        SET v_text = replace(replace(v_text, '\n', '\\n'), '\r', '\\r');

        RETURN if(
            locate(
                concat(',''', v_text, ''','),
                concat(',', substring(p_type, 6, char_length(p_type) - 6), ',')
            ) > 0,
            p_text,
            NULL
        );
    END IF;

    -- A CHAR column gives its values back without the blanks at their end.
    IF v_family = 'char' THEN
        SET v_text = trim(TRAILING ' ' FROM p_text);
    END IF;

    RETURN if(
        char_length(v_text) > v_size OR NOT deletion_fits_charset(v_text, p_charset), NULL, v_text
    );
END$$
DELIMITER ;
