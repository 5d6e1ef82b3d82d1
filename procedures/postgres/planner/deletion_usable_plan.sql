-- deletion_usable_plan
-- Compile the plan of a target that a caller names, or raise why there is none that can run.
--
-- Parameters  p_verb    the verb that was called   p_table   the target, as the caller names it
-- Returns     the plan's row
-- Errors      JD002 NULL; JD004 the table is no target; JD005 a table that cannot take part;
--             JD007 tables that refer to each other in a circle
-- Writes      deletion_plans, deletion_plan_steps  Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_usable_plan(
    p_verb text,
    p_table text
) RETURNS deletion_plans
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_usable_plan$
DECLARE
    v_entity_table text;
    v_plan_id bigint;
    v_plan deletion_plans;
BEGIN
    IF p_table IS NULL THEN
        PERFORM deletion_raise('JD002', p_verb, 'the table is NULL', NULL);
    END IF;

    v_entity_table := deletion_target_name(p_table);

    IF v_entity_table IS NULL THEN
        PERFORM deletion_raise(
            'JD004', p_verb, 'table is no target', p_table,
            'Register it with register_deletion_target.'
        );
    END IF;

    v_plan_id := deletion_compile(v_entity_table, TRUE);
    SELECT p.* INTO STRICT v_plan FROM deletion_plans AS p WHERE p.plan_id = v_plan_id;

    IF v_plan.error_code IS NOT NULL THEN
        PERFORM deletion_raise(v_plan.error_code, p_verb, v_plan.error, NULL);
    END IF;

    RETURN v_plan;
END;
$deletion_usable_plan$;

COMMENT ON FUNCTION deletion_usable_plan(text, text) IS
'Compile the plan of a target that a caller names, or raise why there is none that can run.';
REVOKE ALL ON FUNCTION deletion_usable_plan(text, text) FROM PUBLIC;
