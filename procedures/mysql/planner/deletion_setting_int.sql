-- deletion_setting_int
-- Read a setting that is a whole number.
--
-- Parameters  p_name   name of the setting
-- Returns     bigint; NULL: there is none, or the limit is off
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_setting_int('batch_rows');

DROP FUNCTION IF EXISTS deletion_setting_int;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_setting_int(
    p_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS BIGINT
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Read a setting that is a whole number'
BEGIN
    RETURN cast(deletion_setting(p_name) AS SIGNED);
END$$
DELIMITER ;
