-- deletion_sql_after
-- Write the condition that a child row comes after the one that was read last.
--
-- Parameters  p_columns   the key's columns, described by deletion_frame_column
-- Returns     text
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_sql_after;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_after(
    p_columns JSON
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Write the condition that a child row comes after the one that was read last'
BEGIN
    DECLARE v_pos INT DEFAULT 0;
    DECLARE v_column JSON;
    DECLARE v_equal, v_list, v_value LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
        DEFAULT '';

    -- Spelled out, since the engine bounds no index scan by a comparison of rows.
    WHILE v_pos < json_length(p_columns) DO
        SET v_column = json_extract(p_columns, concat('$[', v_pos, ']'));
        SET v_value = concat(
            v_column ->> '$.get[0]', 'a.', v_column ->> '$.f', v_column ->> '$.get[1]'
        );
        SET v_list = concat(
            v_list, ' OR (', v_equal, 'c.', v_column ->> '$.name', ' > ', v_value, ')'
        );
        SET v_equal = concat(v_equal, 'c.', v_column ->> '$.name', ' = ', v_value, ' AND ');
        SET v_pos = v_pos + 1;
    END WHILE;

    RETURN concat('(a.', p_columns ->> '$[0].f', ' IS NULL', v_list, ')');
END$$
DELIMITER ;
