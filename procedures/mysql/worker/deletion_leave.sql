-- deletion_leave
-- End a worker's call: note how it went, and free the slot.
--
-- Parameters  p_slot      the worker's slot; NULL: none
--             p_outcome   idle, worked, paused or failed
--             p_error     what went wrong; NULL: nothing
--             p_jobs      number of jobs claimed
-- Writes      deletion_slots                       Commits  yes
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_leave;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_leave(
    IN p_slot INT,
    IN p_outcome VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_jobs BIGINT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'End a worker''s call: note how it went, and free the slot'
BEGIN
    IF p_slot IS NOT NULL THEN
        CALL deletion_begin();
        UPDATE deletion_slots AS s
        SET
            s.last_ended_at = utc_timestamp(6),
            s.last_outcome = p_outcome,
            s.last_error = p_error,
            s.jobs_claimed = p_jobs
        WHERE s.slot = p_slot AND s.session_id = connection_id();
        COMMIT;
        CALL deletion_release(deletion_lock_name('slot', p_slot));
    END IF;
END$$
DELIMITER ;
