-- deletion_key_number
-- Read a key value that is a number, strictly.
--
-- Parameters  p_text   the value as text
--             p_type   type of its column: an integer, DECIMAL, BIT or YEAR
-- Returns     text as the type prints it, BIT as a decimal number; NULL: it does not parse
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_key_number('042', 'int unsigned');

DROP FUNCTION IF EXISTS deletion_key_number;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_key_number(
    p_text TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_type TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Read a key value that is a number, strictly'
BEGIN
    DECLARE v_family VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
        DEFAULT regexp_substr(p_type, '^[a-z]+');
    DECLARE v_sizes VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
        DEFAULT regexp_substr(p_type, '[0-9]+(,[0-9]+)?');
    DECLARE v_is_unsigned BOOLEAN DEFAULT p_type LIKE '% unsigned%';
    DECLARE v_sign VARCHAR(1) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
        DEFAULT if(p_text LIKE '-%', '-', '');
    DECLARE v_whole, v_part TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin DEFAULT '';
    DECLARE v_scale INT DEFAULT 0;
    DECLARE v_top, v_number DECIMAL(65, 0);

    -- "$" alone would let a line break through.
    IF p_text REGEXP '[^-+.0-9]' OR p_text NOT REGEXP '^[-+]?([0-9]+([.][0-9]*)?|[.][0-9]+)$' THEN
        RETURN NULL;
    END IF;

    SET v_whole = trim(
        LEADING '0' FROM replace(replace(substring_index(p_text, '.', 1), '-', ''), '+', '')
    );

    IF locate('.', p_text) > 0 THEN
        SET v_part = trim(TRAILING '0' FROM substring_index(p_text, '.', -1));
    END IF;

    IF v_family = 'decimal' THEN
        SET v_scale = substring_index(v_sizes, ',', -1);

        IF
            char_length(v_whole) > substring_index(v_sizes, ',', 1) - v_scale
            OR char_length(v_part) > v_scale
        THEN
            RETURN NULL;
        END IF;
    ELSE
        SET v_top = CASE v_family
            WHEN 'tinyint' THEN if(v_is_unsigned, 255, 127)
            WHEN 'smallint' THEN if(v_is_unsigned, 65535, 32767)
            WHEN 'mediumint' THEN if(v_is_unsigned, 16777215, 8388607)
            WHEN 'int' THEN if(v_is_unsigned, 4294967295, 2147483647)
            WHEN 'bigint' THEN if(v_is_unsigned, 18446744073709551615, 9223372036854775807)
            WHEN 'bit' THEN ~0 >> (64 - v_sizes)
            WHEN 'year' THEN 2155
        END;

        IF
            locate('.', p_text) > 0
            OR char_length(v_whole) > 20
            OR v_top IS NULL
        THEN
            RETURN NULL;
        END IF;

        SET v_number = cast(concat('0', v_whole) AS DECIMAL(65, 0));

        IF
            v_number > v_top + (v_sign = '-')
            OR (v_family = 'year' AND v_number BETWEEN 1 AND 1900)
        THEN
            RETURN NULL;
        END IF;
    END IF;

    IF v_whole = '' AND v_part = '' THEN
        SET v_sign = '';
    ELSEIF v_sign = '-' AND (v_is_unsigned OR v_family IN ('bit', 'year')) THEN
        RETURN NULL;
    END IF;

    RETURN concat(
        v_sign,
        if(v_family = 'year', lpad(v_whole, 4, '0'), if(v_whole = '', '0', v_whole)),
        if(v_scale > 0, concat('.', rpad(v_part, v_scale, '0')), '')
    );
END$$
DELIMITER ;
