-- deletion_fresh_plan
-- Find a target's current plan, if the catalog still is as it was compiled from.
--
-- Parameters  p_entity_table   the target          p_hard   the mode
-- Returns     bigint, the plan; NULL: there is none, or it is stale
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_fresh_plan(
    p_entity_table text,
    p_hard boolean
) RETURNS bigint
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_fresh_plan$
BEGIN
    -- Kept as a prepared plan: a function in SQL is planned anew in every transaction.
    RETURN (
        SELECT p.plan_id
        FROM deletion_plans AS p
        WHERE
            p.entity_table = p_entity_table AND p.hard_delete = p_hard AND p.superseded_at IS NULL
            AND p.fingerprint = deletion_fingerprint(
                p_entity_table, ARRAY(SELECT jsonb_array_elements_text(p.tables)::oid)
            )
    );
END;
$deletion_fresh_plan$;

COMMENT ON FUNCTION deletion_fresh_plan(text, boolean) IS
'A target''s current plan, if the catalog still is as it was compiled from.';
REVOKE ALL ON FUNCTION deletion_fresh_plan(text, boolean) FROM PUBLIC;
