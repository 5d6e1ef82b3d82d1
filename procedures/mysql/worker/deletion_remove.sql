-- deletion_remove
-- Remove the present frame's own rows: lock them, look once more, delete the childless.
--
-- Errors      JD006 rows stay and nothing more can be done about them; 40001 rows changed in between  -- noqa: LT05
-- Writes      the application's table, deletion_receipts     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_remove;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_remove()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Remove the present frame''s own rows: lock them, look once more, delete the childless'
removal: BEGIN
    DECLARE v_found, v_rows BIGINT;
    DECLARE v_gone JSON;

    IF @dj_is_deep THEN
        CALL deletion_remove_levels();
        LEAVE removal;
    END IF;

    SET @dj_frame = @dj_keys, v_found = @dj_count, v_rows = @dj_count;

    IF NOT @dj_is_locked THEN
        CALL deletion_execute(@dj_plan_id, @dj_edge_no, 'lock');
        SET v_found = @dj_rows;
        CALL deletion_execute(@dj_plan_id, @dj_edge_no, 'look');
        SET v_rows = @dj_rows;
    END IF;

    IF v_rows > 0 AND v_rows < @dj_count THEN
        CALL deletion_execute(@dj_plan_id, @dj_edge_no, 'free');
        SET @dj_frame = @dj_answer, v_rows = @dj_rows;
    END IF;

    IF v_rows > 0 THEN
        CALL deletion_part();
        CALL deletion_execute(
            @dj_plan_id, @dj_edge_no, if(@dj_is_locked, 'remove_now', 'remove')
        );

        IF @dj_rows <> v_rows THEN
            SIGNAL SQLSTATE '40001' SET MESSAGE_TEXT = 'rows under lock were not there to be deleted';  -- noqa: LT05
        END IF;

        CALL deletion_count(@dj_edge_no, 'delete', v_rows, @dj_frame);
    END IF;

    -- What hangs from a root that is gone waits as that of others does.
    SET v_gone = if(@dj_edge_no = 0 AND @dj_waits, (
        SELECT json_arrayagg(k.o)
        FROM json_table(@dj_keys, '$[*]' COLUMNS (
            o JSON PATH '$', is_gone BOOLEAN EXISTS PATH '$.m'
        )) AS k
        WHERE k.is_gone
    ), NULL);

    IF v_rows = v_found AND v_gone IS NULL THEN
        -- What was not found any more has moved to another parent, or is gone already.
        SET @dj_state = json_set(@dj_state, '$.fan', json_set(
            coalesce(json_extract(@dj_state, '$.fan'), json_object()),
            -- A frame whose keys were all of a cancelled job has none left.
            concat('$."', @dj_node_no, '"'), @dj_here / greatest(1, @dj_count)
        ));
        SET @dj_here = @dj_here + v_rows;
        CALL deletion_pop();
    ELSE
        SET @dj_frame = @dj_keys;
        CALL deletion_execute(@dj_plan_id, @dj_edge_no, 'left');
        SET @dj_keys = json_merge_preserve(@dj_answer, coalesce(v_gone, json_array()));
        SET @dj_count = json_length(@dj_keys), @dj_is_dirty = TRUE;
        CALL deletion_left_over();
    END IF;
END$$
DELIMITER ;
