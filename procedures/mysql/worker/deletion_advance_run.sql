-- deletion_advance_run
-- Do one step of a run that is past its check: walk on, or end it when all is done or time is up.
--
-- Parameters  p_run_id   the run, fenced
--             p_until    when the worker's call should end
--             p_state    OUT more or ended
-- Writes      the application's tables, all tables of a run, deletion_plans     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_advance_run;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_advance_run(
    IN p_run_id BIGINT UNSIGNED,
    IN p_until DATETIME(6),
    OUT p_state VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Do one step of a run that is past its check: walk on, or end it when all is done or time is up'  -- noqa: LT05
BEGIN
    DECLARE v_cancelled JSON;
    DECLARE v_fits, v_is_empty, v_hard, v_is_untouched, v_has_climbed BOOLEAN;
    DECLARE v_held JSON;
    DECLARE v_held_state VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_plan_id BIGINT UNSIGNED;
    DECLARE v_started_at, v_looked_at, v_now DATETIME(6);  -- noqa: PRS
    DECLARE v_slice_us BIGINT DEFAULT 1000 * deletion_setting_int('slice_ms');
    DECLARE v_lead_us BIGINT;
    DECLARE v_is_over BOOLEAN;
    DECLARE v_step_count BIGINT;

    SELECT json_arrayagg(a.job_id)
    INTO v_cancelled
    FROM deletion_attempts AS a
    WHERE a.run_id = p_run_id AND a.outcome IS NULL AND a.cancel_requested_at IS NOT NULL;

    IF v_cancelled IS NOT NULL THEN
        CALL deletion_settle(p_run_id, v_cancelled, 'cancelled', NULL, FALSE, NULL);
        CALL deletion_drop_jobs(p_run_id, v_cancelled);
    END IF;

    SELECT
        r.plan_id, r.started_at, json_unquote(json_extract(r.state, '$.looked_at')),
        json_extract(r.state, '$.lead_us'), r.step_count, r.hard_delete,
        r.rows_changed = 0,
        r.retries > 0 AND r.retries <= coalesce(json_extract(r.state, '$.held_retries'), 0)
    INTO
        v_plan_id, v_started_at, v_looked_at, v_lead_us, v_step_count, v_hard, v_is_untouched,
        v_has_climbed
    FROM deletion_runs AS r
    WHERE r.run_id = p_run_id;

    SET p_state = 'ended';
    -- Everything was compared at the claim; a long run looks again at all of it now and then.
    CALL deletion_guard(v_plan_id, v_step_count % 20 = 0, v_fits);

    IF NOT v_fits THEN
        CALL deletion_settle(p_run_id, NULL, 'returned', NULL, FALSE, NULL);
        CALL deletion_end_run(
            p_run_id, 'returned', 'the catalog changed; the plan is compiled anew'
        );
    ELSE
        CALL deletion_mind_holds(p_run_id, v_held, v_held_state);

        IF v_held_state IS NOT NULL THEN
            SET v_is_empty = FALSE;
        ELSEIF v_hard THEN
            IF v_is_untouched THEN
                CALL deletion_spare_live(p_run_id, v_plan_id);
            END IF;

            CALL deletion_advance(p_run_id, v_is_empty);
        ELSE
            CALL deletion_soft_advance(p_run_id, v_is_empty);
        END IF;

        IF v_held_state IS NULL AND json_length(v_held) > 0 THEN
            CALL deletion_see_holds(p_run_id, v_plan_id, v_held, v_has_climbed);
        END IF;

        IF v_held_state IS NOT NULL THEN
            SET p_state = v_held_state;
        ELSEIF v_is_empty THEN
            CALL deletion_settle(p_run_id, NULL, 'done', NULL, FALSE, NULL);
            CALL deletion_end_run(p_run_id, 'done', NULL);
            CALL deletion_keep_fan_out(p_run_id, v_plan_id);
        ELSE
            SET v_now = utc_timestamp(6), v_is_over = v_now >= p_until;

            IF
                v_is_untouched AND @dj_changed > 0
                AND v_now > timestampadd(SECOND, 1, v_started_at)
            THEN
                SET v_lead_us = timestampdiff(MICROSECOND, v_started_at, v_now);
                UPDATE deletion_runs AS r
                SET r.state = json_set(r.state, '$.lead_us', v_lead_us)
                WHERE r.run_id = p_run_id;
            END IF;

            SET v_lead_us = coalesce(v_lead_us, 0);

            -- Not in each step: jobs that were claimed stay in the index of what is due as long as
            -- an old snapshot is open somewhere. Nor before the answer counts, or it would be late.
            IF
                NOT v_is_over
                AND @dj_changed > 0
                AND v_now >= timestampadd(MICROSECOND, 2 * v_lead_us, v_started_at)
                AND v_now > timestampadd(MICROSECOND, v_slice_us, v_started_at)
                AND (v_now > timestampadd(MICROSECOND, v_slice_us, v_looked_at)) IS NOT FALSE
            THEN
                SET v_is_over = deletion_others_due();
                UPDATE deletion_runs AS r
                SET r.state = json_set(r.state, '$.looked_at', v_now)
                WHERE r.run_id = p_run_id;
            END IF;

            -- A run that has changed nothing yet is still on its way down: dissolved now, it would
            -- begin at its roots again and never arrive where a chain is deep or its check long. As
            -- long as it took to come there it works, or a large job would be checked again for
            -- every batch.
            IF
                deletion_setting('paused_reason') IS NOT NULL
                OR (
                    v_is_over
                    AND @dj_changed > 0
                    AND v_now >= timestampadd(MICROSECOND, 2 * v_lead_us, v_started_at)
                )
            THEN
                CALL deletion_slice(p_run_id);
            ELSE
                SET p_state = 'more';
            END IF;
        END IF;
    END IF;
END$$
DELIMITER ;
