-- deletion_trace_circle
-- Find a circle of rows that nothing opens, among the links that a walk has left of a job.
--
-- Parameters  p_walk_id, p_job_id   the walk, and the job
--             p_loose               the references that can be set NULL, an array
--             p_rows                OUT how many rows the circle has; NULL: there is none
--             p_edges               OUT its references, each with its number of rows, an object
--             p_node_no, p_hash     OUT one of its rows that the walk has met
-- Writes      deletion_walk_links: those that are in no circle go     Commits  no
-- Execute     the owner only
--
-- Who goes on from parent to parent comes into a circle, or to an end: a row that others have moved
-- since, or that the job does not remove. A circle is met once the row in hand is one that was
-- marked before; marks come ever farther apart, so that none has to be kept but the last.

DROP PROCEDURE IF EXISTS deletion_trace_circle;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_trace_circle(
    IN p_walk_id BIGINT,
    IN p_job_id BIGINT UNSIGNED,
    IN p_loose JSON,
    OUT p_rows BIGINT,
    OUT p_edges JSON,
    OUT p_node_no INT,
    OUT p_hash BINARY(32)
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Find a circle of rows that nothing opens, among the links that a walk has left of a job'
BEGIN
    DECLARE v_node_no, v_mark_no, v_edge_no INT;  -- noqa: PRS
    DECLARE v_hash, v_mark BINARY(32);
    DECLARE v_steps, v_most BIGINT;
    DECLARE v_is_end, v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_end = TRUE;

    WHILE NOT v_is_done DO
        SET v_is_end = FALSE, v_steps = 0, v_most = 1, p_rows = NULL, p_hash = NULL;
        SELECT l.parent_node_no, l.parent_hash
        INTO v_node_no, v_hash
        FROM deletion_walk_links AS l
        WHERE l.walk_id = p_walk_id AND l.job_id = p_job_id AND NOT l.is_let_go
        LIMIT 1;
        SET v_is_done = v_is_end, v_mark_no = v_node_no, v_mark = v_hash;

        -- The last time around, the circle's references are noted, and a row that the walk has met.
        WHILE NOT v_is_end AND (p_rows IS NULL OR v_steps > 0) DO
            SELECT l.parent_node_no, l.parent_hash, l.edge_no
            INTO v_node_no, v_hash, v_edge_no
            FROM deletion_walk_links AS l FORCE INDEX (idx_dwl_child)
            WHERE
                l.walk_id = p_walk_id
                AND l.job_id = p_job_id
                AND l.child_node_no = v_node_no
                AND l.child_hash = v_hash
                AND NOT l.is_let_go
            -- What cannot be set NULL first: that is what keeps the row.
            ORDER BY
                json_contains(p_loose, cast(l.edge_no AS JSON)),
                l.parent_node_no, l.parent_hash, l.edge_no
            LIMIT 1;

            IF p_rows IS NULL THEN
                SET v_steps = v_steps + 1;

                IF v_node_no = v_mark_no AND v_hash = v_mark THEN
                    SET p_rows = v_steps, p_edges = json_object();
                ELSEIF v_steps = v_most THEN
                    SET v_steps = 0, v_most = 2 * v_most, v_mark_no = v_node_no, v_mark = v_hash;
                END IF;
            ELSE
                SET v_steps = v_steps - 1;
                SET p_edges = json_set(p_edges, concat('$."', v_edge_no, '"'), 1 + coalesce(
                    cast(json_extract(p_edges, concat('$."', v_edge_no, '"')) AS SIGNED), 0
                ));

                IF p_hash IS NULL AND EXISTS (
                    SELECT 1
                    FROM deletion_walk_keys AS w
                    WHERE
                        w.walk_id = p_walk_id
                        AND w.job_id = p_job_id
                        AND w.node_no = v_node_no
                        AND w.fate = 'delete'
                        AND w.key_hash = v_hash
                ) THEN
                    SET p_node_no = v_node_no, p_hash = v_hash;
                END IF;
            END IF;
        END WHILE;

        IF p_hash IS NOT NULL THEN
            SET v_is_done = TRUE;
        ELSEIF NOT v_is_done THEN
            SET p_rows = NULL;
            DELETE l
            FROM (
                WITH RECURSIVE below (node_no, key_hash) AS (
                    SELECT v_node_no, v_hash
                    UNION DISTINCT
                    SELECT o.child_node_no, o.child_hash
                    FROM below AS b
                    STRAIGHT_JOIN deletion_walk_links AS o FORCE INDEX (PRIMARY)
                        ON
                            o.walk_id = p_walk_id
                            AND o.job_id = p_job_id
                            AND o.parent_node_no = b.node_no
                            AND o.parent_hash = b.key_hash
                            AND NOT o.is_let_go
                )

                SELECT b.node_no, b.key_hash FROM below AS b
            ) AS q
            STRAIGHT_JOIN deletion_walk_links AS l FORCE INDEX (PRIMARY)
                ON
                    l.walk_id = p_walk_id
                    AND l.job_id = p_job_id
                    AND l.parent_node_no = q.node_no
                    AND l.parent_hash = q.key_hash
                    AND NOT l.is_let_go;
        END IF;
    END WHILE;
END$$
DELIMITER ;
