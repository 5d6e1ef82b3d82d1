-- deletion_sql_held
-- Write the statement that finds the held rows of a table by the key that was held.
--
-- Parameters  p_plan_id, p_node_no   the table, one of the plan's
--             p_columns              the columns of that key, a JSON array of names
-- Returns     text; binds an array of {"j": number of the hold, "pk": key, "k": the key as JSON};
--             answers the frame of the rows that are there, each with its table's number ("n");
--             NULL: the columns are no unique key of the table, or not there
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_sql_held;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_held(
    p_plan_id BIGINT UNSIGNED,
    p_node_no INT,
    p_columns JSON
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write the statement that finds the held rows of a table by the key that was held'
BEGIN
    DECLARE v_frame_columns, v_column JSON;
    DECLARE v_key JSON DEFAULT json_array();
    DECLARE v_sql_name LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_index VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
        DEFAULT deletion_unique_index(p_plan_id, p_node_no, p_columns);
    DECLARE v_pos INT DEFAULT 0;

    IF v_index IS NULL THEN
        RETURN NULL;
    END IF;

    SELECT n.sql_name, n.frame_columns
    INTO v_sql_name, v_frame_columns
    FROM deletion_plan_nodes AS n
    WHERE n.plan_id = p_plan_id AND n.node_no = p_node_no;

    WHILE v_pos < json_length(p_columns) DO
        SET v_column = deletion_frame_column(
            p_plan_id, p_node_no, json_unquote(json_extract(p_columns, concat('$[', v_pos, ']'))),
            concat('h', v_pos + 1)
        );

        IF v_column IS NULL THEN
            RETURN NULL;
        END IF;

        SET v_key = json_array_append(v_key, '$', v_column), v_pos = v_pos + 1;
    END WHILE;

    RETURN concat(
        'SELECT COALESCE(JSON_ARRAYAGG(JSON_OBJECT(\'n\', ', p_node_no, ', \'j\', t.j, ',
        deletion_sql_list(v_frame_columns, 'found_object', ', '), ')), JSON_ARRAY()), COUNT(*)\n',
        'INTO @dj_answer, @dj_rows\n',
        deletion_sql_found(v_key, concat(v_sql_name, ' AS x', deletion_sql_index(v_index)))
    );
END$$
DELIMITER ;
