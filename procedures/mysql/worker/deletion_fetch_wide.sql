-- deletion_fetch_wide
-- Fetch a frame's worth of keys that hang from a wide frame, from one of its rows.
--
-- Parameters  p_edge_no   the reference
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- Answers as the fetch of a plan does; @dj_read says where the next call goes on, NULL: none hang
-- from the frame any more, or they came where it was read already, which the last look finds.

DROP PROCEDURE IF EXISTS deletion_fetch_wide;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_fetch_wide(
    IN p_edge_no INT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Fetch a frame''s worth of keys that hang from a wide frame, from one of its rows'
BEGIN
    CALL deletion_read_on();
    SET @dj_rows = 0;

    WHILE @dj_rows = 0 AND @dj_place < @dj_count DO
        -- What hangs from a root that was not there is another story, should it come back.
        IF NOT json_contains_path(@dj_keys, 'one', concat('$[', @dj_place, '].m')) THEN
            SET @dj_cursor = json_extract(@dj_keys, concat('$[', @dj_place, '].j'));
            CALL deletion_execute(@dj_plan_id, p_edge_no, 'fetch_next');
        END IF;

        IF @dj_rows < @dj_limit THEN
            SET @dj_place = @dj_place + 1, @dj_after = -9223372036854775808;
        ELSE
            SET @dj_after = @dj_last;
        END IF;
    END WHILE;

    SET @dj_read = if(
        @dj_rows > 0, json_object('place', @dj_place, 'after', @dj_after), NULL
    );
END$$
DELIMITER ;
