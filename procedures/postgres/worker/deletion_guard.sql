-- deletion_guard
-- Hold a plan's tables against DDL until the step commits, and say whether the plan still fits.
--
-- Parameters  p_plan_id   the plan
-- Returns     boolean, FALSE where the catalog has changed since the plan was compiled
-- Writes      nothing; locks the closure's tables ROW EXCLUSIVE     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_guard(p_plan_id bigint)
RETURNS boolean
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_guard$
DECLARE
    v_plan deletion_plans;
    v_sql text;
BEGIN
    SELECT p.* INTO STRICT v_plan FROM deletion_plans AS p WHERE p.plan_id = p_plan_id;
    SELECT s.sql_text INTO STRICT v_sql
    FROM deletion_plan_steps AS s
    WHERE s.plan_id = p_plan_id AND s.kind = 'guard';

    BEGIN
        -- A new foreign key needs a lock that this one excludes: what is compared next holds.
        EXECUTE v_sql;
    EXCEPTION
        WHEN undefined_table OR invalid_schema_name THEN
            RETURN FALSE;
    END;

    RETURN v_plan.fingerprint = deletion_fingerprint(
        v_plan.entity_table, ARRAY(SELECT jsonb_array_elements_text(v_plan.tables)::oid)
    );
END;
$deletion_guard$;

COMMENT ON FUNCTION deletion_guard(bigint) IS
'Hold a plan''s tables against DDL until the step commits, and say whether the plan still fits.';
REVOKE ALL ON FUNCTION deletion_guard(bigint) FROM PUBLIC;
