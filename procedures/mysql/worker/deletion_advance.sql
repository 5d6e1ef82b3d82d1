-- deletion_advance
-- Walk on: as many moves of the stack as fit the run's batch, in the caller's transaction.
--
-- Parameters  p_run_id     the run, fenced
--             p_is_empty   OUT TRUE where the stack is empty: the jobs' rows are gone
-- Writes      the application's tables, deletion_frames, deletion_receipts, deletion_runs
-- Commits     no
-- Execute     the owner only
--
-- The walk's registers: of the run @dj_run_id, @dj_plan_id, @dj_batch, @dj_left (rows that this
-- transaction may still change), @dj_changed, @dj_state, @dj_job_id (the only job; NULL: several),
-- @dj_waits, @dj_may_sweep and @dj_locks (the depths of the frames that this transaction locked);
-- of the present frame @dj_depth (NULL: the stack is empty), @dj_node_no, @dj_edge_no, @dj_keys,
-- @dj_count, @dj_pos, @dj_read, @dj_pass, @dj_idle, @dj_here, @dj_is_locked, @dj_is_deep (it holds
-- several levels of rows that refer to each other), and @dj_is_dirty: not stored as it is.

DROP PROCEDURE IF EXISTS deletion_advance;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_advance(
    IN p_run_id BIGINT UNSIGNED,
    OUT p_is_empty BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Walk on: as many moves of the stack as fit the run''s batch, in the caller''s transaction'
BEGIN
    DECLARE v_edge_no, v_node_no INT;
    DECLARE v_action VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_is_leaf, v_drains, v_sweeps, v_finds, v_is_swept, v_is_empty BOOLEAN;
    DECLARE v_passed INT DEFAULT 0;
    DECLARE v_goes_on BOOLEAN DEFAULT TRUE;
    DECLARE v_until DATETIME(6);
    DECLARE v_started DATETIME(6) DEFAULT utc_timestamp(6);
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_edge_no = NULL;

    CALL deletion_load_walk(p_run_id);
    -- As long as it took to hold a deep stack the step works on: else it would do little more.
    SET v_until = timestampadd(
        MICROSECOND,
        greatest(
            1000 * deletion_setting_int('batch_ms'),
            timestampdiff(MICROSECOND, v_started, utc_timestamp(6))
        ),
        utc_timestamp(6)
    );

    -- Roots that go in this transaction with all below them are locked first: then no reference
    -- that was emptied has to be looked at once more.
    IF
        @dj_edge_no = 0
        AND @dj_pos = 0
        AND @dj_here = 0
        AND @dj_count * (1 + cast(json_extract(@dj_state, '$.fan."0"') AS DOUBLE)) <= @dj_left
        AND NOT json_contains_path(@dj_keys, 'one', '$[*].m')
    THEN
        CALL deletion_lock_frame();
    END IF;

    WHILE v_goes_on AND @dj_depth IS NOT NULL DO
        -- The next reference of the frame's table that has something to do in this phase.
        SELECT
            s.edge_no, s.node_no, s.action, s.is_leaf,
            EXISTS (  -- noqa: CP03,LT06
                SELECT 1
                FROM deletion_plan_steps AS d FORCE INDEX (idx_dps_edge)
                WHERE d.plan_id = s.plan_id AND d.edge_no = s.edge_no AND d.kind = 'drain'
            ),
            EXISTS (  -- noqa: CP03,LT06
                SELECT 1
                FROM deletion_plan_steps AS d FORCE INDEX (idx_dps_edge)
                WHERE d.plan_id = s.plan_id AND d.edge_no = s.edge_no AND d.kind = 'sweep'
            ),
            -- A frame with many rows below each of its own: from the start each batch would be
            -- read again and again.
            @dj_here >= 4 * @dj_batch
            AND @dj_here >= @dj_count * @dj_batch / 4
            AND EXISTS (  -- noqa: CP03,LT06
                SELECT 1
                FROM deletion_plan_steps AS d FORCE INDEX (idx_dps_edge)
                WHERE
                    d.plan_id = s.plan_id
                    AND d.edge_no = s.edge_no
                    AND d.kind IN ('find', 'fetch_next')
            )
        INTO v_edge_no, v_node_no, v_action, v_is_leaf, v_drains, v_sweeps, v_finds
        FROM deletion_plan_steps AS s FORCE INDEX (idx_dps_parent)
        WHERE
            s.plan_id = @dj_plan_id
            AND s.parent_node_no = @dj_node_no
            AND s.kind = 'fetch'
            AND s.edge_no > @dj_pos
            AND s.action <> 'restrict'
            AND (
                s.action = 'cascade'
                OR NOT s.waits
                OR (
                    json_contains_path(@dj_state, 'one', '$.set')
                    AND s.set_order <= coalesce(json_extract(@dj_state, '$.last'), 0)
                )
            )
        ORDER BY s.edge_no
        LIMIT 1;

        IF v_edge_no IS NULL THEN
            -- A frame goes in one transaction: what is left of this one may be too little.
            IF @dj_left < @dj_count THEN
                SET v_goes_on = FALSE;
            ELSE
                CALL deletion_remove();
            END IF;
        ELSEIF v_action = 'cascade' AND NOT v_is_leaf THEN
            -- So may be what is left for the children of the rows that would be fetched; of rows
            -- that hang from each other a page is a tenth of the batch. Below rows that are locked
            -- all that there was is gone, mostly, and they can go as well.
            IF @dj_left * if(v_node_no = @dj_node_no AND NOT @dj_waits, 10, 2) < @dj_batch THEN
                CALL deletion_look_below(v_edge_no, v_is_empty);
                SET v_goes_on = v_is_empty;
            ELSE
                -- One row of the frame after the other: each has a page of its own.
                CALL deletion_push(
                    v_edge_no,
                    v_node_no,
                    v_finds AND @dj_count <= 20 AND NOT @dj_is_locked AND NOT @dj_waits
                );
            END IF;
        ELSEIF @dj_left = 0 THEN
            SET v_goes_on = FALSE;
        ELSEIF v_sweeps AND @dj_is_locked AND @dj_may_sweep AND v_edge_no <> v_passed THEN
            CALL deletion_sweep(v_edge_no, v_is_swept);
            -- Too many of them: they go in batches.
            SET v_passed = if(v_is_swept, 0, v_edge_no);
        ELSEIF v_finds AND NOT @dj_is_locked THEN
            CALL deletion_drain_wide(v_edge_no);
        ELSEIF v_drains AND @dj_job_id IS NOT NULL THEN
            CALL deletion_drain(v_edge_no);
        ELSEIF EXISTS (
            SELECT 1
            FROM deletion_plan_steps AS s
            WHERE s.plan_id = @dj_plan_id AND s.edge_no = v_edge_no AND s.kind = 'change_rows'
        ) THEN
            CALL deletion_change_rows(v_edge_no, v_action);
        ELSE
            CALL deletion_change(v_edge_no, v_action);
        END IF;

        SET v_goes_on = v_goes_on AND utc_timestamp(6) < v_until;
    END WHILE;

    SET p_is_empty = @dj_depth IS NULL;
    CALL deletion_save_walk();
END$$
DELIMITER ;
