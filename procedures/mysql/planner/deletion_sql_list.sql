-- deletion_sql_list
-- Write one part of a statement for each of some columns.
--
-- Parameters  p_columns     descriptions by deletion_frame_column, a JSON array
--             p_part        which part: see below
--             p_separator   what stands between them
-- Returns     text; empty where there are no columns
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_sql_list('[{"f": "k1", "name": "`id`"}]', 'raw', ', ');
--
-- In every statement t is the frame, c a child row, x a row acted on, q rows chosen within, a the
-- row that was read last.

DROP FUNCTION IF EXISTS deletion_sql_list;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_list(
    p_columns JSON,
    p_part VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_separator VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Write one part of a statement for each of some columns'
BEGIN
    DECLARE v_pos INT DEFAULT 0;
    DECLARE v_column JSON;
    DECLARE v_list LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin DEFAULT '';
    DECLARE v_f, v_name LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    WHILE v_pos < json_length(p_columns) DO
        SET v_column = json_extract(p_columns, concat('$[', v_pos, ']'));
        SET v_f = v_column ->> '$.f', v_name = v_column ->> '$.name';
        -- Only what the part needs is taken out of the description: a plan has thousands of them.
        SET v_list = concat(v_list, if(v_pos = 0, '', p_separator), CASE p_part
            WHEN 'frame' THEN concat(
                v_f, ' ', v_column ->> '$.type', ' PATH \'$.', v_f, '\' ERROR ON ERROR'
            )
            WHEN 'found' THEN concat(
                'x.', v_name, ' = ', v_column ->> '$.get[0]', 't.', v_f, v_column ->> '$.get[1]'
            )
            WHEN 'own' THEN concat(
                'c.', v_name, ' = ', v_column ->> '$.get[0]', 't.', v_f, v_column ->> '$.get[1]'
            )
            WHEN 'column' THEN concat('c.', v_name)
            WHEN 'given' THEN concat(
                v_column ->> '$.get[0]', 't.', v_f, v_column ->> '$.get[1]'
            )
            WHEN 'same' THEN concat('c.', v_name, ' = x.', v_name)
            WHEN 'answer' THEN concat(
                v_column ->> '$.put[0]', 'c.', v_name, v_column ->> '$.put[1]', ' AS ', v_f
            )
            WHEN 'object' THEN concat('\'', v_f, '\', q.', v_f)
            WHEN 'found_object' THEN concat(
                '\'', v_f, '\', ', v_column ->> '$.put[0]', 'x.', v_name, v_column ->> '$.put[1]'
            )
            WHEN 'own_object' THEN concat(
                '\'', v_f, '\', ', v_column ->> '$.put[0]', 'c.', v_name, v_column ->> '$.put[1]'
            )
            WHEN 'value' THEN concat(
                v_column ->> '$.put[0]', 'x.', v_name, v_column ->> '$.put[1]'
            )
            WHEN 'raw' THEN concat('c.', v_name, ' AS ', v_f)
            WHEN 'found_raw' THEN concat('x.', v_name, ' AS ', v_f)
            WHEN 'back' THEN concat('c.', v_name, ' = q.', v_f)
            WHEN 'order' THEN concat('q.', v_f)
            WHEN 'sort' THEN concat('c.', v_name, if(
                v_column ->> '$.family' = 'label',
                concat(' COLLATE ', v_column ->> '$.collation'),
                ''
            ))
            WHEN 'text' THEN concat(
                v_column ->> '$.text[0]', 'x.', v_name, v_column ->> '$.text[1]'
            )
        END);
        SET v_pos = v_pos + 1;
    END WHILE;

    RETURN v_list;
END$$
DELIMITER ;
