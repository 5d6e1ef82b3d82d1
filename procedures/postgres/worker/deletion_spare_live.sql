-- deletion_spare_live
-- Cancel the removals that nobody asked for, where the row is not marked as deleted any more.
--
-- Parameters  p_run   the run, its roots found
-- Writes      deletion_attempts, deletion_jobs, deletion_runs, deletion_frames     Commits  no
-- Execute     the owner only
--
-- A target may let its soft jobs remove what they marked after a grace. Whoever takes the mark back
-- in between, by the application's own means, wants the row to stay. The roots are locked, so that
-- they are still marked when this step removes the first rows.

CREATE OR REPLACE FUNCTION deletion_spare_live(p_run deletion_runs)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_spare_live$
DECLARE
    v_jobs bigint[];
    v_spared bigint[];
    v_free bigint[];
    v_sql text;
    v_keys jsonb;
    v_is_told boolean;
BEGIN
    -- Targets that never marked a row are most.
    IF p_run.hard_delete AND EXISTS (
        SELECT 1
        FROM deletion_plans AS p
        WHERE p.entity_table = p_run.entity_table AND NOT p.hard_delete
    ) THEN
        SELECT array_agg(DISTINCT o.job_id)
        INTO v_jobs
        FROM deletion_attempts AS o
        INNER JOIN deletion_attempts AS a ON a.job_id = o.job_id
        WHERE o.run_id = p_run.run_id AND o.outcome IS NULL AND a.purge_follows;
    END IF;

    IF v_jobs IS NULL THEN
        RETURN;
    END IF;

    SELECT s.sql_text INTO v_sql
    FROM deletion_plan_steps AS s
    WHERE s.plan_id = p_run.plan_id AND s.edge_no = 0 AND s.kind = 'live';

    v_is_told := FOUND;

    IF v_is_told THEN
        SELECT f.keys INTO v_keys
        FROM deletion_frames AS f
        WHERE f.run_id = p_run.run_id AND f.depth = 0;
        EXECUTE v_sql INTO v_spared USING v_keys;
        v_spared := ARRAY(SELECT unnest(v_spared) INTERSECT SELECT unnest(v_jobs));
    ELSE
        v_spared := v_jobs;
    END IF;

    IF v_spared = '{}' THEN
        RETURN;
    END IF;

    -- Whoever holds a job now may be asking for its removal: it comes again when that is known.
    v_free := ARRAY(
        SELECT j.id FROM deletion_jobs AS j WHERE j.id = ANY (v_spared) FOR UPDATE SKIP LOCKED
    );
    v_jobs := ARRAY(SELECT unnest(v_spared) EXCEPT SELECT unnest(v_free));

    IF v_jobs <> '{}' THEN
        PERFORM deletion_settle(p_run.run_id, v_jobs, 'returned', NULL, FALSE, NULL);
        PERFORM deletion_drop_jobs(p_run.run_id, v_jobs);
    END IF;

    v_jobs := ARRAY(
        SELECT DISTINCT a.job_id
        FROM deletion_attempts AS a
        WHERE a.job_id = ANY (v_free) AND a.purge_follows
    );

    IF v_jobs <> '{}' THEN
        PERFORM deletion_settle(
            p_run.run_id, v_jobs, CASE WHEN v_is_told THEN 'cancelled' ELSE 'failed' END,
            CASE
                WHEN v_is_told THEN 'JD003: the row is live again, and stays'
                ELSE 'JD011: no marking column tells any more whether the row is live again'
            END || '; enqueue_deletion with p_hard_delete TRUE removes it',
            FALSE, NULL
        );
        PERFORM deletion_drop_jobs(p_run.run_id, v_jobs);
    END IF;
END;
$deletion_spare_live$;

COMMENT ON FUNCTION deletion_spare_live(deletion_runs) IS
'Cancel the removals that nobody asked for, where the row is not marked any more.';
REVOKE ALL ON FUNCTION deletion_spare_live(deletion_runs) FROM PUBLIC;
