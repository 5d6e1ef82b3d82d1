-- deletion_keep_fan_out
-- Keep with a plan what a run has seen of the fan-out: the next run begins with it.
--
-- Parameters  p_run_id, p_plan_id   the run, and its plan
-- Writes      deletion_plans                       Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_keep_fan_out(
    p_run_id bigint,
    p_plan_id bigint
) RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_keep_fan_out$
BEGIN
    UPDATE deletion_plans AS p
    SET fan_out = coalesce(r.state -> 'fan', '{}') || jsonb_build_object(
        -- Not below 0, where most roots were gone already.
        '0', round(greatest(0, r.rows_changed::numeric / r.job_count - 1), 1)
    )
    FROM deletion_runs AS r
    WHERE
        r.run_id = p_run_id AND r.rows_changed > 0
        -- Another worker may be writing what it has seen: that does as well.
        AND p.plan_id = (
            SELECT q.plan_id
            FROM deletion_plans AS q
            WHERE q.plan_id = p_plan_id
            FOR UPDATE SKIP LOCKED
        );
END;
$deletion_keep_fan_out$;

COMMENT ON FUNCTION deletion_keep_fan_out(bigint, bigint) IS
'Keep with a plan what a run has seen of the fan-out: the next run begins with it.';
REVOKE ALL ON FUNCTION deletion_keep_fan_out(bigint, bigint) FROM PUBLIC;
