-- deletion_sql_locks
-- Write what a lock statement needs beside the rows: the unique keys that references point at.
--
-- Parameters  p_plan_id, p_node_no   the table
--             p_joins     OUT joins, one for each such key
--             p_aliases   OUT their names, each after a comma
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- A row locked by its primary key still takes children by a key that references another unique key:
-- the engine locks the entry of that index alone. So that entry is locked as well.

DROP PROCEDURE IF EXISTS deletion_sql_locks;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_sql_locks(
    IN p_plan_id BIGINT UNSIGNED,
    IN p_node_no INT,
    OUT p_joins LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    OUT p_aliases LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write what a lock statement needs beside the rows: the unique keys that references point at'  -- noqa: LT05
BEGIN
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE v_no INT DEFAULT 0;
    DECLARE v_pos INT;
    DECLARE v_index, v_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_columns JSON;
    DECLARE v_table LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE c_key CURSOR FOR
        SELECT DISTINCT e.parent_index, e.parent_columns
        FROM deletion_plan_edges AS e FORCE INDEX (uq_dpe_reference)
        WHERE
            e.plan_id = p_plan_id
            AND e.parent_node_no = p_node_no
            AND NOT e.is_declared
            AND e.parent_index <> 'PRIMARY';
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    SET p_joins = '', p_aliases = '';
    SET v_table = (
        SELECT n.sql_name
        FROM deletion_plan_nodes AS n
        WHERE n.plan_id = p_plan_id AND n.node_no = p_node_no
    );
    OPEN c_key;
    FETCH c_key INTO v_index, v_columns;

    WHILE NOT v_is_done DO
        SET v_no = v_no + 1, v_pos = 0;
        SET p_aliases = concat(p_aliases, ', l', v_no);
        SET p_joins = concat(
            p_joins, '\nLEFT JOIN ', v_table, ' AS l', v_no, ' FORCE INDEX (',
            deletion_quote_name(v_index), ') ON '
        );

        WHILE v_pos < json_length(v_columns) DO
            SET v_name = deletion_quote_name(
                json_unquote(json_extract(v_columns, concat('$[', v_pos, ']')))
            );
            SET p_joins = concat(
                p_joins, if(v_pos = 0, '', ' AND '), 'l', v_no, '.', v_name, ' = x.', v_name
            );
            SET v_pos = v_pos + 1;
        END WHILE;

        FETCH c_key INTO v_index, v_columns;
    END WHILE;

    CLOSE c_key;
END$$
DELIMITER ;
