-- The stack as a step has left it, the roots first.
SELECT f.depth, s.table_name, f.key_count
FROM deletion_frames AS f
INNER JOIN deletion_runs AS r ON r.run_id = f.run_id
INNER JOIN deletion_plan_steps AS s
    ON s.plan_id = r.plan_id AND s.edge_no = f.edge_no AND s.kind = 'lock'
ORDER BY f.depth
