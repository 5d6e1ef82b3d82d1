-- deletion_others_due
-- Say whether another job is due, for which a heavy run should make room.
--
-- Returns     boolean
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_others_due;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_others_due() RETURNS BOOLEAN
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Say whether another job is due, for which a heavy run should make room'
BEGIN
    RETURN EXISTS (
        SELECT 1
        FROM deletion_jobs AS j FORCE INDEX (idx_dj_due)
        WHERE j.status = 'pending' AND coalesce(j.scheduled_at, j.created_at) <= utc_timestamp(6)
    );
END$$
DELIMITER ;
