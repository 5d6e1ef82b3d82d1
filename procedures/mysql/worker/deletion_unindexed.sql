-- deletion_unindexed
-- Say which reference without an index leads from a table that is too large to be read whole.
--
-- Parameters  p_plan_id   the plan
--             p_error     OUT JD008 naming the reference; NULL: there is none
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_unindexed;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_unindexed(
    IN p_plan_id BIGINT UNSIGNED,
    OUT p_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Say which reference without an index leads from a table that is too large to be read whole'
BEGIN
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE v_edge_no INT;
    DECLARE v_limit BIGINT DEFAULT deletion_setting_int('unindexed_limit_rows');
    DECLARE v_table, v_reference VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE c_size CURSOR FOR
        SELECT s.edge_no, s.table_name, s.reference_name
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = p_plan_id AND s.kind = 'size'
        ORDER BY s.step_no;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    OPEN c_size;
    FETCH c_size INTO v_edge_no, v_table, v_reference;

    WHILE NOT v_is_done AND p_error IS NULL DO
        SET @dj_limit = v_limit + 1;
        CALL deletion_execute(p_plan_id, v_edge_no, 'size');

        IF @dj_rows > v_limit THEN
            SET p_error = concat(
                'JD008: ', v_reference, ' of ', v_table, ' has no index and the table over ',
                v_limit, ' rows'
            );
        END IF;

        FETCH c_size INTO v_edge_no, v_table, v_reference;
    END WHILE;

    CLOSE c_size;
END$$
DELIMITER ;
