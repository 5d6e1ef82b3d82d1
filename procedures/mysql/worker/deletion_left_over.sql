-- deletion_left_over
-- Decide what becomes of a frame some of whose rows could not be removed.
--
-- Errors      JD006 nothing more can be done about the rows
-- Writes      deletion_frames                      Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_left_over;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_left_over()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Decide what becomes of a frame some of whose rows could not be removed'
BEGIN
    DECLARE v_is_popped BOOLEAN DEFAULT FALSE;
    DECLARE v_next INT DEFAULT (
        SELECT min(s.set_order)
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = @dj_plan_id
            AND s.set_order > coalesce(json_extract(@dj_state, '$.last'), 0)
    );

    IF @dj_changed <= @dj_pass AND json_contains_path(@dj_state, 'one', '$.careful') THEN
        CALL deletion_open_circle();
    END IF;

    IF @dj_changed > @dj_pass OR @dj_left = 0 THEN
        -- Something went in this pass, so more may go in the next.
        SET @dj_idle = 0;
    ELSEIF @dj_waits AND @dj_edge_no <> 0 THEN
        -- Rows wait for others that hang from elsewhere in the closure: those come first.
        SET v_is_popped = TRUE;
        CALL deletion_pop();
    ELSEIF @dj_waits AND NOT json_contains_path(@dj_state, 'one', '$.set') THEN
        -- All that could go is gone: what still refers to rows of the closure survives, and is set.
        SET @dj_state = json_set(@dj_state, '$.set', TRUE), @dj_idle = 0;
    ELSEIF
        json_contains_path(@dj_state, 'one', '$.careful')
        AND NOT json_contains_path(@dj_state, 'one', '$.together')
    THEN
        -- What is left goes in circles, or lies above one.
        SET @dj_state = json_set(@dj_state, '$.together', TRUE), @dj_idle = 0;
    ELSEIF v_next IS NOT NULL THEN
        -- No row that would not be found any more is left to be found.
        SET @dj_state = json_set(@dj_state, '$.last', v_next), @dj_idle = 0;
    ELSEIF @dj_count = json_length(json_extract(@dj_keys, '$[*].m')) THEN
        -- Roots that were gone before, and now all that hung from them.
        SET v_is_popped = TRUE;
        CALL deletion_pop();
    ELSEIF @dj_idle = 0 THEN
        -- A child may have come between its reference's pass and the lock: look once more.
        SET @dj_idle = 1;
    ELSE
        CALL deletion_stuck();
    END IF;

    IF NOT v_is_popped THEN
        SET @dj_is_locked = FALSE, @dj_locks = replace(@dj_locks, concat(',', @dj_depth, ','), ',');
        SET @dj_pos = 0, @dj_read = NULL, @dj_pass = @dj_changed, @dj_is_dirty = TRUE;
    END IF;
END$$
DELIMITER ;
