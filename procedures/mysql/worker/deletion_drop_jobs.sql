-- deletion_drop_jobs
-- Take some jobs' keys out of a run's frames and scratch rows.
--
-- Parameters  p_run_id   the run       p_jobs   JSON array of the jobs
-- Errors      40001 a caller holds the attempt of one
-- Writes      deletion_frames, deletion_walk_keys, deletion_walk_links     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_drop_jobs;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_drop_jobs(
    IN p_run_id BIGINT UNSIGNED,
    IN p_jobs JSON
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Take some jobs'' keys out of a run''s frames and scratch rows'
BEGIN
    DECLARE v_open BIGINT;  -- noqa: PRS

    -- How their attempts ended is written before; a caller that holds one, to cancel it, may let go
    -- of it yet: then the run would end as done, and the job with it.
    -- Into a variable: inside an IF the same look would lock, and wait for that caller.
    SELECT count(*)
    INTO v_open
    FROM json_table(p_jobs, '$[*]' COLUMNS (j BIGINT UNSIGNED PATH '$')) AS e
    STRAIGHT_JOIN deletion_attempts AS a FORCE INDEX (PRIMARY)
        ON a.job_id = e.j AND a.run_id = p_run_id
    WHERE a.outcome IS NULL AND a.cancel_requested_at IS NULL;

    IF v_open > 0 THEN
        SIGNAL SQLSTATE '40001'
            SET MESSAGE_TEXT = 'a caller holds the attempt of a job that has ended';
    END IF;

    DELETE w
    FROM json_table(p_jobs, '$[*]' COLUMNS (j BIGINT UNSIGNED PATH '$')) AS e
    STRAIGHT_JOIN deletion_walk_keys AS w FORCE INDEX (PRIMARY)
        ON w.walk_id = p_run_id AND w.job_id = e.j;

    DELETE l
    FROM json_table(p_jobs, '$[*]' COLUMNS (j BIGINT UNSIGNED PATH '$')) AS e
    STRAIGHT_JOIN deletion_walk_links AS l FORCE INDEX (PRIMARY)
        ON l.walk_id = p_run_id AND l.job_id = e.j;

    UPDATE deletion_frames AS f
    SET
        f.`keys` = (
            SELECT coalesce(json_arrayagg(k.o), json_array())
            FROM json_table(f.`keys`, '$[*]' COLUMNS (o JSON PATH '$', j JSON PATH '$.j')) AS k
            WHERE NOT json_contains(p_jobs, k.j)
        ),
        -- What this frame left out may hang from a neighbour's row too: pass over everything again.
        f.edge_pos = 0,
        f.fetch_cursor = NULL,
        f.rows_at_pass = -1
    WHERE f.run_id = p_run_id;

    UPDATE deletion_frames AS f
    SET f.key_count = json_length(f.`keys`)
    WHERE f.run_id = p_run_id;
END$$
DELIMITER ;
