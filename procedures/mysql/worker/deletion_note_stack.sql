-- deletion_note_stack
-- Note anew which rows are on the run's stored stack, where rows may go in a circle.
--
-- Writes      deletion_walk_keys                   Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_note_stack;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_note_stack()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Note anew which rows are on the run''s stored stack, where rows may go in a circle'
BEGIN
    IF json_contains_path(@dj_state, 'one', '$.careful') THEN
        DELETE FROM deletion_walk_keys WHERE walk_id = @dj_run_id;
        INSERT IGNORE INTO deletion_walk_keys (
            walk_id, job_id, node_no, fate, key_hash, edge_no, `keys`, is_expanded
        )
        SELECT
            @dj_run_id, 0, f.node_no, 'stack', deletion_key_hash(k.o), f.edge_no,
            json_extract(k.o, '$.j'), TRUE
        FROM deletion_frames AS f
        CROSS JOIN json_table(f.`keys`, '$[*]' COLUMNS (o JSON PATH '$')) AS k  -- noqa: CP02,PRS
        WHERE f.run_id = @dj_run_id;
    END IF;
END$$
DELIMITER ;
