-- deletion_session
-- Give a worker's session the settings that its steps rest on, or its own ones back.
--
-- Parameters  p_saved   INOUT NULL: set ours and answer what was before; else: set these
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_session;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_session(
    INOUT p_saved JSON
)
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Give a worker''s session the settings that its steps rest on, or its own ones back'
BEGIN
    IF p_saved IS NULL THEN
        SET p_saved = json_object(
            'isolation', @@SESSION.transaction_isolation,
            'zone', @@SESSION.time_zone,
            'wait', @@SESSION.innodb_lock_wait_timeout,
            'meta', @@SESSION.lock_wait_timeout,
            'depth', @@SESSION.cte_max_recursion_depth,
            'concat', @@SESSION.group_concat_max_len,
            'safe', @@SESSION.sql_safe_updates,
            'big', @@SESSION.sql_big_selects,
            'keys', @@SESSION.foreign_key_checks
        );
        -- TIMESTAMP keys travel as text; whole seconds are all that the engine takes.
        SET SESSION
            transaction_isolation = 'READ-COMMITTED',
            time_zone = '+00:00',
            innodb_lock_wait_timeout = (deletion_setting_int('lock_timeout_ms') + 999) DIV 1000,
            lock_wait_timeout = (deletion_setting_int('lock_timeout_ms') + 999) DIV 1000,
            cte_max_recursion_depth = 4294967295,
            group_concat_max_len = 16777216,
            sql_safe_updates = 0,
            sql_big_selects = 1,
            foreign_key_checks = 1;
    ELSE
        SET SESSION
            transaction_isolation = json_unquote(json_extract(p_saved, '$.isolation')),
            time_zone = json_unquote(json_extract(p_saved, '$.zone')),
            innodb_lock_wait_timeout = cast(json_extract(p_saved, '$.wait') AS UNSIGNED),
            lock_wait_timeout = cast(json_extract(p_saved, '$.meta') AS UNSIGNED),
            cte_max_recursion_depth = cast(json_extract(p_saved, '$.depth') AS UNSIGNED),
            group_concat_max_len = cast(json_extract(p_saved, '$.concat') AS UNSIGNED),
            sql_safe_updates = cast(json_extract(p_saved, '$.safe') AS UNSIGNED),
            sql_big_selects = cast(json_extract(p_saved, '$.big') AS UNSIGNED),
            foreign_key_checks = cast(json_extract(p_saved, '$.keys') AS UNSIGNED);
    END IF;
END$$
DELIMITER ;
