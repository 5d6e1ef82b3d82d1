-- deletion_preview_circle
-- Say of a preview's finished walk which rows go in a circle that would stop the job.
--
-- Parameters  p_walk_id, p_plan_id   the walk
--             p_until                when to stop
--             p_found                OUT references by which rows go so, an array: table t,
--                                    reference r, number of rows n
--             p_is_over              OUT FALSE: it was cut short
-- Writes      deletion_walk_keys, deletion_walk_links     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_preview_circle;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_preview_circle(
    IN p_walk_id BIGINT,
    IN p_plan_id BIGINT UNSIGNED,
    IN p_until DATETIME(6),
    OUT p_found JSON,
    OUT p_is_over BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Say of a preview''s finished walk which rows go in a circle that would stop the job'
BEGIN
    DECLARE v_is_careful BOOLEAN DEFAULT FALSE;
    DECLARE v_own, v_edges, v_turn JSON;
    DECLARE v_rows BIGINT;
    DECLARE v_node_no INT;
    DECLARE v_hash BINARY(32);

    CALL deletion_walk_rings(p_walk_id, p_plan_id, v_is_careful, v_own);
    SET p_is_over = NOT EXISTS (
        SELECT 1 FROM deletion_walk_links AS l WHERE l.walk_id = p_walk_id
    );

    WHILE NOT p_is_over AND utc_timestamp(6) < p_until DO
        CALL deletion_place(p_walk_id, p_plan_id, v_turn, p_is_over);
    END WHILE;

    IF p_is_over THEN
        CALL deletion_trace_circle(
            p_walk_id, 0, (
                SELECT coalesce(json_arrayagg(s.edge_no), json_array())
                FROM deletion_plan_steps AS s
                WHERE s.plan_id = p_plan_id AND s.kind = 'loose'
            ), v_rows, v_edges, v_node_no, v_hash
        );
    END IF;

    -- A row that is in its own way stops the job before any other circle does.
    SET p_found = (
        SELECT coalesce(json_arrayagg(json_object(
            't', s.table_name, 'r', s.reference_name,
            'n', coalesce(k.n, json_extract(v_edges, concat('$."', s.edge_no, '"')))
        )), json_array())
        FROM deletion_plan_steps AS s
        LEFT JOIN json_table(v_own, '$[*]' COLUMNS (e INT PATH '$.e', n BIGINT PATH '$.n')) AS k
            ON k.e = s.edge_no
        WHERE
            s.plan_id = p_plan_id
            AND s.kind = 'fetch'
            AND (
                k.e IS NOT NULL
                OR (v_rows IS NOT NULL AND json_contains_path(
                    v_edges, 'one', concat('$."', s.edge_no, '"')
                ))
            )
    );
END$$
DELIMITER ;
