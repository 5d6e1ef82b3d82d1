-- deletion_find_circle
-- Find all that hangs from one row, if it is few enough to go in one transaction.
--
-- Parameters  p_key    the row in the present frame
--             p_limit  most rows
--             p_rows   OUT text that tells the rows from any others; NULL: they are too many, or
--                      rows that stay refer to them
-- Writes      deletion_walk_keys                   Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_find_circle;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_find_circle(
    IN p_key JSON,
    IN p_limit BIGINT,
    OUT p_rows LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Find all that hangs from one row, if it is few enough to go in one transaction'
BEGIN
    DECLARE v_read, v_total BIGINT DEFAULT 1;

    DELETE FROM deletion_walk_keys WHERE walk_id = @dj_run_id AND job_id > 0;
    INSERT INTO deletion_walk_keys (
        walk_id, job_id, node_no, fate, key_hash, edge_no, `keys`, is_expanded
    )
    VALUES (
        @dj_run_id, json_extract(p_key, '$.j'), @dj_node_no, 'delete', deletion_key_hash(p_key),
        @dj_edge_no, p_key, FALSE
    );

    WHILE v_read IS NOT NULL AND v_total <= p_limit DO
        CALL deletion_walk(@dj_run_id, @dj_plan_id, TRUE, v_read);
        SET v_total = (
            SELECT count(*)
            FROM deletion_walk_keys AS w
            WHERE w.walk_id = @dj_run_id AND w.job_id > 0 AND w.fate = 'delete'
        );
    END WHILE;

    IF v_total <= p_limit AND NOT EXISTS (
        SELECT 1
        FROM deletion_walk_keys AS w
        WHERE
            w.walk_id = @dj_run_id
            AND w.job_id > 0
            AND w.fate <> 'delete'
            AND NOT EXISTS (
                SELECT 1
                FROM deletion_walk_keys AS d
                WHERE
                    d.walk_id = w.walk_id AND d.job_id = w.job_id AND d.node_no = w.node_no
                    AND d.fate = 'delete' AND d.key_hash = w.key_hash
            )
    ) THEN
        SELECT json_arrayagg(concat(q.node_no, hex(q.key_hash)))
        INTO p_rows
        FROM (
            SELECT w.node_no, w.key_hash
            FROM deletion_walk_keys AS w
            WHERE w.walk_id = @dj_run_id AND w.job_id > 0 AND w.fate = 'delete'
            ORDER BY w.node_no, w.key_hash
            LIMIT 18446744073709551615
        ) AS q;
    END IF;
END$$
DELIMITER ;
