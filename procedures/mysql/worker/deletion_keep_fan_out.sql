-- deletion_keep_fan_out
-- Keep with a plan what a run has seen of the fan-out: the next run begins with it.
--
-- Parameters  p_run_id, p_plan_id   the run, and its plan
-- Writes      deletion_plans                       Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_keep_fan_out;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_keep_fan_out(
    IN p_run_id BIGINT UNSIGNED,
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Keep with a plan what a run has seen of the fan-out: the next run begins with it'
BEGIN
    DECLARE v_fan_out JSON;
    DECLARE v_free BIGINT UNSIGNED;

    SELECT
        json_set(
            coalesce(json_extract(r.state, '$.fan'), json_object()),
            -- Not below 0, where most roots were gone already.
            '$."0"', round(greatest(0, r.rows_changed / r.job_count - 1), 1)
        )
    INTO v_fan_out
    FROM deletion_runs AS r
    WHERE r.run_id = p_run_id AND r.rows_changed > 0;

    -- Steps of other workers hold the plan's row: what they have seen does as well.
    SELECT p.plan_id
    INTO v_free
    FROM deletion_plans AS p
    WHERE p.plan_id = p_plan_id
    FOR UPDATE SKIP LOCKED;  -- noqa: PRS

    UPDATE deletion_plans AS p
    SET p.fan_out = v_fan_out
    WHERE p.plan_id = v_free AND v_fan_out IS NOT NULL;
END$$
DELIMITER ;
