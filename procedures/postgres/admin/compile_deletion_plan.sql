-- compile_deletion_plan
-- Compile the plan of a target now, to read it in vw_deletion_plan before anything is deleted.
--
-- Parameters  p_table   the target; where it has a soft-delete column, both its plans
-- Errors      JD002 NULL; JD004 the table is no target; JD005 a table that cannot take part;
--             JD007 tables that refer to each other in a circle; JD011 a soft-delete column that
--             does not fit any more
-- Writes      deletion_plans, deletion_plan_steps  Commits  no
-- Execute     the owner; DBAs grant it
-- Example     CALL compile_deletion_plan('users');

CREATE OR REPLACE PROCEDURE compile_deletion_plan(p_table text)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $compile_deletion_plan$
BEGIN
    IF deletion_has_soft_column(deletion_target_name(p_table)) THEN
        PERFORM deletion_soft_plan('compile_deletion_plan', p_table);
    END IF;

    PERFORM deletion_usable_plan('compile_deletion_plan', p_table);
END;
$compile_deletion_plan$;

COMMENT ON PROCEDURE compile_deletion_plan(text) IS
'Compile the plan of a target now, to read it before anything is deleted.';
REVOKE ALL ON PROCEDURE compile_deletion_plan(text) FROM PUBLIC;
