-- deletion_carry_over
-- Give a run's jobs the state that their ended attempts ask for.
--
-- Parameters  p_run_id   the run
-- Returns     integer, the number of jobs that are running no more
-- Writes      deletion_jobs, deletion_attempts, deletion_walk_keys, deletion_soft_keys
-- Commits     no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_carry_over(p_run_id bigint)
RETURNS integer
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_carry_over$
DECLARE
    v_carried integer;
BEGIN
    -- Kept as a prepared plan: a function in SQL is planned anew in every transaction.
    WITH ended AS MATERIALIZED (
        SELECT
            j.id,
            a.attempt_no,
            a.outcome,
            a.error,
            a.alone_next,
            a.is_counted,
            j.hard_delete AND NOT r.hard_delete AS is_harder,
            NOT r.hard_delete AS is_soft,
            CASE WHEN a.outcome = 'done' AND NOT r.hard_delete THEN (
                SELECT s.purge_after_seconds
                FROM deletion_targets AS t
                INNER JOIN deletion_soft_columns AS s
                    ON s.table_schema = t.table_schema AND s.table_name = t.table_name
                WHERE t.entity_table = r.entity_table
            ) END AS purge_after_seconds,
            -- Asked only of those that may have to give up.
            CASE WHEN a.outcome NOT IN ('done', 'failed', 'cancelled') THEN (
                SELECT count(*)
                FROM deletion_attempts AS c
                WHERE c.job_id = j.id AND NOT c.is_past AND c.is_counted
            ) END AS counted
        FROM deletion_attempts AS a
        INNER JOIN deletion_jobs AS j ON j.id = a.job_id
        INNER JOIN deletion_runs AS r ON r.run_id = a.run_id
        WHERE
            a.run_id = p_run_id AND a.outcome IS NOT NULL
            -- Not by the index of statuses: the planner takes running jobs for few, and their index
            -- entries, dead ones among them, would be read once for each attempt.
            AND coalesce(j.status, '') = 'running'
            -- An older attempt has nothing to say of a job that is running again.
            AND NOT EXISTS (
                SELECT 1
                FROM deletion_attempts AS later
                WHERE later.job_id = a.job_id AND later.attempt_no > a.attempt_no
            )
        -- A row that a caller holds stays as it is; recovery takes it up when it is free.
        FOR UPDATE OF j SKIP LOCKED
    ),

    verdict AS (
        SELECT
            e.*,
            CASE
                WHEN e.outcome = 'done' AND (e.is_harder OR e.purge_after_seconds IS NOT NULL)
                    THEN 'pending'
                WHEN e.outcome IN ('done', 'failed', 'cancelled') THEN e.outcome
                WHEN e.is_counted AND e.counted >= deletion_setting_int('max_attempts') THEN 'failed'
                ELSE 'pending'
            END AS new_status
        FROM ended AS e
    ),

    forgotten AS (
        -- What was counted once is needed no more when the job has ended.
        DELETE FROM deletion_walk_keys AS w
        -- OFFSET 0: job by job, however few rows of others the statistics know of.
        WHERE w.ctid = ANY (ARRAY(
            SELECT k.row_id
            FROM verdict AS v
            CROSS JOIN LATERAL (
                SELECT c.ctid AS row_id
                FROM deletion_walk_keys AS c
                WHERE c.walk_id = 0 AND c.job_id = v.id
                OFFSET 0
            ) AS k
            WHERE v.new_status <> 'pending'
        ))
    ),

    followed AS (
        -- Nobody asked for the removal: it will ask whether the row is live again.
        UPDATE deletion_attempts AS a
        SET purge_follows = TRUE
        FROM verdict AS v
        WHERE
            v.purge_after_seconds IS NOT NULL AND NOT v.is_harder AND v.outcome = 'done'
            AND a.job_id = v.id AND a.attempt_no = v.attempt_no
    ),

    dropped AS (
        DELETE FROM deletion_soft_keys AS k
        USING verdict AS v
        WHERE v.is_soft AND k.job_id = v.id AND v.new_status <> 'pending'
    )

    UPDATE deletion_jobs AS j
    SET
        status = v.new_status,
        hard_delete = j.hard_delete OR coalesce(v.new_status = 'pending' AND v.outcome = 'done', FALSE),
        finished_at = CASE WHEN v.new_status <> 'pending' THEN clock_timestamp() END,
        error = CASE
            WHEN v.new_status = 'failed' AND v.outcome <> 'failed'
                THEN format('%s (gave up after %s attempts)', v.error, v.counted)
            ELSE v.error
        END,
        scheduled_at = CASE
            WHEN v.new_status <> 'pending' THEN j.scheduled_at
            -- Its grace is over then: the same job comes back, and removes the rows.
            WHEN v.outcome = 'done' AND NOT v.is_harder
                THEN clock_timestamp() + make_interval(secs => v.purge_after_seconds)
            WHEN v.outcome = 'done' THEN NULL
            -- Whoever died is taken up at once; max_attempts bounds how often.
            WHEN v.outcome = 'retry' THEN clock_timestamp() + make_interval(secs => least(
                deletion_setting_int('backoff_max_seconds'),
                deletion_setting_int('backoff_seconds') * 2 ^ least(v.counted - 1, 20)
            ))
            -- A heavy job goes to the back of the queue.
            WHEN v.outcome = 'sliced' AND v.alone_next THEN clock_timestamp()
            ELSE j.scheduled_at
        END
    FROM verdict AS v
    WHERE j.id = v.id;

    GET DIAGNOSTICS v_carried = ROW_COUNT;
    RETURN v_carried;
END;
$deletion_carry_over$;

COMMENT ON FUNCTION deletion_carry_over(bigint) IS
'Give a run''s jobs the state that their ended attempts ask for.';
REVOKE ALL ON FUNCTION deletion_carry_over(bigint) FROM PUBLIC;
