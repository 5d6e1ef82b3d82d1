-- start_deletion_schedule
-- Arm the server's own scheduler: one event for each worker; again: after changes, or a failover.
--
-- Errors      none of ours
-- Writes      events deletion_jobs_worker_<slot>; deletion_slots     Commits  yes
-- Execute     deletion_jobs_operator
-- Example     CALL start_deletion_schedule();
--
-- vw_deletion_schedule tells whether they really run: event_scheduler has to be ON.

DROP PROCEDURE IF EXISTS start_deletion_schedule;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE start_deletion_schedule()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Arm one event for each worker; again: after changes, or a failover'
BEGIN
    DECLARE v_time_zone VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_workers INT DEFAULT deletion_setting_int('workers');
    DECLARE v_seconds INT DEFAULT deletion_setting_int('tick_seconds');
    DECLARE v_slot INT DEFAULT 1;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        SET time_zone = coalesce(v_time_zone, @@session.time_zone);
        RESIGNAL;
    END;

    SET v_time_zone = @@session.time_zone;
    CALL deletion_drop_events(v_workers);
    -- An event keeps the time zone of the session that makes it.
    SET time_zone = '+00:00';

    WHILE v_slot <= v_workers DO
        -- Altered rather than made anew, so that a tick that is running stays one of this event.
        CALL deletion_run_ddl(concat(
            'CREATE EVENT IF NOT EXISTS deletion_jobs_worker_', v_slot,
            ' ON SCHEDULE EVERY 1 DAY ON COMPLETION PRESERVE DISABLE',
            ' DO CALL run_deletion_jobs(', v_slot, ', NULL)'
        ));
        CALL deletion_run_ddl(concat(
            'ALTER DEFINER = CURRENT_USER EVENT deletion_jobs_worker_', v_slot,
            ' ON SCHEDULE EVERY ', v_seconds, ' SECOND',
            ' ON COMPLETION PRESERVE ENABLE',
            ' COMMENT ''deletion-jobs: works due jobs in slot ', v_slot, '''',
            ' DO CALL run_deletion_jobs(', v_slot, ', NULL)'
        ));
        INSERT INTO deletion_slots (slot, armed_at, schedule)
        VALUES (v_slot, utc_timestamp(6), concat(v_seconds, ' seconds'))
        ON DUPLICATE KEY UPDATE
            armed_at = utc_timestamp(6),
            schedule = concat(v_seconds, ' seconds');
        SET v_slot = v_slot + 1;
    END WHILE;

    SET time_zone = v_time_zone;
END$$
DELIMITER ;

GRANT EXECUTE ON PROCEDURE start_deletion_schedule
TO 'deletion_jobs_operator';
