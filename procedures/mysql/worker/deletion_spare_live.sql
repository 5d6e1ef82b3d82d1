-- deletion_spare_live
-- Cancel the removals that nobody asked for, where the row is not marked as deleted any more.
--
-- Parameters  p_run_id    the run, its roots found
--             p_plan_id   its plan
-- Writes      deletion_attempts, deletion_jobs, deletion_runs, deletion_frames     Commits  no
-- Execute     the owner only
--
-- A target may let its soft jobs remove what they marked after a grace. Whoever takes the mark back
-- in between, by the application's own means, wants the row to stay. The roots are locked, so that
-- they are still marked when this step removes the first rows.

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP02
DROP PROCEDURE IF EXISTS deletion_spare_live;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_spare_live(
    IN p_run_id BIGINT UNSIGNED,
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Cancel the removals that nobody asked for, where the row is not marked any more'
BEGIN
    DECLARE v_jobs, v_spared, v_free, v_held, v_keys JSON;
    DECLARE v_is_told BOOLEAN DEFAULT TRUE;

    -- Targets that never marked a row are most.
    IF EXISTS (
        SELECT 1
        FROM deletion_runs AS r
        INNER JOIN deletion_plans AS p
            ON p.entity_table = r.entity_table AND NOT p.hard_delete
        WHERE r.run_id = p_run_id AND r.hard_delete
    ) THEN
        SELECT json_arrayagg(q.job_id)
        INTO v_jobs
        FROM (
            SELECT DISTINCT o.job_id
            FROM deletion_attempts AS o FORCE INDEX (idx_da_run)
            STRAIGHT_JOIN deletion_attempts AS a FORCE INDEX (PRIMARY) ON a.job_id = o.job_id
            WHERE o.run_id = p_run_id AND o.outcome IS NULL AND a.purge_follows
        ) AS q;
    END IF;

    IF v_jobs IS NOT NULL THEN
        SET v_is_told = EXISTS (  -- noqa: CP03,LT06
            SELECT 1
            FROM deletion_plan_steps AS s
            WHERE s.plan_id = p_plan_id AND s.edge_no = 0 AND s.kind = 'live'
        );

        IF v_is_told THEN
            SELECT f.`keys`
            INTO v_keys
            FROM deletion_frames AS f
            WHERE f.run_id = p_run_id AND f.depth = 0;
            SET @dj_frame = v_keys;
            CALL deletion_execute(p_plan_id, 0, 'live');
            SET v_spared = (
                SELECT json_arrayagg(l.j)
                FROM json_table(@dj_answer, '$[*]' COLUMNS (j BIGINT UNSIGNED PATH '$')) AS l
                WHERE l.j IS NOT NULL AND json_contains(v_jobs, cast(l.j AS JSON))
            );
        ELSE
            SET v_spared = v_jobs;
        END IF;
    END IF;

    IF v_spared IS NOT NULL THEN
        -- Whoever holds a job now may be asking for its removal: it comes again when that is known.
        SELECT json_arrayagg(j.id)
        INTO v_free
        FROM json_table(v_spared, '$[*]' COLUMNS (j BIGINT UNSIGNED PATH '$')) AS l
        STRAIGHT_JOIN deletion_jobs AS j FORCE INDEX (PRIMARY) ON j.id = l.j
        FOR UPDATE OF j SKIP LOCKED;

        SELECT json_arrayagg(l.j)
        INTO v_held
        FROM json_table(v_spared, '$[*]' COLUMNS (j BIGINT UNSIGNED PATH '$')) AS l
        WHERE NOT coalesce(json_contains(v_free, cast(l.j AS JSON)), FALSE);

        SELECT json_arrayagg(l.j)
        INTO v_spared
        FROM json_table(v_free, '$[*]' COLUMNS (j BIGINT UNSIGNED PATH '$')) AS l
        WHERE EXISTS (
            SELECT 1 FROM deletion_attempts AS a WHERE a.job_id = l.j AND a.purge_follows
        );

        IF v_held IS NOT NULL THEN
            CALL deletion_settle(p_run_id, v_held, 'returned', NULL, FALSE, NULL);
            CALL deletion_drop_jobs(p_run_id, v_held);
        END IF;

        IF v_spared IS NOT NULL THEN
            CALL deletion_settle(
                p_run_id,
                v_spared,
                if(v_is_told, 'cancelled', 'failed'),
                concat(if(
                    v_is_told,
                    'JD003: the row is live again, and stays',
                    'JD011: no marking column tells any more whether the row is live again'
                ), '; enqueue_deletion with p_hard_delete TRUE removes it'),
                FALSE,
                NULL
            );
            CALL deletion_drop_jobs(p_run_id, v_spared);
        END IF;
    END IF;
END$$
DELIMITER ;
