-- deletion_read_on
-- Bind where the present frame, a wide one, was read to: which of its rows, and from which key on.
--
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_read_on;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_read_on()
LANGUAGE SQL
NOT DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Bind where the present frame, a wide one, was read to: which of its rows, and from which key on'  -- noqa: LT05
BEGIN
    SET @dj_place = cast(coalesce(json_extract(@dj_read, '$.place'), 0) AS SIGNED);
    -- No key of any type of whole numbers is below.
    SET @dj_after = -9223372036854775808;

    -- Of the column's own kind, or the engine would not begin to read there.
    IF json_extract(@dj_read, '$.after') > 0 THEN
        SET @dj_after = cast(json_extract(@dj_read, '$.after') AS UNSIGNED);
    ELSEIF json_contains_path(@dj_read, 'one', '$.after') THEN
        SET @dj_after = cast(json_extract(@dj_read, '$.after') AS SIGNED);
    END IF;
END$$
DELIMITER ;
