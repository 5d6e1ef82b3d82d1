-- deletion_walk
-- Read one layer of a walk: the rows that hang from some rows whose children are not yet known.
--
-- Parameters  p_walk_id   the walk                 p_plan_id   its plan
--             p_all       TRUE: every reference (preview, max_rows); FALSE: those the check needs
--             p_most      most rows to read; NULL: any number
--             p_read      OUT number of rows read; NULL: the walk has ended
-- Writes      deletion_walk_keys                   Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_walk;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_walk(
    IN p_walk_id BIGINT,
    IN p_plan_id BIGINT UNSIGNED,
    IN p_all BOOLEAN,
    IN p_most BIGINT,
    OUT p_read BIGINT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Read one layer of a walk: the rows that hang from some rows whose children are not yet known'  -- noqa: LT05
BEGIN
    DECLARE v_node_no, v_edge_no INT;  -- noqa: PRS
    DECLARE v_frame JSON;
    DECLARE v_child_no INT;
    DECLARE v_is_end BOOLEAN;
    DECLARE v_action VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE c_edge CURSOR FOR
        SELECT s.edge_no, s.node_no, s.action
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = p_plan_id AND s.kind = 'fetch_more' AND s.parent_node_no = v_node_no
            -- What is kept is counted by previews alone, whose numbers are below zero.
            AND (s.in_check OR (p_all AND (s.action <> 'keep' OR p_walk_id < 0)))
        ORDER BY s.edge_no;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    SET v_node_no = (
        SELECT w.node_no
        FROM deletion_walk_keys AS w
        WHERE w.walk_id = p_walk_id AND NOT w.is_expanded
        LIMIT 1
    );

    IF v_node_no IS NOT NULL THEN
        SET p_read = 0;
        SELECT json_arrayagg(json_object(
            'j', q.job_id, 'n', q.node_no, 'h', hex(q.key_hash), 'o', q.`keys`
        ))
        INTO v_frame
        FROM (
            SELECT w.job_id, w.node_no, w.key_hash, w.`keys`
            FROM deletion_walk_keys AS w
            WHERE w.walk_id = p_walk_id AND NOT w.is_expanded AND w.node_no = v_node_no
            LIMIT 200
        ) AS q;

        UPDATE json_table(v_frame, '$[*]' COLUMNS (
            j BIGINT UNSIGNED PATH '$.j', n INT PATH '$.n', h CHAR(64) PATH '$.h'
        )) AS t
        STRAIGHT_JOIN deletion_walk_keys AS w FORCE INDEX (PRIMARY)
            ON
                w.walk_id = p_walk_id
                AND w.job_id = t.j
                AND w.node_no = t.n
                AND w.fate = 'delete'
                AND w.key_hash = unhex(t.h)
        SET w.is_expanded = TRUE;

        OPEN c_edge;
        FETCH c_edge INTO v_edge_no, v_child_no, v_action;

        WHILE NOT v_is_done DO
            SET @dj_frame = json_extract(v_frame, '$[*].o');
            -- Rows below which nothing is looked at are met and done with.
            SET v_is_end = v_action <> 'cascade' OR NOT EXISTS (
                SELECT 1
                FROM deletion_plan_steps AS b
                WHERE
                    b.plan_id = p_plan_id
                    AND b.kind = 'fetch_more'
                    AND b.parent_node_no = v_child_no
                    AND (p_all OR b.in_check)
            );
            CALL deletion_walk_edge(
                p_walk_id, p_plan_id, v_edge_no, v_node_no, v_child_no, v_action, v_is_end, p_most,
                p_read
            );
            SET v_is_done = FALSE;
            FETCH c_edge INTO v_edge_no, v_child_no, v_action;
        END WHILE;

        CLOSE c_edge;
    END IF;
END$$
DELIMITER ;
