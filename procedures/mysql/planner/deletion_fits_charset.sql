-- deletion_fits_charset
-- Tell whether a character set has every character of a text.
--
-- Parameters  p_text      the text
--             p_charset   name of the character set
-- Returns     boolean; for a set that is not listed here, whether the text is plain ASCII
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_fits_charset('abc', 'latin1');
--
-- A character that the set lacks would become a question mark, and might name another row.

DROP FUNCTION IF EXISTS deletion_fits_charset;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_fits_charset(
    p_text TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_charset VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS BOOLEAN
LANGUAGE SQL
DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Tell whether a character set has every character of a text'
BEGIN
    IF p_charset = 'utf8mb4' OR char_length(p_text) = length(p_text) THEN
        RETURN TRUE;
    END IF;

    -- The linter takes "convert" for a keyword and a function at once.
    -- noqa: disable=CP01
    RETURN p_text = convert(
        CASE p_charset
            WHEN 'utf16' THEN convert(p_text USING utf16)
            WHEN 'utf32' THEN convert(p_text USING utf32)
            WHEN 'latin1' THEN convert(p_text USING latin1)
            WHEN 'latin2' THEN convert(p_text USING latin2)
            WHEN 'cp1250' THEN convert(p_text USING cp1250)
            WHEN 'cp1251' THEN convert(p_text USING cp1251)
            WHEN 'koi8r' THEN convert(p_text USING koi8r)
            WHEN 'gbk' THEN convert(p_text USING gbk)
            WHEN 'gb18030' THEN convert(p_text USING gb18030)
            WHEN 'big5' THEN convert(p_text USING big5)
            WHEN 'sjis' THEN convert(p_text USING sjis)
            WHEN 'cp932' THEN convert(p_text USING cp932)
            WHEN 'utf8mb3' THEN regexp_replace(p_text, '[^\\x{0}-\\x{FFFF}]', '?')
            ELSE '?'
        END USING utf8mb4
    );
    -- noqa: enable=CP01
END$$
DELIMITER ;
