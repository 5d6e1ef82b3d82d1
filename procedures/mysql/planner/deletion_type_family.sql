-- deletion_type_family
-- Tell what kind of key a type makes.
--
-- Parameters  p_type   the type, as the catalog prints it
-- Returns     number, string, bytes, label, moment or time, which compare among themselves;
--             NULL: keys cannot be of that type (floats, JSON, texts without a length, and others)
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_type_family('decimal(12,2)');

DROP FUNCTION IF EXISTS deletion_type_family;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_type_family(
    p_type TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Tell what kind of key a type makes'
BEGIN
    RETURN CASE
        WHEN p_type REGEXP '^((tiny|small|medium|big)?int|decimal|bit|year)([( ]|$)' THEN 'number'
        WHEN p_type REGEXP '^(var)?char[(]' THEN 'string'
        WHEN p_type REGEXP '^(var)?binary[(]' THEN 'bytes'
        WHEN p_type REGEXP '^enum[(]' THEN 'label'
        WHEN p_type REGEXP '^(date|datetime|timestamp)([( ]|$)' THEN 'moment'
        WHEN p_type REGEXP '^time([( ]|$)' THEN 'time'
    END;
END$$
DELIMITER ;
