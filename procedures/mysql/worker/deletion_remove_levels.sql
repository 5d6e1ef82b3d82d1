-- deletion_remove_levels
-- Remove all rows of a frame of several levels: lock them, look, delete the deepest level first.
--
-- Errors      40001 rows changed in between
-- Writes      the application's table, deletion_receipts     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_remove_levels;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_remove_levels()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Remove all rows of a frame of several levels: lock them, look, delete the deepest level first'  -- noqa: LT05
BEGIN
    DECLARE v_found, v_rows BIGINT DEFAULT 0;
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

    SET @dj_frame = @dj_keys;
    CALL deletion_execute(@dj_plan_id, @dj_edge_no, 'lock');
    SET v_found = @dj_rows;
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

        WHILE v_level >= 0 DO
            SET @dj_frame = json_extract(v_levels, concat('$."', v_level, '"'));
            SET v_level = v_level - 1;
            EXECUTE dj_stmt USING @dj_frame;
            SET v_rows = v_rows + row_count();
        END WHILE;

        DEALLOCATE PREPARE dj_stmt;

        IF v_rows <> v_found THEN
            SIGNAL SQLSTATE '40001'
                SET MESSAGE_TEXT = 'rows under lock were not there to be deleted';
        END IF;

        CALL deletion_count(@dj_edge_no, 'delete', v_rows, @dj_keys);
        SET @dj_here = @dj_here + v_rows;
        CALL deletion_pop();
    END IF;
END$$
DELIMITER ;
