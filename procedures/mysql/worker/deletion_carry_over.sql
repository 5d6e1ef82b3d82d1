-- deletion_carry_over
-- Give a run's jobs the state that their ended attempts ask for.
--
-- Parameters  p_run_id   the run
-- Writes      deletion_jobs, deletion_attempts, deletion_runs, deletion_walk_keys,
--             deletion_soft_keys                   Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_carry_over;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_carry_over(
    IN p_run_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Give a run''s jobs the state that their ended attempts ask for'
BEGIN
    DECLARE v_ended, v_verdict JSON;  -- noqa: PRS
    DECLARE v_max_attempts INT DEFAULT deletion_setting_int('max_attempts');
    DECLARE v_backoff BIGINT DEFAULT deletion_setting_int('backoff_seconds');
    DECLARE v_backoff_max BIGINT DEFAULT deletion_setting_int('backoff_max_seconds');

    -- A row that a caller holds stays as it is; recovery takes it up when it is free.
    SELECT json_arrayagg(json_object('j', j.id, 'n', a.attempt_no))
    INTO v_ended
    FROM deletion_attempts AS a FORCE INDEX (idx_da_run)
    STRAIGHT_JOIN deletion_jobs AS j FORCE INDEX (PRIMARY)
        ON j.id = a.job_id AND j.status = 'running'
    WHERE a.run_id = p_run_id AND a.outcome IS NOT NULL
    FOR UPDATE OF j SKIP LOCKED;  -- noqa: PRS

    -- Read first, then written: an UPDATE would lock what it reads beside its own rows.
    SELECT json_arrayagg(json_object(
        'j', v.j, 'n', v.n, 'outcome', v.outcome, 'error', v.error, 'status', CASE
            -- A harder mode was asked for meanwhile: the job is due again.
            WHEN v.outcome = 'done' AND (v.is_harder OR v.purge_after IS NOT NULL) THEN 'pending'
            WHEN v.outcome IN ('done', 'failed', 'cancelled') THEN v.outcome
            WHEN v.is_counted AND v.counted >= v_max_attempts THEN 'failed'
            ELSE 'pending'
        END,
        'counted', v.counted, 'is_counted', v.is_counted, 'alone', v.alone_next,
        'purge_after', if(v.is_harder, NULL, v.purge_after)
    ))
    INTO v_verdict
    FROM (
        SELECT
            e.j, e.n, a.outcome, a.error, a.alone_next, a.is_counted,
            j.hard_delete AND NOT r.hard_delete AS is_harder,
            if(a.outcome = 'done' AND NOT r.hard_delete, (
                SELECT s.purge_after_seconds
                FROM deletion_targets AS t
                INNER JOIN deletion_soft_columns AS s
                    ON s.table_schema = t.table_schema AND s.table_name = t.table_name
                WHERE t.entity_table = r.entity_table
            ), NULL) AS purge_after,
            (
                SELECT count(*)
                FROM deletion_attempts AS c
                WHERE c.job_id = e.j AND NOT c.is_past AND c.is_counted
            ) AS counted
        FROM json_table(v_ended, '$[*]' COLUMNS (
            j BIGINT UNSIGNED PATH '$.j', n INT PATH '$.n'
        )) AS e
        STRAIGHT_JOIN deletion_attempts AS a FORCE INDEX (PRIMARY)
            ON a.job_id = e.j AND a.attempt_no = e.n
        STRAIGHT_JOIN deletion_runs AS r ON r.run_id = a.run_id
        STRAIGHT_JOIN deletion_jobs AS j FORCE INDEX (PRIMARY) ON j.id = e.j
        -- An older attempt has nothing to say of a job that is running again.
        WHERE NOT EXISTS (
            SELECT 1
            FROM deletion_attempts AS later
            WHERE later.job_id = e.j AND later.attempt_no > e.n
        )
    ) AS v;

    UPDATE json_table(v_verdict, '$[*]' COLUMNS (
        j BIGINT UNSIGNED PATH '$.j',
        outcome VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.outcome',
        error TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.error',
        status VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.status',
        counted INT PATH '$.counted',
        is_counted BOOLEAN PATH '$.is_counted',
        alone BOOLEAN PATH '$.alone',
        purge_after BIGINT PATH '$.purge_after'
    )) AS v
    STRAIGHT_JOIN deletion_jobs AS j FORCE INDEX (PRIMARY) ON j.id = v.j
    SET
        j.finished_at = if(v.status = 'pending', NULL, utc_timestamp(6)),
        j.error = if(
            v.status = 'failed' AND v.outcome <> 'failed',
            concat(v.error, ' (gave up after ', v.counted, ' attempts)'),
            v.error
        ),
        j.scheduled_at = CASE
            WHEN v.status <> 'pending' THEN j.scheduled_at
            -- Its grace is over then: the same job comes back, and removes the rows.
            WHEN v.outcome = 'done' AND v.purge_after IS NOT NULL
                THEN timestampadd(SECOND, v.purge_after, utc_timestamp(6))
            WHEN v.outcome = 'done' THEN NULL
            -- Whoever died is taken up at once; max_attempts bounds how often.
            WHEN v.outcome = 'retry' THEN timestampadd(
                SECOND, least(v_backoff_max, v_backoff * pow(2, least(v.counted - 1, 20))),
                utc_timestamp(6)
            )
            -- A heavy job goes to the back of the queue.
            WHEN v.outcome = 'sliced' AND v.alone THEN utc_timestamp(6)
            ELSE j.scheduled_at
        END,
        j.hard_delete = j.hard_delete OR (v.outcome = 'done' AND v.status = 'pending'),
        j.status = v.status;

    UPDATE deletion_runs AS r
    SET r.jobs_open = r.jobs_open - coalesce(json_length(v_verdict), 0)
    WHERE r.run_id = p_run_id;

    -- What was counted once is needed no more when the job has ended.
    DELETE w
    FROM json_table(v_verdict, '$[*]' COLUMNS (
        j BIGINT UNSIGNED PATH '$.j',
        status VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.status'
    )) AS e
    STRAIGHT_JOIN deletion_walk_keys AS w FORCE INDEX (PRIMARY)
        ON w.walk_id = 0 AND w.job_id = e.j AND e.status <> 'pending';

    IF EXISTS (SELECT 1 FROM deletion_runs AS r WHERE r.run_id = p_run_id AND NOT r.hard_delete) THEN
        -- Nobody asked for the removal: it will ask whether the row is live again.
        UPDATE json_table(v_verdict, '$[*]' COLUMNS (
            j BIGINT UNSIGNED PATH '$.j', n INT PATH '$.n',
            outcome VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.outcome',
            purge_after BIGINT PATH '$.purge_after'
        )) AS e
        STRAIGHT_JOIN deletion_attempts AS a FORCE INDEX (PRIMARY)
            ON
                a.job_id = e.j
                AND a.attempt_no = e.n
                AND e.outcome = 'done'
                AND e.purge_after IS NOT NULL
        SET a.purge_follows = TRUE;

        DELETE k
        FROM json_table(v_verdict, '$[*]' COLUMNS (
            j BIGINT UNSIGNED PATH '$.j',
            status VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.status'
        )) AS e
        STRAIGHT_JOIN deletion_soft_keys AS k FORCE INDEX (PRIMARY)
            ON k.job_id = e.j AND e.status <> 'pending';
    END IF;
END$$
DELIMITER ;
