-- deletion_walk_defaults
-- Let those rows of a walk block that would get a default which no parent will have.
--
-- Parameters  p_walk_id, p_plan_id   a walk that has ended; of one that was cut short, what it met
-- Writes      deletion_walk_keys, deletion_walk_links     Commits  no
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
    DECLARE v_edge_no, v_node_no INT;  -- noqa: PRS
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
        -- Those that go themselves are let go of; the others block, and are not set as well.
        INSERT IGNORE INTO deletion_walk_links (
            walk_id, job_id, parent_node_no, parent_hash, child_node_no, child_hash, edge_no,
            is_let_go
        )
        SELECT w.walk_id, w.job_id, -1, '', w.node_no, w.key_hash, w.edge_no, TRUE
        FROM deletion_walk_keys AS w FORCE INDEX (PRIMARY)
        STRAIGHT_JOIN deletion_walk_keys AS d FORCE INDEX (PRIMARY)
            ON
                d.walk_id = w.walk_id
                AND d.job_id = w.job_id
                AND d.node_no = w.node_no
                AND d.fate = 'delete'
                AND d.key_hash = w.key_hash
        WHERE w.walk_id = p_walk_id AND w.node_no = v_node_no AND w.fate = 'default';

        DELETE w
        FROM deletion_walk_keys AS w FORCE INDEX (PRIMARY)
        STRAIGHT_JOIN deletion_walk_keys AS d FORCE INDEX (PRIMARY)
            ON
                d.walk_id = w.walk_id
                AND d.job_id = w.job_id
                AND d.node_no = w.node_no
                AND d.fate = 'delete'
                AND d.key_hash = w.key_hash
        WHERE w.walk_id = p_walk_id AND w.node_no = v_node_no AND w.fate = 'default';

        DELETE s
        FROM deletion_walk_keys AS w FORCE INDEX (PRIMARY)
        STRAIGHT_JOIN deletion_walk_keys AS s FORCE INDEX (PRIMARY)
            ON
                s.walk_id = w.walk_id
                AND s.job_id = w.job_id
                AND s.node_no = w.node_no
                AND s.fate = 'set_default'
                AND s.key_hash = w.key_hash
        WHERE w.walk_id = p_walk_id AND w.node_no = v_node_no AND w.fate = 'default';

        -- A row that blocks already is one all the same.
        UPDATE IGNORE deletion_walk_keys AS w
        SET w.fate = 'restrict'
        WHERE w.walk_id = p_walk_id AND w.node_no = v_node_no AND w.fate = 'default';
        DELETE FROM deletion_walk_keys
        WHERE walk_id = p_walk_id AND node_no = v_node_no AND fate = 'default';
        SET v_is_done = FALSE;
        FETCH c_step INTO v_edge_no, v_node_no;
    END WHILE;

    CLOSE c_step;
END$$
DELIMITER ;
