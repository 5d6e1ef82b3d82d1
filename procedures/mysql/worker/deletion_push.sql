-- deletion_push
-- Fetch a frame's worth of keys by one reference and make them the walk's present frame.
--
-- Parameters  p_edge_no   the reference            p_node_no   its child
--             p_is_wide   TRUE: so many hang from each of the frame's rows that a page begins where
--                         the one before ended: deleted rows stay in the index for a while
-- Errors      JD007 the stack is deeper than rows can be that do not go in a circle
-- Writes      deletion_frames                      Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_push;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_push(
    IN p_edge_no INT,
    IN p_node_no INT,
    IN p_is_wide BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Fetch a frame''s worth of keys by one reference and make them the walk''s present frame'
BEGIN
    DECLARE v_keys LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_count INT;
    DECLARE v_is_changed BOOLEAN;
    DECLARE v_is_self BOOLEAN DEFAULT p_node_no = @dj_node_no;
    DECLARE v_fan DOUBLE DEFAULT json_extract(@dj_state, concat('$.fan."', p_node_no, '"'));

    -- So many that their own children fit the batch as well; a first guess where none were seen.
    -- Rows of one table that hang from each other have no fan-out that would tell of the next ones,
    -- and all that are on the stack are held in each step: few, and those below them page by page.
    SET @dj_limit = cast(CASE
        WHEN v_is_self AND NOT @dj_waits THEN greatest(
            1, least(@dj_left, greatest(100, @dj_batch DIV 10))
        )
        WHEN v_fan IS NULL THEN least(100, @dj_left)
        -- Of rows that are locked, all that hangs from them was thought to fit: a few that are left
        -- over would be walked by themselves, and by then the locks are gone.
        ELSE greatest(1, floor(if(@dj_is_locked, 1, 0.85) * @dj_left / (1 + v_fan)))
    END AS UNSIGNED);
    SET @dj_frame = @dj_keys, @dj_cursor = coalesce(@dj_read, '{}');

    IF p_is_wide THEN
        CALL deletion_fetch_wide(p_edge_no);
        SET @dj_is_dirty = TRUE;
    ELSE
        -- Rows may stay that wait for others: then the next page comes after them.
        CALL deletion_execute(@dj_plan_id, p_edge_no, CASE
            WHEN json_contains_path(@dj_state, 'one', '$.careful') THEN 'fetch_beyond'
            WHEN @dj_waits THEN 'fetch_more'
            WHEN v_is_self AND @dj_is_deep THEN 'fetch_levels'
            ELSE 'fetch'
        END);
    END IF;

    IF @dj_rows = 0 THEN
        SET @dj_pos = p_edge_no, @dj_read = NULL, @dj_is_dirty = TRUE;
    ELSE
        IF @dj_waits THEN
            SET @dj_read = json_extract(@dj_answer, '$[last]'), @dj_is_dirty = TRUE;
        END IF;

        -- Rows of the frame may go with those that hang from them in the same table.
        IF v_is_self THEN
            SET @dj_locks = replace(@dj_locks, concat(',', @dj_depth, ','), ',');
        END IF;

        CALL deletion_save_frame();
        SET @dj_depth = @dj_depth + 1, @dj_node_no = p_node_no, @dj_edge_no = p_edge_no;
        SET @dj_keys = @dj_answer, @dj_count = @dj_rows, @dj_pos = 0, @dj_read = NULL;
        SET @dj_pass = @dj_changed, @dj_idle = 0, @dj_here = 0, @dj_is_dirty = TRUE;
        SET @dj_is_locked = FALSE, @dj_is_deep = FALSE;

        -- A chain would be walked a row a frame: a narrow frame takes in what hangs from it.
        IF v_is_self AND NOT @dj_waits AND @dj_count * 20 < least(2000, @dj_left) THEN
            CALL deletion_expand();
        END IF;

        -- Children that fit this transaction are emptied under their parents' lock: then no
        -- second look is needed.
        IF @dj_count * (1 + v_fan) <= @dj_left AND NOT @dj_is_deep THEN
            CALL deletion_lock_frame();
        END IF;

        -- From here on a row that moves would leave its children behind, deleted. What was taken in
        -- is held already.
        IF NOT @dj_is_locked AND NOT @dj_is_deep THEN
            SET v_keys = @dj_keys, v_count = @dj_count;
            CALL deletion_hold_frame('hold', p_edge_no, v_keys, v_count, v_is_changed);

            IF v_is_changed THEN
                SET @dj_keys = v_keys, @dj_count = v_count;
            END IF;
        END IF;

        CALL deletion_note_frame(@dj_node_no, @dj_edge_no, @dj_keys, TRUE);

        IF @dj_depth > 100000 THEN
            CALL deletion_raise(
                'JD007', 'run_deletion_jobs', 'rows refer to each other in a circle', (
                SELECT s.table_name
                FROM deletion_plan_steps AS s
                WHERE s.plan_id = @dj_plan_id AND s.edge_no = p_edge_no AND s.kind = 'fetch'
            ));
        END IF;
    END IF;
END$$
DELIMITER ;
