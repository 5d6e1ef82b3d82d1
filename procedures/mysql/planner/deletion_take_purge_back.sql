-- deletion_take_purge_back
-- Note that somebody asks for a removal that a target would have let follow its soft jobs.
--
-- Parameters  p_jobs   a JSON array of {"id": job}; NULL for a row without a job
-- Writes      deletion_attempts                    Commits  no
-- Execute     the owner only

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02
DROP PROCEDURE IF EXISTS deletion_take_purge_back;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_take_purge_back(
    IN p_jobs JSON
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Note that somebody asks for a removal that a target would have let follow its soft jobs'
BEGIN
    DECLARE v_job_id BIGINT UNSIGNED;
    DECLARE v_attempt_no INT;
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    -- Looked up without locks: those of a range would hold a claim up.
    DECLARE c_attempt CURSOR FOR
        SELECT a.job_id, a.attempt_no
        FROM json_table(p_jobs, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$.id')) AS p
        STRAIGHT_JOIN deletion_attempts AS a FORCE INDEX (PRIMARY) ON a.job_id = p.id
        WHERE a.purge_follows
        ORDER BY a.job_id, a.attempt_no;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    OPEN c_attempt;
    FETCH c_attempt INTO v_job_id, v_attempt_no;

    -- One by one, by their whole keys: a caller's safe mode refuses a join with a list.
    WHILE NOT v_is_done DO
        UPDATE deletion_attempts
        SET purge_follows = FALSE
        WHERE job_id = v_job_id AND attempt_no = v_attempt_no;
        SET v_is_done = FALSE;
        FETCH c_attempt INTO v_job_id, v_attempt_no;
    END WHILE;

    CLOSE c_attempt;
END$$
DELIMITER ;
