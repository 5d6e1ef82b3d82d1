-- deletion_key_part
-- Take the key columns out of the columns that frames of a table carry.
--
-- Parameters  p_columns   descriptions by deletion_frame_column, a JSON array
-- Returns     JSON array of those whose name in frames begins with k
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_key_part;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_key_part(
    p_columns JSON
) RETURNS JSON
LANGUAGE SQL
DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Take the key columns out of the columns that frames of a table carry'
BEGIN
    DECLARE v_pos INT DEFAULT 0;
    DECLARE v_keys JSON DEFAULT json_array();

    -- Most tables carry nothing but their key.
    IF json_extract(p_columns, '$[last].f') LIKE '"k%' THEN
        RETURN p_columns;
    END IF;

    WHILE json_extract(p_columns, concat('$[', v_pos, '].f')) LIKE '"k%' DO
        SET v_keys = json_array_append(
            v_keys, '$', json_extract(p_columns, concat('$[', v_pos, ']'))
        );
        SET v_pos = v_pos + 1;
    END WHILE;

    RETURN v_keys;
END$$
DELIMITER ;
