-- compile_deletion_plan
-- Compile the plan of a target now, to read it in vw_deletion_plan before anything is deleted.
--
-- Parameters  p_table   the target
-- Errors      JD002 NULL; JD004 the table is no target; JD005 a table that cannot take part;
--             JD007 tables that refer to each other in a circle
-- Writes      deletion_plans, deletion_plan_steps  Commits  no
-- Execute     deletion_jobs_operator
-- Example     CALL compile_deletion_plan('users');

CREATE OR REPLACE PROCEDURE compile_deletion_plan(p_table text)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $compile_deletion_plan$
DECLARE
    v_entity_table text;
    v_plan_id bigint;
    v_plan deletion_plans;
BEGIN
    IF p_table IS NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'JD002', MESSAGE = 'compile_deletion_plan: p_table is missing (NULL)';
    END IF;

    v_entity_table := deletion_entity_name(deletion_find_table(p_table));

    IF NOT EXISTS (SELECT 1 FROM deletion_targets AS t WHERE t.entity_table = v_entity_table) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'JD004',
            MESSAGE = left(
                format('compile_deletion_plan: table is no target (%s)', v_entity_table), 128
            ),
            HINT = 'Register it with register_deletion_target.';
    END IF;

    v_plan_id := deletion_compile(v_entity_table, TRUE);
    SELECT p.* INTO STRICT v_plan FROM deletion_plans AS p WHERE p.plan_id = v_plan_id;

    IF v_plan.error_code IS NOT NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = v_plan.error_code,
            MESSAGE = left(format('compile_deletion_plan: %s', v_plan.error), 128),
            DETAIL = v_plan.error;
    END IF;
END;
$compile_deletion_plan$;

COMMENT ON PROCEDURE compile_deletion_plan(text) IS
'Compile the plan of a target now, to read it before anything is deleted.';
REVOKE ALL ON PROCEDURE compile_deletion_plan(text) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE compile_deletion_plan(text) TO deletion_jobs_operator;
