-- deletion_climb
-- Climb, for a moment, from held rows to all rows that they hang from in a plan.
--
-- Parameters  p_walk_id   the run, or a preview's negative number      p_plan_id   its plan
--             p_is_over   OUT TRUE where the climb has ended
-- Writes      deletion_walk_keys                   Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_climb;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_climb(
    IN p_walk_id BIGINT,
    IN p_plan_id BIGINT UNSIGNED,
    OUT p_is_over BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Climb, for a moment, from held rows to all rows that they hang from in a plan'
BEGIN
    DECLARE v_until DATETIME(6) DEFAULT timestampadd(  -- noqa: PRS
        MICROSECOND, 1000 * deletion_setting_int('batch_ms'), utc_timestamp(6)
    );
    DECLARE v_node_no, v_edge_no INT;
    DECLARE v_frame JSON;
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE c_edge CURSOR FOR
        SELECT s.edge_no
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = p_plan_id AND s.kind = 'climb' AND s.node_no = v_node_no
        ORDER BY s.step_no;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    SET p_is_over = FALSE;

    WHILE NOT p_is_over AND utc_timestamp(6) < v_until DO
        SET v_node_no = (
            SELECT w.node_no
            FROM deletion_walk_keys AS w
            WHERE w.walk_id = p_walk_id AND NOT w.is_expanded
            LIMIT 1
        );
        SET p_is_over = v_node_no IS NULL;

        SELECT json_arrayagg(json_object('h', hex(q.key_hash), 'o', q.`keys`, 'j', q.job_id))
        INTO v_frame
        FROM (
            SELECT w.job_id, w.key_hash, w.`keys`
            FROM deletion_walk_keys AS w
            WHERE w.walk_id = p_walk_id AND NOT w.is_expanded AND w.node_no = v_node_no
            LIMIT 200
        ) AS q;

        UPDATE json_table(v_frame, '$[*]' COLUMNS (
            j BIGINT UNSIGNED PATH '$.j', h CHAR(64) PATH '$.h'
        )) AS t
        STRAIGHT_JOIN deletion_walk_keys AS w FORCE INDEX (PRIMARY)
            ON
                w.walk_id = p_walk_id
                AND w.job_id = t.j
                AND w.node_no = v_node_no
                AND w.fate = 'held'
                AND w.key_hash = unhex(t.h)
        SET w.is_expanded = TRUE;

        OPEN c_edge;
        SET v_is_done = FALSE;
        FETCH c_edge INTO v_edge_no;

        WHILE NOT v_is_done DO
            SET @dj_frame = json_extract(v_frame, '$[*].o');
            CALL deletion_execute(p_plan_id, v_edge_no, 'climb');
            CALL deletion_seed_climb(p_walk_id, @dj_answer);
            SET v_is_done = FALSE;
            FETCH c_edge INTO v_edge_no;
        END WHILE;

        CLOSE c_edge;
    END WHILE;
END$$
DELIMITER ;
