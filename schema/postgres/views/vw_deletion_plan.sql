-- vw_deletion_plan
-- The current plans, step by step, with the SQL that runs; a plan that cannot run says why.
--
-- Read by     deletion_jobs_operator, deletion_jobs_reader

CREATE OR REPLACE VIEW vw_deletion_plan AS
SELECT
    p.plan_id,
    p.entity_table,
    p.hard_delete,
    p.error_code,
    p.error,
    p.can_block,
    p.has_waits,
    p.compiled_at,
    s.step_no,
    s.kind,
    s.node_no,
    s.parent_node_no,
    s.edge_no,
    s.table_name,
    s.reference_name,
    s.action,
    s.is_leaf,
    s.waits,
    s.in_check,
    s.index_name,
    s.sql_text,
    s.set_order
FROM deletion_plans AS p
LEFT JOIN deletion_plan_steps AS s ON s.plan_id = p.plan_id
WHERE p.superseded_at IS NULL
ORDER BY p.entity_table, p.hard_delete, s.step_no;

COMMENT ON VIEW vw_deletion_plan IS 'One row for each step of a current plan.';
GRANT SELECT ON vw_deletion_plan TO deletion_jobs_operator, deletion_jobs_reader;
