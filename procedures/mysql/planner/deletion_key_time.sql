-- deletion_key_time
-- Read a key value that is a date or a time, strictly.
--
-- Parameters  p_text   the value as text, a TIMESTAMP in UTC
--             p_type   type of its column: DATE, DATETIME, TIMESTAMP or TIME
-- Returns     text as the type prints it; NULL: it does not parse
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_key_time('2024-02-29', 'date');

DROP FUNCTION IF EXISTS deletion_key_time;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_key_time(
    p_text TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_type TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Read a key value that is a date or a time, strictly'
BEGIN
    DECLARE v_family VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
        DEFAULT regexp_substr(p_type, '^[a-z]+');
    DECLARE v_scale INT DEFAULT coalesce(regexp_substr(p_type, '[0-9]+'), '0');
    DECLARE v_day, v_time, v_part TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin DEFAULT '';
    DECLARE v_hours INT DEFAULT 0;

    -- "$" alone would let a line break through.
    IF p_text REGEXP '[^-: T.0-9]' OR p_text NOT REGEXP CASE v_family
        WHEN 'date' THEN '^[0-9]{4}-[0-9]{2}-[0-9]{2}$'
        WHEN 'time' THEN '^-?[0-9]{2,3}:[0-5][0-9]:[0-5][0-9]([.][0-9]+)?$'
        ELSE '^[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-5][0-9]:[0-5][0-9]([.][0-9]+)?)?$'
    END THEN
        RETURN NULL;
    END IF;

    IF v_family <> 'time' THEN
        SET v_day = left(p_text, 10);

        -- No conversion here: it would warn, or fail under another sql_mode.
        IF
            left(v_day, 4) = '0000'
            OR substring(v_day, 6, 2) NOT BETWEEN '01' AND '12'
            OR right(v_day, 2) < '01'
            OR right(v_day, 2) > day(last_day(concat(left(v_day, 8), '01')))
        THEN
            RETURN NULL;
        END IF;
    END IF;

    IF v_family = 'date' THEN
        RETURN v_day;
    END IF;

    SET v_time = if(v_family = 'time', p_text, substring(p_text, 12));
    SET v_time = if(v_time = '', '00:00:00', v_time);

    IF locate('.', v_time) > 0 THEN
        SET v_part = trim(TRAILING '0' FROM substring_index(v_time, '.', -1));
        SET v_time = substring_index(v_time, '.', 1);
    END IF;

    SET v_hours = substring_index(trim(LEADING '-' FROM v_time), ':', 1);

    IF
        char_length(v_part) > v_scale
        OR v_hours > if(v_family = 'time', 838, 23)
        -- Nothing lies between 838:59:59 and the end of the range.
        OR (v_hours = 838 AND v_time LIKE '%:59:59' AND v_part <> '')
    THEN
        RETURN NULL;
    END IF;

    IF v_family = 'time' THEN
        SET v_time = concat(
            if(v_time LIKE '-%' AND concat(v_time, v_part) REGEXP '[1-9]', '-', ''),
            lpad(v_hours, if(v_hours > 99, 3, 2), '0'),
            right(v_time, 6)
        );
    END IF;

    RETURN concat(
        if(v_day = '', '', concat(v_day, ' ')),
        v_time,
        if(v_scale > 0, concat('.', rpad(v_part, v_scale, '0')), '')
    );
END$$
DELIMITER ;
