-- deletion_give_up
-- Let rows go of the present frame that go themselves, and that no default would take away from it.
--
-- Parameters  p_edge_no   the reference that sets a default
-- Errors      JD006 rows are found and not changed
-- Writes      the application's table              Commits  no
-- Execute     the owner only
--
-- The check has noted them. They stay reachable by the reference that they were found by. Where
-- @dj_left is as before there were none.

DROP PROCEDURE IF EXISTS deletion_give_up;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_give_up(
    IN p_edge_no INT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Let rows go of the present frame that go themselves, and that no default would take away from it'  -- noqa: LT05
BEGIN
    DECLARE v_found BIGINT;
    DECLARE v_table VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin DEFAULT (
        SELECT s.table_name
        FROM deletion_plan_steps AS s FORCE INDEX (idx_dps_edge)
        WHERE
            s.plan_id = @dj_plan_id
            AND s.edge_no = p_edge_no
            AND s.kind = 'give_up'
            AND EXISTS (
                SELECT 1
                FROM deletion_walk_links AS l
                WHERE
                    l.walk_id = @dj_run_id AND l.edge_no = s.edge_no AND l.parent_node_no < 0
            )
    );

    IF v_table IS NOT NULL THEN
        -- The number that UPDATE gives depends on the client: they are counted before and after.
        SET @dj_frame = @dj_keys, @dj_limit = @dj_left;
        CALL deletion_execute(@dj_plan_id, p_edge_no, 'give_look');
        SET v_found = @dj_rows;

        IF v_found > 0 THEN
            CALL deletion_execute(@dj_plan_id, p_edge_no, 'give_up');
            CALL deletion_execute(@dj_plan_id, p_edge_no, 'give_look');

            IF @dj_rows >= v_found THEN
                CALL deletion_raise(
                    'JD006', 'run_deletion_jobs', 'rows are found and not changed', v_table
                );
            END IF;

            SET v_found = v_found - @dj_rows;
            SET @dj_left = @dj_left - v_found, @dj_changed = @dj_changed + v_found;
        END IF;
    END IF;
END$$
DELIMITER ;
