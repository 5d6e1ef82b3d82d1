-- deletion_drop_events
-- Drop the events of the slots above a number.
--
-- Parameters  p_slot   the last slot that keeps its event; 0: none does
-- Writes      events deletion_jobs_worker_<slot>, deletion_slots     Commits  yes
-- Execute     the owner only
-- Example     CALL deletion_drop_events(0);

DROP PROCEDURE IF EXISTS deletion_drop_events;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_drop_events(
    IN p_slot INT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Drop the events of the slots above a number'
BEGIN
    DECLARE v_slot INT;

    REPEAT
        SET v_slot = (
            SELECT max(cast(substring_index(e.event_name, '_', -1) AS UNSIGNED))
            FROM information_schema.events AS e
            WHERE
                e.event_schema = database()
                AND e.event_name REGEXP '^deletion_jobs_worker_[0-9]+$'
        );

        IF v_slot > p_slot THEN
            CALL deletion_run_ddl(concat('DROP EVENT IF EXISTS deletion_jobs_worker_', v_slot));
        END IF;
    UNTIL v_slot IS NULL OR v_slot <= p_slot END REPEAT;

    UPDATE deletion_slots AS s
    SET s.armed_at = NULL, s.schedule = NULL
    WHERE s.slot > p_slot AND s.armed_at IS NOT NULL;
END$$
DELIMITER ;
