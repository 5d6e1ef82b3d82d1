-- deletion_part
-- Part rows from themselves that are their own parents, where the engine would refuse them.
--
-- Writes      the application's table              Commits  no
-- Execute     the owner only
--
-- They are in @dj_frame, and go in this very transaction.

DROP PROCEDURE IF EXISTS deletion_part;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_part()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Part rows from themselves that are their own parents, where the engine would refuse them'
BEGIN
    DECLARE v_edge_no INT;
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE c_edge CURSOR FOR
        SELECT s.edge_no
        FROM deletion_plan_steps AS s FORCE INDEX (idx_dps_parent)
        WHERE
            s.plan_id = @dj_plan_id AND s.parent_node_no = @dj_node_no AND s.kind = 'part'
        ORDER BY s.edge_no;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    OPEN c_edge;
    FETCH c_edge INTO v_edge_no;

    WHILE NOT v_is_done DO
        CALL deletion_execute(@dj_plan_id, v_edge_no, 'part');
        SET v_is_done = FALSE;
        FETCH c_edge INTO v_edge_no;
    END WHILE;

    CLOSE c_edge;
END$$
DELIMITER ;
