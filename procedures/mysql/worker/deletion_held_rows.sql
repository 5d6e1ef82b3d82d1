-- deletion_held_rows
-- Find the rows of a plan's tables on which a hold is in force.
--
-- Parameters  p_plan_id   the plan
--             p_rows      OUT JSON array of the rows that are there, as frames keep them, each with
--                         its table's number ("n"); "j" is the hold's number, above all jobs'.
--                         A hold whose row is found no more stands there with "lost": which row it
--                         was nobody can say
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
    DECLARE v_sql LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;  -- noqa: PRS
    DECLARE v_node_no INT;
    DECLARE v_holds, v_lost JSON;
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE c_table CURSOR FOR
        SELECT
            t.node_no,
            s.sql_text,
            json_arrayagg(json_object(
                'j', h.hold_id + 4611686018427387904,
                'pk', h.row_pk,
                'k', CASE WHEN json_valid(h.row_pk) THEN cast(h.row_pk AS JSON) END,
                'seen', h.row_seen_at IS NOT NULL
            ))
        FROM deletion_holds AS h
        -- By the columns that the hold was placed by; without such a step they are no key now.
        INNER JOIN (
            SELECT DISTINCT d.node_no, d.table_name
            FROM deletion_plan_steps AS d
            WHERE d.plan_id = p_plan_id AND d.kind = 'held'
        ) AS t ON t.table_name = h.table_name
        LEFT JOIN deletion_plan_steps AS s
            ON
                s.plan_id = p_plan_id AND s.kind = 'held' AND s.node_no = t.node_no
                AND s.index_name = h.key_columns
        WHERE
            h.released_at IS NULL
            AND (h.held_until IS NULL OR h.held_until > utc_timestamp(6))
        GROUP BY t.node_no, s.step_no, s.sql_text
        ORDER BY t.node_no, s.step_no;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    SET p_rows = json_array();
    OPEN c_table;
    FETCH c_table INTO v_node_no, v_sql, v_holds;

    WHILE NOT v_is_done DO
        SET @dj_sql = v_sql, @dj_frame = v_holds, @dj_answer = NULL;

        IF v_sql IS NOT NULL THEN
            BEGIN
                -- The columns are of another type now, which does not take what was held.
                DECLARE EXIT HANDLER FOR 3156, 3665, 3666, 3667, 1264, 1292, 1366, 1406  -- noqa: PRS
                    SET @dj_answer = NULL;

                PREPARE dj_stmt FROM @dj_sql;
                EXECUTE dj_stmt USING @dj_frame;
                DEALLOCATE PREPARE dj_stmt;
            END;
        END IF;

        SELECT coalesce(
            json_arrayagg(json_object('n', v_node_no, 'j', l.j, 'lost', TRUE)), json_array()
        )
        INTO v_lost
        FROM (
            SELECT h.j
            FROM json_table(v_holds, '$[*]' COLUMNS (
                j BIGINT UNSIGNED PATH '$.j', seen BOOLEAN PATH '$.seen'
            )) AS h
            LEFT JOIN json_table(@dj_answer, '$[*]' COLUMNS (
                j BIGINT UNSIGNED PATH '$.j'
            )) AS a ON a.j = h.j
            WHERE @dj_answer IS NULL OR (h.seen AND a.j IS NULL)
        ) AS l;
        SET p_rows = json_merge_preserve(
            p_rows, coalesce(@dj_answer, json_array()), v_lost
        );
        SET v_is_done = FALSE;
        FETCH c_table INTO v_node_no, v_sql, v_holds;
    END WHILE;

    CLOSE c_table;
END$$
DELIMITER ;
