SELECT p.*
FROM vw_deletion_plan AS p
WHERE p.entity_table = %(entity_table)s AND p.hard_delete
ORDER BY p.step_no
