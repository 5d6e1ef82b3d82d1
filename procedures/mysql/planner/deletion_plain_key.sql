-- deletion_plain_key
-- Give the form in which keys of a type are as it prints them beyond doubt.
--
-- Parameters  p_types   the types of a target's key, a JSON array
-- Returns     text, a regular expression: a part of the time of the whole way; NULL: there is none
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_plain_key('["bigint"]');

DROP FUNCTION IF EXISTS deletion_plain_key;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_plain_key(
    p_types JSON
) RETURNS VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Give the form in which keys of a type are as it prints them beyond doubt'
BEGIN
    -- Up to \z, the very end: $ would let a line end follow.
    RETURN CASE
        WHEN json_length(p_types) <> 1 THEN NULL
        WHEN json_unquote(json_extract(p_types, '$[0]')) = 'int' THEN '^(0|-?[1-9][0-9]{0,8})\\z'
        WHEN json_unquote(json_extract(p_types, '$[0]')) = 'bigint' THEN
            '^(0|-?[1-9][0-9]{0,17})\\z'
        WHEN json_unquote(json_extract(p_types, '$[0]')) IN ('int unsigned', 'bigint unsigned') THEN
            '^(0|[1-9][0-9]{0,8})\\z'
    END;
END$$
DELIMITER ;
