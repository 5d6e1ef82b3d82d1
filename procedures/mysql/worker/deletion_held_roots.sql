-- deletion_held_roots
-- Say which jobs a finished climb has led to, and from which holds.
--
-- Parameters  p_walk_id   the climb                p_plan_id   its plan
--             p_roots     the rows that the jobs name, as the root frame keeps them
--             p_met       OUT JSON array of {"j": job, "holds": [numbers of the holds]}
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_held_roots;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_held_roots(
    IN p_walk_id BIGINT,
    IN p_plan_id BIGINT UNSIGNED,
    IN p_roots JSON,
    OUT p_met JSON
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Say which jobs a finished climb has led to, and from which holds'
BEGIN
    DECLARE v_edge_no, v_node_no INT;
    DECLARE v_pairs JSON;
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE c_edge CURSOR FOR
        SELECT s.edge_no, s.node_no
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = p_plan_id
            AND s.kind = 'climb_root'
            AND json_contains_path(p_roots, 'one', '$[*].m')
        ORDER BY s.step_no;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    SELECT coalesce(json_arrayagg(json_object('j', k.j, 'h', w.job_id)), json_array())
    INTO v_pairs
    FROM json_table(p_roots, '$[*]' COLUMNS (
        o JSON PATH '$', j BIGINT UNSIGNED PATH '$.j'
    )) AS k
    INNER JOIN deletion_walk_keys AS w
        ON
            w.walk_id = p_walk_id
            AND w.node_no = 0
            AND w.fate = 'held'
            AND w.key_hash = deletion_key_hash(k.o);

    -- What is declared may hang from a root that is not there: no row leads up to it.
    SET v_is_done = FALSE;
    OPEN c_edge;
    FETCH c_edge INTO v_edge_no, v_node_no;

    WHILE NOT v_is_done DO
        SET @dj_frame = p_roots;
        SET @dj_cursor = (
            SELECT coalesce(json_arrayagg(w.`keys`), json_array())
            FROM deletion_walk_keys AS w
            WHERE w.walk_id = p_walk_id AND w.node_no = v_node_no AND w.fate = 'held'
        );
        CALL deletion_execute(p_plan_id, v_edge_no, 'climb_root');
        SET v_pairs = json_merge_preserve(v_pairs, @dj_answer), v_is_done = FALSE;
        FETCH c_edge INTO v_edge_no, v_node_no;
    END WHILE;

    CLOSE c_edge;

    SELECT json_arrayagg(json_object('j', q.j, 'holds', q.holds))
    INTO p_met
    FROM (
        SELECT p.j, json_arrayagg(p.h - 4611686018427387904) AS holds
        FROM (
            SELECT DISTINCT m.j, m.h
            FROM json_table(v_pairs, '$[*]' COLUMNS (
                j BIGINT UNSIGNED PATH '$.j', h BIGINT UNSIGNED PATH '$.h'
            )) AS m
            -- It may have been let go, or be over, since the climb began.
            INNER JOIN deletion_holds AS d
                ON
                    d.hold_id = m.h - 4611686018427387904
                    AND d.released_at IS NULL
                    AND (d.held_until IS NULL OR d.held_until > utc_timestamp(6))
        ) AS p
        GROUP BY p.j
    ) AS q;
END$$
DELIMITER ;
