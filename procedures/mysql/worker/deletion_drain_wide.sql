-- deletion_drain_wide
-- Delete childless rows that hang from a wide frame, for one of its rows after the other.
--
-- Parameters  p_edge_no   the reference
-- Writes      the application's table, deletion_receipts     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_drain_wide;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_drain_wide(
    IN p_edge_no INT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Delete childless rows that hang from a wide frame, for one of its rows after the other'
BEGIN
    DECLARE v_found BIGINT;
    -- Below many rows nothing may be left: the caller looks at the time in between.
    DECLARE v_rest INT DEFAULT 50;
    DECLARE v_table VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin DEFAULT (
        SELECT s.table_name
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = @dj_plan_id AND s.edge_no = p_edge_no AND s.kind = 'find'
    );

    SET @dj_frame = @dj_keys;
    CALL deletion_read_on();

    WHILE @dj_left > 0 AND @dj_place < @dj_count AND v_rest > 0 DO
        SET @dj_limit = @dj_left;

        -- What hangs from a root that was not there is another story, should it come back.
        IF json_contains_path(@dj_keys, 'one', concat('$[', @dj_place, '].m')) THEN
            SET v_found = 0;
        ELSE
            CALL deletion_execute(@dj_plan_id, p_edge_no, 'find');
            SET v_found = @dj_rows;
        END IF;

        IF v_found > 0 THEN
            CALL deletion_execute(@dj_plan_id, p_edge_no, 'drain_found');
            SET @dj_after = @dj_last;
            SET @dj_left = @dj_left - @dj_rows, @dj_changed = @dj_changed + @dj_rows;
            SET @dj_here = @dj_here + @dj_rows;

            IF @dj_rows > 0 THEN
                CALL deletion_add_receipts(@dj_run_id, v_table, 'delete', json_object(
                    json_extract(@dj_keys, concat('$[', @dj_place, '].j')), @dj_rows
                ));
            END IF;
        END IF;

        IF v_found < @dj_limit THEN
            SET @dj_place = @dj_place + 1, @dj_after = -9223372036854775808;
            SET v_rest = v_rest - 1;
        END IF;
    END WHILE;

    IF @dj_place >= @dj_count THEN
        SET @dj_pos = p_edge_no, @dj_read = NULL;
    ELSE
        SET @dj_read = json_object('place', @dj_place, 'after', @dj_after);
    END IF;

    SET @dj_is_dirty = TRUE;
END$$
DELIMITER ;
