-- deletion_plan_kinds
-- Write values of a discriminator alike that are one to its column.
--
-- Parameters  p_plan_id   the plan, its references and their tables' columns known
-- Writes      deletion_plan_edges: discriminator_value     Commits  no
-- Execute     the owner only
--
-- 'a' and 'A' under a collation that ignores case, 1 and 01 of a number: the rows are the same, and
-- what compares references afterwards compares these texts.

DROP PROCEDURE IF EXISTS deletion_plan_kinds;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_plan_kinds(
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write values of a discriminator alike that are one to its column'
BEGIN
    DECLARE v_edge_no INT;
    DECLARE v_first, v_second, v_type LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_charset, v_collation VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE c_pair CURSOR FOR
        SELECT
            b.edge_no, a.discriminator_value AS value_a, b.discriminator_value AS value_b,
            c.column_type, c.character_set_name, c.collation_name
        FROM deletion_plan_edges AS a
        INNER JOIN deletion_plan_edges AS b FORCE INDEX (idx_dpe_child)  -- noqa: PRS
            ON
                b.plan_id = a.plan_id
                AND b.child_node_no = a.child_node_no
                AND b.discriminator_column = a.discriminator_column
                AND b.discriminator_value <> a.discriminator_value
                AND b.edge_no > a.edge_no
        INNER JOIN deletion_node_columns AS c
            ON
                c.plan_id = a.plan_id
                AND c.node_no = a.child_node_no
                AND c.column_name = a.discriminator_column
        WHERE a.plan_id = p_plan_id
        ORDER BY b.edge_no, a.edge_no;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    OPEN c_pair;
    FETCH c_pair INTO v_edge_no, v_first, v_second, v_type, v_charset, v_collation;

    WHILE NOT v_is_done DO
        IF v_charset IS NULL THEN
            SET @dj_same = deletion_key_text(v_first, v_type, NULL)
            <=> deletion_key_text(v_second, v_type, NULL);
        ELSE
            SET @dj_first = v_first, @dj_second = v_second;
            SET @dj_sql = concat(
                'SET @dj_same = CONVERT(? USING ', v_charset, ') COLLATE ', v_collation,
                ' = CONVERT(? USING ', v_charset, ') COLLATE ', v_collation
            );
            PREPARE dj_stmt FROM @dj_sql;
            EXECUTE dj_stmt USING @dj_first, @dj_second;
            DEALLOCATE PREPARE dj_stmt;
        END IF;

        -- Unless it has become that of an earlier reference already.
        UPDATE deletion_plan_edges AS e
        SET e.discriminator_value = v_first
        WHERE
            e.plan_id = p_plan_id
            AND e.edge_no = v_edge_no
            AND e.discriminator_value = v_second
            AND @dj_same;

        SET v_is_done = FALSE;
        FETCH c_pair INTO v_edge_no, v_first, v_second, v_type, v_charset, v_collation;
    END WHILE;

    CLOSE c_pair;
END$$
DELIMITER ;
