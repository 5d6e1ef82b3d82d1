-- deletion_key_hash
-- Hash the key of a frame's row.
--
-- Parameters  p_row   the row, as frames keep it
-- Returns     32 bytes
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_key_hash;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_key_hash(
    p_row JSON
) RETURNS BINARY(32)
LANGUAGE SQL
DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Hash the key of a frame''s row'
BEGIN
    -- As many columns as an index can have; those that are not there are left out.
    RETURN unhex(sha2(json_extract(
        p_row, '$.k1', '$.k2', '$.k3', '$.k4', '$.k5', '$.k6', '$.k7', '$.k8', '$.k9', '$.k10',
        '$.k11', '$.k12', '$.k13', '$.k14', '$.k15', '$.k16'
    ), 256));
END$$
DELIMITER ;
