-- deletion_read_scrub
-- Read what a rule scrubs, strictly: columns of a table, each with a constant or NULL.
--
-- Parameters  p_schema, p_table   the table
--             p_scrub             a JSON object, column to value
--             p_values            OUT the same, each value as its type prints it
--             p_problem           OUT why it cannot be; NULL: it can
-- Writes      nothing, and reads no row of the table     Commits  no
-- Execute     the owner only
-- Example     CALL deletion_read_scrub('shop', 'invoice', '{"name": "gone"}', @dj_v, @dj_p);

DROP PROCEDURE IF EXISTS deletion_read_scrub;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_read_scrub(
    IN p_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_scrub JSON,
    OUT p_values JSON,
    OUT p_problem TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Read what a rule scrubs, strictly: columns of a table, each with a constant or NULL'
BEGIN
    DECLARE v_columns, v_column, v_value JSON;
    DECLARE v_pos INT DEFAULT 0;
    DECLARE v_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_text LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SET p_values = json_object(), p_problem = NULL;

    IF p_scrub IS NULL OR json_type(p_scrub) <> 'OBJECT' OR json_length(p_scrub) = 0 THEN
        SET p_problem = 'what to scrub is no object of columns';
    ELSE
        SET v_columns = deletion_columns(p_schema, p_table, json_keys(p_scrub));
        SET p_problem = if(v_columns IS NULL, 'there is no such column', NULL);
    END IF;

    WHILE p_problem IS NULL AND v_pos < json_length(v_columns) DO
        SET v_column = json_extract(v_columns, concat('$[', v_pos, ']'));
        SET v_name = v_column ->> '$.name';
        SET v_value = json_extract(p_scrub, concat('$.', json_quote(v_name)));
        SET v_text = deletion_column_text(
            v_value,
            v_column ->> '$.type',
            nullif(coalesce(v_column ->> '$.text.charset', 'null'), 'null')
        );
        SET p_problem = deletion_scrub_objection(
            p_schema, p_table, v_name, v_value, json_extract(v_column, '$.null') = TRUE, v_text
        );
        SET p_values = json_set(p_values, concat('$.', json_quote(v_name)), v_text);
        SET v_pos = v_pos + 1;
    END WHILE;

    SET p_problem = concat(p_problem, coalesce(concat(' (', v_name, ')'), ''));
END$$
DELIMITER ;
