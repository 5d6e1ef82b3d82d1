-- deletion_give_up
-- Let rows that the walk came by go of the present frame, where they refer to it and get a default.
--
-- Parameters  p_edge_no   the reference that sets a default
-- Errors      JD006 rows are found and not changed; JD007 rows of several jobs wait for each other:
--             each job goes on alone
-- Writes      the application's table              Commits  no
-- Execute     the owner only
--
-- The frame hangs from them, and they from the frame: a default that is in a row which goes as
-- well, or in none, does not part the two. They go, whatever they refer to: they are on the stack,
-- and held. Takes from @dj_left.

DROP PROCEDURE IF EXISTS deletion_give_up;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_give_up(
    IN p_edge_no INT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Let rows that the walk came by go of the present frame, where they refer to it'
BEGIN
    DECLARE v_found BIGINT;
    DECLARE v_node_no INT;
    DECLARE v_table VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SELECT max(s.node_no), max(s.table_name)
    INTO v_node_no, v_table
    FROM deletion_plan_steps AS s FORCE INDEX (idx_dps_edge)
    WHERE s.plan_id = @dj_plan_id AND s.edge_no = p_edge_no AND s.kind = 'give_up';

    SET @dj_stack = (
        SELECT json_arrayagg(k.o)
        FROM deletion_frames AS f
        CROSS JOIN json_table(f.`keys`, '$[*]' COLUMNS (o JSON PATH '$')) AS k  -- noqa: CP02,PRS
        WHERE f.run_id = @dj_run_id AND f.depth < @dj_depth AND f.node_no = v_node_no
    );

    IF @dj_stack IS NOT NULL THEN
        -- The number that UPDATE gives depends on the client: they are counted before and after.
        SET @dj_frame = @dj_keys, @dj_limit = @dj_left;
        CALL deletion_execute(@dj_plan_id, p_edge_no, 'give_look');
        SET v_found = @dj_rows;

        IF v_found > 0 AND @dj_job_id IS NULL THEN
            CALL deletion_raise(
                'JD007', 'run_deletion_jobs',
                'rows wait for each other among several jobs, each goes alone', v_table
            );
        ELSEIF v_found > 0 THEN
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
