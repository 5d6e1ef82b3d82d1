-- What the current plan of the root reaches.
SELECT
    max(p.plan_id) AS plan_id,
    count(*) AS steps,
    count(DISTINCT p.table_name) AS tables_reached,
    count(DISTINCT p.reference_name) AS references_known,
    max(p.error) AS error
FROM vw_deletion_plan AS p
WHERE p.entity_table = 'bench_plan_001'
