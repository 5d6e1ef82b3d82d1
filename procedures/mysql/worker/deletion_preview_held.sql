-- deletion_preview_held
-- Note, for a preview, which rows below its root are held.
--
-- Parameters  p_walk_id   the preview              p_plan_id   its plan
--             p_roots     the root frame           p_until     when to stop
--             p_is_over   OUT FALSE where the time did not suffice
-- Writes      deletion_walk_keys                   Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_preview_held;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_preview_held(
    IN p_walk_id BIGINT,
    IN p_plan_id BIGINT UNSIGNED,
    IN p_roots JSON,
    IN p_until DATETIME(6),
    OUT p_is_over BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Note, for a preview, which rows below its root are held'
BEGIN
    DECLARE v_rows, v_met JSON;

    SET p_is_over = deletion_newest_hold(p_plan_id) IS NULL;

    IF NOT p_is_over THEN
        CALL deletion_held_rows(p_plan_id, v_rows);
        CALL deletion_seed_climb(p_walk_id, v_rows);

        WHILE NOT p_is_over AND utc_timestamp(6) < p_until DO
            CALL deletion_climb(p_walk_id, p_plan_id, p_is_over);
        END WHILE;

        CALL deletion_held_roots(p_walk_id, p_plan_id, p_roots, v_met);
        DELETE FROM deletion_walk_keys WHERE walk_id = p_walk_id;
        INSERT IGNORE INTO deletion_walk_keys (
            walk_id, job_id, node_no, fate, key_hash, edge_no, `keys`, is_expanded
        )
        SELECT
            p_walk_id, 0, k.n, 'held',
            if(k.is_lost, deletion_key_hash(json_object('k1', k.j)), deletion_key_hash(k.o)), 0,
            json_object(), TRUE
        FROM json_table(v_rows, '$[*]' COLUMNS (
            o JSON PATH '$', j BIGINT UNSIGNED PATH '$.j', n INT PATH '$.n',
            is_lost BOOLEAN EXISTS PATH '$.lost'
        )) AS k
        -- A hold whose row is not found stops every job that could reach it.
        WHERE
            k.is_lost
            OR json_contains(
                json_extract(v_met, '$[0].holds'), cast(k.j - 4611686018427387904 AS JSON)
            );
    END IF;
END$$
DELIMITER ;
