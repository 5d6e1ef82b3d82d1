-- deletion_enter
-- Begin a worker's call: free what an earlier call of this session left, and take the slot.
--
-- Parameters  p_slot     the worker's slot; NULL: none
--             p_is_ours  OUT FALSE where another session works in the slot
-- Writes      deletion_slots                       Commits  yes
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_enter;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_enter(
    IN p_slot INT,
    OUT p_is_ours BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Begin a worker''s call: free what an earlier call of this session left, and take the slot'
BEGIN
    DECLARE v_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE c_lock CURSOR FOR
        SELECT deletion_lock_name('run', r.run_id)
        FROM deletion_runs AS r
        WHERE r.ended_at IS NULL AND r.session_id = connection_id()
        UNION ALL
        SELECT deletion_lock_name('slot', s.slot)
        FROM deletion_slots AS s
        WHERE s.session_id = connection_id();
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    -- A killed statement leaves its transaction open and its session's locks held.
    ROLLBACK;
    OPEN c_lock;
    FETCH c_lock INTO v_name;

    WHILE NOT v_is_done DO
        CALL deletion_release(v_name);
        FETCH c_lock INTO v_name;
    END WHILE;

    CLOSE c_lock;
    SET p_is_ours = TRUE;

    IF p_slot IS NOT NULL THEN
        SET p_is_ours = coalesce(get_lock(deletion_lock_name('slot', p_slot), 0) = 1, FALSE);
    END IF;

    IF p_slot IS NOT NULL AND p_is_ours THEN
        CALL deletion_begin();
        INSERT INTO deletion_slots (slot, last_started_at, last_outcome, session_id)
        VALUES (p_slot, utc_timestamp(6), 'running', connection_id())
        ON DUPLICATE KEY UPDATE
            last_started_at = utc_timestamp(6),
            last_ended_at = NULL,  -- noqa: CV05
            last_outcome = 'running',
            last_error = NULL,  -- noqa: CV05
            session_id = connection_id();
        COMMIT;
    END IF;
END$$
DELIMITER ;
