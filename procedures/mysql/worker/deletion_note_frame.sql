-- deletion_note_frame
-- Note that a frame's rows come onto the stack, or leave it, where rows may go in a circle.
--
-- Parameters  p_node_no, p_edge_no, p_keys   the frame
--             p_is_on                        FALSE: it leaves
-- Writes      deletion_walk_keys (of fate stack and job 0; the job beside)     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_note_frame;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_note_frame(
    IN p_node_no INT,
    IN p_edge_no INT,
    IN p_keys LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_is_on BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Note that a frame''s rows come onto the stack, or leave it, where rows may go in a circle'
BEGIN
    IF json_contains_path(@dj_state, 'one', '$.careful') AND p_is_on THEN  -- noqa: PRS
        INSERT IGNORE INTO deletion_walk_keys (
            walk_id, job_id, node_no, fate, key_hash, edge_no, `keys`, is_expanded
        )
        SELECT
            @dj_run_id, 0, p_node_no, 'stack', deletion_key_hash(k.o), p_edge_no,
            json_extract(k.o, '$.j'), TRUE
        FROM json_table(p_keys, '$[*]' COLUMNS (o JSON PATH '$')) AS k;
    ELSEIF json_contains_path(@dj_state, 'one', '$.careful') THEN
        DELETE w
        FROM json_table(p_keys, '$[*]' COLUMNS (o JSON PATH '$')) AS k
        STRAIGHT_JOIN deletion_walk_keys AS w FORCE INDEX (PRIMARY)
            ON
                w.walk_id = @dj_run_id
                AND w.job_id = 0
                AND w.node_no = p_node_no
                AND w.fate = 'stack'
                AND w.key_hash = deletion_key_hash(k.o);
    END IF;
END$$
DELIMITER ;
