-- What the owner needs on the tables of a target's plans, hard and soft; who may not read the
-- rights of others sees every grant, held or not.
WITH needed AS (
    SELECT
        p.table_name,
        max(p.kind IN ('remove', 'drain')) AS deletes,
        max(p.kind IN ('set', 'lock', 'break', 'own_break', 'part', 'mark')) AS updates
    FROM vw_deletion_plan AS p
    WHERE p.entity_table = %(entity_table)s
    GROUP BY p.table_name
)

SELECT
    n.table_name AS table_name,
    concat_ws(', ', if(n.deletes, 'DELETE', NULL), 'SELECT', if(n.updates, 'UPDATE', NULL))
        AS privileges,
    NULL AS is_missing,
    concat(
        'GRANT ',
        concat_ws(', ', if(n.deletes, 'DELETE', NULL), 'SELECT', if(n.updates, 'UPDATE', NULL)),
        ' ON `', replace(replace(n.table_name, '`', '``'), '.', '`.`'),
        '` TO ''deletion_jobs_owner''@''localhost'';'
    ) AS grant_text
FROM needed AS n
ORDER BY n.table_name
