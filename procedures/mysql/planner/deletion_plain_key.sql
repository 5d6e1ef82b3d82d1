-- deletion_plain_key
-- Give the largest whole number that is a key of a type: digits up to it are keys as they are.
--
-- Parameters  p_types   the types of a target's key, a JSON array
-- Returns     unsigned integer; a negative key, or one of another type, takes the whole way: NULL
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_plain_key('["bigint"]');

DROP FUNCTION IF EXISTS deletion_plain_key;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_plain_key(
    p_types JSON
) RETURNS BIGINT UNSIGNED
LANGUAGE SQL
DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Give the largest whole number that is a key of a type'
BEGIN
    RETURN CASE WHEN json_length(p_types) = 1 THEN
        CASE json_unquote(json_extract(p_types, '$[0]'))
            WHEN 'smallint' THEN 32767
            WHEN 'smallint unsigned' THEN 65535
            WHEN 'mediumint' THEN 8388607
            WHEN 'mediumint unsigned' THEN 16777215
            WHEN 'int' THEN 2147483647
            WHEN 'int unsigned' THEN 4294967295
            WHEN 'bigint' THEN 9223372036854775807
            WHEN 'bigint unsigned' THEN 18446744073709551615
        END
    END;
END$$
DELIMITER ;
