-- deletion_guard
-- Hold a plan's tables against DDL until the step commits, and say whether the plan still fits.
--
-- Parameters  p_plan_id   the plan
--             p_whole     TRUE: compare all of the catalog; FALSE: the references alone
-- Returns     boolean, FALSE where the catalog has changed since the plan was compiled
-- Writes      nothing; locks the closure's tables ROW EXCLUSIVE     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_guard(
    p_plan_id bigint,
    p_whole boolean
) RETURNS boolean
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_guard$
DECLARE
    v_plan deletion_plans;
    v_sql text;
    v_tables oid[];
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

    v_tables := ARRAY(SELECT jsonb_array_elements_text(v_plan.tables)::oid);

    -- A reference that the plan does not know would leave rows to the engine: never unseen.
    RETURN CASE
        WHEN p_whole
            THEN v_plan.fingerprint = deletion_fingerprint(v_plan.entity_table, v_tables)
        ELSE left(v_plan.fingerprint, 32) = deletion_fingerprint_references(v_tables)
    END;
END;
$deletion_guard$;

COMMENT ON FUNCTION deletion_guard(bigint, boolean) IS
'Hold a plan''s tables against DDL until the step commits, and say whether the plan still fits.';
REVOKE ALL ON FUNCTION deletion_guard(bigint, boolean) FROM PUBLIC;
