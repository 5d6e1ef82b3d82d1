-- deletion_slice
-- Dissolve a run whose time is up: heavy jobs go on alone, at the back; the others as they were.
--
-- Parameters  p_run_id   the run
-- Writes      deletion_runs, deletion_attempts, deletion_jobs, deletion_frames      Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_slice;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_slice(
    IN p_run_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Dissolve a run whose time is up: heavy jobs go on alone, at the back; the others as they were'  -- noqa: LT05
BEGIN
    DECLARE v_heavy JSON;

    -- Whoever has keys in the top frame is what the run spent its time on.
    SELECT json_arrayagg(q.j)
    INTO v_heavy
    FROM (
        SELECT DISTINCT k.j
        FROM deletion_frames AS f
        CROSS JOIN json_table(f.`keys`, '$[*]' COLUMNS (j BIGINT UNSIGNED PATH '$.j')) AS k
        WHERE
            f.run_id = p_run_id
            AND f.depth = (SELECT max(g.depth) FROM deletion_frames AS g WHERE g.run_id = p_run_id)
    ) AS q;

    CALL deletion_settle(p_run_id, NULL, 'sliced', NULL, FALSE, v_heavy);
    CALL deletion_end_run(p_run_id, 'sliced', NULL);
END$$
DELIMITER ;
