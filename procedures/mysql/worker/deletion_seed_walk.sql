-- deletion_seed_walk
-- Begin a walk of check or preview at the rows that jobs name.
--
-- Parameters  p_walk_id   the run; a preview uses its session's negative number
--             p_keys      the root frame
-- Writes      deletion_walk_keys                   Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_seed_walk;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_seed_walk(
    IN p_walk_id BIGINT,
    IN p_keys JSON
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Begin a walk of check or preview at the rows that jobs name'
BEGIN
    INSERT IGNORE INTO deletion_walk_keys (
        walk_id, job_id, node_no, fate, key_hash, edge_no, `keys`, is_expanded
    )
    SELECT p_walk_id, k.j, 0, 'delete', deletion_key_hash(k.o), 0, k.o, FALSE
    FROM json_table(p_keys, '$[*]' COLUMNS (o JSON PATH '$', j BIGINT UNSIGNED PATH '$.j')) AS k;
END$$
DELIMITER ;
