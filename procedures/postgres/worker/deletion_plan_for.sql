-- deletion_plan_for
-- Find the plan by which jobs are worked, compiling it where it is missing or stale.
--
-- Parameters  p_entity_table   the target, as the jobs name it      p_hard   the mode
-- Returns     one row: plan_id, and the error for the jobs where none can run ("JD004: ..")
-- Writes      deletion_plans, deletion_plan_steps  Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_plan_for(
    p_entity_table text,
    p_hard boolean
) RETURNS TABLE (plan_id bigint, error text)
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_plan_for$
DECLARE
    v_plan_id bigint;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM deletion_targets AS t WHERE t.entity_table = p_entity_table) THEN
        RETURN QUERY SELECT
            NULL::bigint, format('JD004: the table is no deletion target (%s)', p_entity_table);
        RETURN;
    END IF;

    IF NOT p_hard AND NOT deletion_has_soft_column(p_entity_table) THEN
        RETURN QUERY SELECT
            NULL::bigint, format('JD011: the target has no soft-delete column (%s)', p_entity_table);
        RETURN;
    END IF;

    v_plan_id := deletion_fresh_plan(p_entity_table, p_hard);

    IF v_plan_id IS NULL AND deletion_setting('recompile') = 'false' AND EXISTS (
        SELECT 1
        FROM deletion_plans AS p
        WHERE p.entity_table = p_entity_table AND p.hard_delete = p_hard
    ) THEN
        RETURN QUERY SELECT NULL::bigint, format(
            'JD009: the catalog has changed since the plan was compiled (%s)', p_entity_table
        );
        RETURN;
    END IF;

    BEGIN
        v_plan_id := coalesce(v_plan_id, deletion_compile(p_entity_table, p_hard));
    EXCEPTION
        WHEN lock_not_available OR deadlock_detected OR serialization_failure THEN
            RAISE;
        WHEN OTHERS THEN
            -- One target that cannot be compiled must not hold up the jobs of all others.
            RETURN QUERY SELECT NULL::bigint, format('%s: %s', sqlstate, sqlerrm);
            RETURN;
    END;

    RETURN QUERY
    SELECT p.plan_id, p.error_code || ': ' || p.error
    FROM deletion_plans AS p
    WHERE p.plan_id = v_plan_id;
END;
$deletion_plan_for$;

COMMENT ON FUNCTION deletion_plan_for(text, boolean) IS
'The plan by which jobs are worked, compiled where it is missing or stale.';
REVOKE ALL ON FUNCTION deletion_plan_for(text, boolean) FROM PUBLIC;
