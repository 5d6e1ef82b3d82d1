-- deletion_soft_advance
-- Mark on: as many rows as fit the run's batch, in the caller's transaction.
--
-- Parameters  p_run_id    the run, fenced
--             p_is_over   OUT TRUE where the jobs have marked all that they reach
-- Writes      the application's tables, deletion_marks, deletion_receipts, deletion_soft_keys,
--             deletion_runs                        Commits  no
-- Execute     the owner only
--
-- From the roots down: a row is looked at, and marked where it can be, while it is held where it
-- was found; only then is noted what hangs from it. So nothing is marked below a row that has moved
-- away.
--
-- Registers: @dj_run_id, @dj_plan_id, @dj_left (rows that this transaction may still change),
-- @dj_changed, @dj_mark (the time of the run), @dj_jobs (those that are still wanted), @dj_at (the
-- table) and @dj_soft (the rows below which it looks; NULL: none).

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02,LT02,LT05
DROP PROCEDURE IF EXISTS deletion_soft_advance;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_soft_advance(
    IN p_run_id BIGINT UNSIGNED,
    OUT p_is_over BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Mark on: as many rows as fit the batch of the run, in the transaction of the caller'
BEGIN
    DECLARE v_goes_on BOOLEAN DEFAULT TRUE;
    DECLARE v_until DATETIME(6) DEFAULT timestampadd(
        MICROSECOND, 1000 * deletion_setting_int('batch_ms'), utc_timestamp(6)
    );

    SELECT
        r.run_id, r.plan_id, r.batch_rows, r.rows_changed, r.started_at,
        json_extract(r.state, '$.soft'), json_unquote(json_extract(r.state, '$.at'))
    INTO @dj_run_id, @dj_plan_id, @dj_left, @dj_changed, @dj_mark, @dj_soft, @dj_at
    FROM deletion_runs AS r
    WHERE r.run_id = p_run_id;

    SET @dj_jobs = (
        SELECT coalesce(json_arrayagg(a.job_id), json_array())
        FROM deletion_attempts AS a
        WHERE a.run_id = p_run_id AND a.outcome IS NULL
    );
    SET p_is_over = FALSE;

    WHILE v_goes_on DO
        IF @dj_soft IS NOT NULL THEN
            CALL deletion_soft_spread();
        ELSEIF @dj_left > 0 THEN
            CALL deletion_soft_mark(p_is_over);
        ELSE
            SET v_goes_on = FALSE;
        END IF;

        SET v_goes_on = v_goes_on AND NOT p_is_over AND utc_timestamp(6) < v_until;
    END WHILE;

    -- All is marked: what was noted goes, as bounded as the rest.
    IF p_is_over THEN
        DELETE k
        FROM (
            SELECT d.job_id, d.node_no, d.key_hash
            FROM json_table(@dj_jobs, '$[*]' COLUMNS (j BIGINT UNSIGNED PATH '$')) AS t
            STRAIGHT_JOIN deletion_soft_keys AS d FORCE INDEX (PRIMARY) ON d.job_id = t.j
            LIMIT 20000
        ) AS q
        STRAIGHT_JOIN deletion_soft_keys AS k FORCE INDEX (PRIMARY)
            ON k.job_id = q.job_id AND k.node_no = q.node_no AND k.key_hash = q.key_hash;
        SET p_is_over = row_count() < 20000;
    END IF;

    UPDATE deletion_runs AS r
    SET
        r.rows_changed = @dj_changed,
        r.state = if(
            @dj_soft IS NULL, json_set(json_remove(r.state, '$.soft'), '$.at', @dj_at),
            json_set(r.state, '$.at', @dj_at, '$.soft', cast(@dj_soft AS JSON))
        ),
        -- Contention halves the batch at once; it comes back slowly.
        r.batch_rows = least(
            deletion_setting_int('batch_rows'), r.batch_rows + greatest(1, r.batch_rows DIV 8)
        ),
        r.retries = 0
    WHERE r.run_id = p_run_id;
END$$
DELIMITER ;
