-- deletion_soft_plan
-- Compile the plan of a target's soft mode, or raise why there is none that can run.
--
-- Parameters  p_verb    the verb that was called   p_table   the target, as the caller names it
-- Returns     the plan's row
-- Errors      JD002 NULL; JD004 the table is no target; JD005 a table that cannot take part;
--             JD011 no soft-delete column, or one that does not fit any more
-- Writes      deletion_plans, deletion_plan_steps  Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_soft_plan(
    p_verb text,
    p_table text
) RETURNS deletion_plans
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_soft_plan$
DECLARE
    v_plan_id bigint := deletion_compile(deletion_check_wish(p_verb, p_table, FALSE), FALSE);
    v_plan deletion_plans;
BEGIN
    SELECT p.* INTO STRICT v_plan FROM deletion_plans AS p WHERE p.plan_id = v_plan_id;

    IF v_plan.error_code IS NOT NULL THEN
        PERFORM deletion_raise(v_plan.error_code, p_verb, v_plan.error, NULL);
    END IF;

    RETURN v_plan;
END;
$deletion_soft_plan$;

COMMENT ON FUNCTION deletion_soft_plan(text, text) IS
'Compile the plan of a target''s soft mode, or raise why there is none that can run.';
REVOKE ALL ON FUNCTION deletion_soft_plan(text, text) FROM PUBLIC;
