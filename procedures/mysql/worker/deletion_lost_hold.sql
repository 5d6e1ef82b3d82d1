-- deletion_lost_hold
-- Look for holds in force whose table is not found: it may have another name now.
--
-- Returns     text, the error of every job meanwhile; NULL: there is no such hold
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_lost_hold;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_lost_hold()
RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Look for holds in force whose table is not found: it may have another name'
BEGIN
    RETURN concat(
        deletion_hold_error(deletion_lost_holds()),
        ' (no such table is found: release the hold, or release it and hold the row by the ',
        'table''s name of now)'
    );
END$$
DELIMITER ;
