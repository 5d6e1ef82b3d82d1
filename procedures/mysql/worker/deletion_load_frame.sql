-- deletion_load_frame
-- Make the run's topmost stored frame the walk's present one; a frame over the batch is split.
--
-- Writes      deletion_frames                      Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_load_frame;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_load_frame()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Make the run''s topmost stored frame the walk''s present one; a frame over the batch is split'  -- noqa: LT05
BEGIN
    DECLARE v_rest JSON;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET @dj_depth = NULL;

    SELECT
        f.depth, f.node_no, f.edge_no, f.`keys`, f.key_count, f.edge_pos, f.fetch_cursor,
        f.rows_at_pass, f.idle_passes, f.rows_here, FALSE,
        json_contains_path(f.`keys`, 'one', '$[0].l')
    INTO
        @dj_depth, @dj_node_no, @dj_edge_no, @dj_keys, @dj_count, @dj_pos, @dj_read,
        @dj_pass, @dj_idle, @dj_here, @dj_is_dirty, @dj_is_deep
    FROM deletion_frames AS f
    WHERE f.run_id = @dj_run_id
    ORDER BY f.depth DESC
    LIMIT 1;

    IF
        @dj_depth IS NOT NULL
        AND @dj_count > @dj_batch
        AND @dj_is_deep
    THEN
        -- Rows of several levels cannot be parted: they are found again, fewer at a time.
        DELETE FROM deletion_frames WHERE run_id = @dj_run_id AND depth = @dj_depth;
        UPDATE deletion_frames AS f
        SET f.edge_pos = 0, f.fetch_cursor = NULL
        WHERE f.run_id = @dj_run_id AND f.depth = @dj_depth - 1;
        SELECT
            f.depth, f.node_no, f.edge_no, f.`keys`, f.key_count, f.edge_pos, f.fetch_cursor,
            f.rows_at_pass, f.idle_passes, f.rows_here, FALSE,
            json_contains_path(f.`keys`, 'one', '$[0].l')
        INTO
            @dj_depth, @dj_node_no, @dj_edge_no, @dj_keys, @dj_count, @dj_pos, @dj_read,
            @dj_pass, @dj_idle, @dj_here, @dj_is_dirty, @dj_is_deep
        FROM deletion_frames AS f
        WHERE f.run_id = @dj_run_id
        ORDER BY f.depth DESC
        LIMIT 1;
    END IF;

    -- Locked by this very transaction, before any of its references was followed.
    SET @dj_is_locked = coalesce(locate(concat(',', @dj_depth, ','), @dj_locks) > 0, FALSE);

    IF @dj_depth IS NOT NULL AND @dj_count > @dj_batch THEN
        -- Contention has halved the batch: the rest waits one below, found by the same reference.
        SET v_rest = json_extract(@dj_keys, concat('$[', @dj_batch, ' to last]'));
        SET @dj_keys = json_extract(@dj_keys, concat('$[0 to ', @dj_batch - 1, ']'));

        UPDATE deletion_frames AS f
        SET
            f.`keys` = v_rest,
            f.key_count = json_length(v_rest),
            f.edge_pos = 0,
            f.fetch_cursor = NULL
        WHERE f.run_id = @dj_run_id AND f.depth = @dj_depth;

        SET @dj_depth = @dj_depth + 1, @dj_count = @dj_batch, @dj_read = NULL, @dj_is_dirty = TRUE;
        SET @dj_is_locked = FALSE;
    END IF;
END$$
DELIMITER ;
