-- deletion_end_run
-- Close a run: its frames and scratch rows go, its row says how it ended.
--
-- Parameters  p_run_id   the run       p_outcome   done, failed, retry, sliced, returned or lost
--             p_error    what went wrong; NULL: nothing
-- Writes      deletion_runs, deletion_frames, deletion_walk_keys, deletion_walk_links
-- Commits     no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_end_run;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_end_run(
    IN p_run_id BIGINT UNSIGNED,
    IN p_outcome VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Close a run: its frames and scratch rows go, its row says how it ended'
BEGIN
    DELETE FROM deletion_frames WHERE run_id = p_run_id;
    DELETE FROM deletion_walk_keys WHERE walk_id = p_run_id;
    DELETE FROM deletion_walk_links WHERE walk_id = p_run_id;
    UPDATE deletion_runs AS r
    SET r.phase = 'ended', r.outcome = p_outcome, r.error = p_error, r.ended_at = utc_timestamp(6)
    WHERE r.run_id = p_run_id;
END$$
DELIMITER ;
