-- deletion_linked_nodes
-- Say in which tables of a plan the check searches for circles of rows.
--
-- Parameters  p_plan_id   the plan
-- Returns     integer[], nodes of the plan; empty: in none
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_linked_nodes(p_plan_id bigint)
RETURNS integer[]
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_linked_nodes$
SELECT ARRAY(
    SELECT DISTINCT s.node_no
    FROM deletion_plan_steps AS s
    WHERE s.plan_id = p_plan_id AND s.kind = 'link'
);
$deletion_linked_nodes$;

COMMENT ON FUNCTION deletion_linked_nodes(bigint) IS
'In which tables of a plan the check searches for circles of rows.';
REVOKE ALL ON FUNCTION deletion_linked_nodes(bigint) FROM PUBLIC;
