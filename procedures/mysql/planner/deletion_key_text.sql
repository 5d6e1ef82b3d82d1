-- deletion_key_text
-- Read a key value strictly, and give the one text that stands for it.
--
-- Parameters  p_text      the value as text
--             p_type      type of its column, as the catalog prints it
--             p_charset   character set of its column; NULL: none
-- Returns     text as the type prints it; NULL: it does not parse, or keys cannot be of that type
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_key_text('042', 'int', NULL);

DROP FUNCTION IF EXISTS deletion_key_text;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_key_text(
    p_text TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_type TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_charset VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Read a key value strictly, and give the one text that stands for it'
BEGIN
    RETURN CASE deletion_type_family(p_type)
        WHEN 'number' THEN deletion_key_number(p_text, p_type)
        WHEN 'string' THEN deletion_key_string(p_text, p_type, p_charset)
        WHEN 'bytes' THEN deletion_key_string(p_text, p_type, NULL)
        WHEN 'label' THEN deletion_key_string(p_text, p_type, p_charset)
        WHEN 'moment' THEN deletion_key_time(p_text, p_type)
        WHEN 'time' THEN deletion_key_time(p_text, p_type)
    END;
END$$
DELIMITER ;
