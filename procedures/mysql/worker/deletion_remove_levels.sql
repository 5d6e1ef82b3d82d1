-- deletion_remove_levels
-- Remove the rows of a frame of several levels: lock them, look, delete the deepest level first.
--
-- Errors      40001 rows changed in between
-- Writes      the application's table, deletion_receipts     Commits  no
-- Execute     the owner only
--
-- A trigger may add rows below a level that has yet to go: where the engine would not deal with
-- them as the plan does, each level is looked at again, and the rest of the frame is found anew.

DROP PROCEDURE IF EXISTS deletion_remove_levels;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_remove_levels()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Remove the rows of a frame of several levels: lock them, look, delete the deepest level first'  -- noqa: LT05
BEGIN
    DECLARE v_found, v_rows, v_keys BIGINT DEFAULT 0;
    DECLARE v_gone JSON;
    -- Parted once: a statement that read the whole frame would do so for each of its levels.
    DECLARE v_levels JSON DEFAULT (
        SELECT json_objectagg(g.l, g.level_keys)
        FROM (
            SELECT k.l, json_arrayagg(k.o) AS level_keys
            FROM json_table(@dj_keys, '$[*]' COLUMNS (  -- noqa: CP02
                l INT PATH '$.l',  -- noqa: PRS
                o JSON PATH '$'
            )) AS k
            GROUP BY k.l
        ) AS g
    );
    DECLARE v_level INT DEFAULT (
        SELECT max(k.l)
        FROM json_table(@dj_keys, '$[*]' COLUMNS (l INT PATH '$.l')) AS k  -- noqa: CP02
    );

    DECLARE v_look LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin DEFAULT (
        SELECT s.sql_text
        FROM deletion_plan_steps AS s FORCE INDEX (idx_dps_edge)
        WHERE s.plan_id = @dj_plan_id AND s.edge_no = @dj_edge_no AND s.kind = 'look_level'
    );

    SET @dj_frame = @dj_keys;
    CALL deletion_execute(@dj_plan_id, @dj_edge_no, 'lock');
    SET v_found = @dj_rows;

    -- A trigger has taken some of them: which, and of what level, is not known.
    IF v_found <> @dj_count THEN
        SET v_look = NULL;
    END IF;

    CALL deletion_execute(@dj_plan_id, @dj_edge_no, 'look_levels');

    IF @dj_rows > 0 THEN
        CALL deletion_left_over();
    ELSE
        CALL deletion_part();

        -- Prepared once: a chain has as many levels as rows.
        SET @dj_sql = (
            SELECT s.sql_text
            FROM deletion_plan_steps AS s FORCE INDEX (idx_dps_edge)
            WHERE
                s.plan_id = @dj_plan_id AND s.edge_no = @dj_edge_no AND s.kind = 'remove_level'
        );
        PREPARE dj_stmt FROM @dj_sql;
        SET @dj_sql = coalesce(v_look, 'DO 0'), @dj_rows = 0;
        PREPARE dj_stmt_look FROM @dj_sql;

        levels: WHILE v_level >= 0 DO
            SET @dj_frame = json_extract(v_levels, concat('$."', v_level, '"'));

            IF v_rows > 0 AND v_look IS NOT NULL THEN
                EXECUTE dj_stmt_look USING @dj_frame;

                IF @dj_rows > 0 THEN
                    LEAVE levels;
                END IF;
            END IF;

            EXECUTE dj_stmt USING @dj_frame;
            SET v_rows = v_rows + row_count(), v_keys = v_keys + json_length(@dj_frame);
            SET v_level = v_level - 1;
        END WHILE;

        DEALLOCATE PREPARE dj_stmt_look;
        DEALLOCATE PREPARE dj_stmt;

        IF v_rows <> if(v_level < 0, v_found, v_keys) THEN
            SIGNAL SQLSTATE '40001'
                SET MESSAGE_TEXT = 'rows under lock were not there to be deleted';
        END IF;

        SET @dj_here = @dj_here + v_rows;

        IF v_level < 0 THEN
            CALL deletion_count(@dj_edge_no, 'delete', v_rows, @dj_keys);
            CALL deletion_pop();
        ELSE
            SET v_gone = (
                SELECT json_arrayagg(k.o)
                FROM json_table(@dj_keys, '$[*]' COLUMNS (  -- noqa: CP02
                    l INT PATH '$.l',  -- noqa: PRS
                    o JSON PATH '$'
                )) AS k
                WHERE k.l > v_level
            );
            CALL deletion_count(@dj_edge_no, 'delete', v_rows, v_gone);
            -- There will be more of them: each level would cost a look at all that are left.
            SET @dj_state = json_set(@dj_state, '$.is_fed', TRUE);
            CALL deletion_pop();
            SET @dj_pos = 0, @dj_read = NULL, @dj_is_dirty = TRUE;
        END IF;
    END IF;
END$$
DELIMITER ;
