-- deletion_seed_climb
-- Begin, or go on with, a climb at rows that are held, or that stand above them.
--
-- Parameters  p_walk_id   the run, or a preview's negative number
--             p_rows      the rows, as deletion_held_rows gives them
-- Writes      deletion_walk_keys                   Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_seed_climb;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_seed_climb(
    IN p_walk_id BIGINT,
    IN p_rows JSON
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Begin, or go on with, a climb at rows that are held, or that stand above them'
BEGIN
    INSERT IGNORE INTO deletion_walk_keys (
        walk_id, job_id, node_no, fate, key_hash, edge_no, `keys`, is_expanded
    )
    SELECT p_walk_id, k.j, k.n, 'held', deletion_key_hash(k.o), 0, k.o, FALSE
    FROM json_table(p_rows, '$[*]' COLUMNS (
        o JSON PATH '$', j BIGINT UNSIGNED PATH '$.j', n INT PATH '$.n',
        is_lost BOOLEAN EXISTS PATH '$.lost'
    )) AS k
    WHERE NOT k.is_lost;
END$$
DELIMITER ;
