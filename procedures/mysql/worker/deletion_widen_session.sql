-- deletion_widen_session
-- Give a session the limits without which a verb could fail halfway, or its own ones back.
--
-- Parameters  p_saved   INOUT NULL: set ours and answer what was before; else: set these
-- Writes      nothing, and reads no table          Commits  no
-- Execute     the owner only
--
-- A client in safe mode limits joins and changes; a small tmp_table_size makes the server lose its
-- own work tables; and under the older default collation its views of rights are in error.

DROP PROCEDURE IF EXISTS deletion_widen_session;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_widen_session(
    INOUT p_saved JSON
)
LANGUAGE SQL
NOT DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Give a session the limits without which a verb could fail halfway, or its own ones back'
BEGIN
    DECLARE v_is_ours BOOLEAN DEFAULT p_saved IS NULL;
    DECLARE v_collation VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    IF v_is_ours THEN
        SET p_saved = json_object(
            'big', @@SESSION.sql_big_selects,
            'safe', @@SESSION.sql_safe_updates,
            'tmp', @@SESSION.tmp_table_size,
            'collation', @@SESSION.default_collation_for_utf8mb4
        );
        SET SESSION
            sql_big_selects = 1,
            sql_safe_updates = 0,
            tmp_table_size = cast(greatest(@@SESSION.tmp_table_size, 16777216) AS UNSIGNED);
    ELSE
        SET SESSION
            sql_big_selects = cast(json_extract(p_saved, '$.big') AS UNSIGNED),
            sql_safe_updates = cast(json_extract(p_saved, '$.safe') AS UNSIGNED),
            tmp_table_size = cast(json_extract(p_saved, '$.tmp') AS UNSIGNED);
    END IF;

    SET v_collation = if(v_is_ours, 'utf8mb4_0900_ai_ci', p_saved ->> '$.collation');

    -- The server warns whoever sets it at all.
    IF v_collation <> @@SESSION.default_collation_for_utf8mb4 THEN
        SET SESSION default_collation_for_utf8mb4 = v_collation;
    END IF;
END$$
DELIMITER ;
