-- deletion_held_rows
-- Find the rows of a plan's tables on which a hold is in force.
--
-- Parameters  p_plan_id   the plan
--             p_rows      OUT JSON array of the rows that are there, as frames keep them, each with
--                         its table's number ("n"); "j" is the hold's number, above all jobs'
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_held_rows;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_held_rows(
    IN p_plan_id BIGINT UNSIGNED,
    OUT p_rows JSON
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Find the rows of a plan''s tables on which a hold is in force'
BEGIN
    DECLARE v_sql LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_holds JSON;
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE c_table CURSOR FOR
        SELECT
            s.sql_text,
            json_arrayagg(json_object(
                'j', h.hold_id + 4611686018427387904,
                'pk', h.row_pk,
                'k', CASE WHEN json_valid(h.row_pk) THEN cast(h.row_pk AS JSON) END
            ))
        FROM deletion_holds AS h
        INNER JOIN deletion_plan_steps AS s
            ON s.plan_id = p_plan_id AND s.kind = 'held' AND s.table_name = h.table_name
        WHERE
            h.released_at IS NULL
            AND (h.held_until IS NULL OR h.held_until > utc_timestamp(6))
        GROUP BY s.step_no, s.sql_text
        ORDER BY s.step_no;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    SET p_rows = json_array();
    OPEN c_table;
    FETCH c_table INTO v_sql, v_holds;

    WHILE NOT v_is_done DO
        SET @dj_sql = v_sql, @dj_frame = v_holds, @dj_answer = NULL;
        PREPARE dj_stmt FROM @dj_sql;
        EXECUTE dj_stmt USING @dj_frame;
        DEALLOCATE PREPARE dj_stmt;
        SET p_rows = json_merge_preserve(p_rows, @dj_answer);
        FETCH c_table INTO v_sql, v_holds;
    END WHILE;

    CLOSE c_table;
END$$
DELIMITER ;
