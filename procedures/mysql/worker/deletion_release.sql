-- deletion_release
-- Free a session lock of this session, however often it was taken.
--
-- Parameters  p_name   the lock
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_release;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_release(
    IN p_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Free a session lock of this session, however often it was taken'
BEGIN
    WHILE is_used_lock(p_name) = connection_id() DO
        DO release_lock(p_name);
    END WHILE;
END$$
DELIMITER ;
