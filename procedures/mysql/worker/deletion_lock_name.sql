-- deletion_lock_name
-- Name the session lock of a run or of a slot.
--
-- Parameters  p_kind   run or slot                 p_no   its number
-- Returns     text, of at most 64 characters
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT is_used_lock(deletion_lock_name('slot', 1));

DROP FUNCTION IF EXISTS deletion_lock_name;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_lock_name(
    p_kind VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_no BIGINT
) RETURNS VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Name the session lock of a run or of a slot'
BEGIN
    -- Locks are the server's, not the database's: the name has to tell installations apart.
    RETURN concat('dj:', left(sha2(database(), 256), 16), ':', left(p_kind, 1), ':', p_no);
END$$
DELIMITER ;
