-- deletion_walk_defaults
-- Let those rows of a walk block that would get a default which no parent will have.
--
-- Parameters  p_walk_id, p_plan_id   a walk that has ended; of one that was cut short, what it met
-- Writes      deletion_walk_keys                   Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_walk_defaults;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_walk_defaults(
    IN p_walk_id BIGINT,
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Let those rows of a walk block that would get a default which no parent will have'
BEGIN
    DECLARE v_edge_no, v_node_no INT;
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE c_step CURSOR FOR
        SELECT s.edge_no, s.node_no
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = p_plan_id AND s.kind = 'default' AND s.sql_text IS NOT NULL
        ORDER BY s.step_no;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    OPEN c_step;
    FETCH c_step INTO v_edge_no, v_node_no;

    WHILE NOT v_is_done DO
        SET @dj_walk_id = p_walk_id;
        CALL deletion_execute(p_plan_id, v_edge_no, 'default');
        -- They are not set as well.
        DELETE s
        FROM deletion_walk_keys AS r
        INNER JOIN deletion_walk_keys AS s
            ON
                s.walk_id = r.walk_id
                AND s.job_id = r.job_id
                AND s.node_no = r.node_no
                AND s.fate = 'set_default'
                AND s.key_hash = r.key_hash
        WHERE
            r.walk_id = p_walk_id AND r.node_no = v_node_no AND r.fate = 'restrict'
            AND r.edge_no = v_edge_no;
        SET v_is_done = FALSE;
        FETCH c_step INTO v_edge_no, v_node_no;
    END WHILE;

    CLOSE c_step;
END$$
DELIMITER ;
