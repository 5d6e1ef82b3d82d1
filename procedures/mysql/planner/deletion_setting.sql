-- deletion_setting
-- Read a setting: the value set by hand, else its default.
--
-- Parameters  p_name   name of the setting
-- Returns     text; NULL: there is none, or the limit is off
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_setting('recompile');

DROP FUNCTION IF EXISTS deletion_setting;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_setting(
    p_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Read a setting: the value set by hand, else its default'
BEGIN
    RETURN (
        SELECT coalesce(s.setting_value, s.default_value)
        FROM deletion_settings AS s
        WHERE s.setting_name = p_name
    );
END$$
DELIMITER ;
