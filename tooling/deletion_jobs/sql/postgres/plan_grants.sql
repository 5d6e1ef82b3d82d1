-- What the owner needs on the tables of a target's plans, hard and soft; `is_missing` says what it
-- lacks now.
WITH needed AS (
    SELECT
        p.table_name,
        to_regclass(p.table_name)::oid AS table_oid,
        u.privilege
    FROM vw_deletion_plan AS p
    CROSS JOIN LATERAL unnest(
        CASE
            WHEN p.kind IN ('remove', 'drain') THEN ARRAY['SELECT', 'DELETE']
            WHEN p.kind IN ('set', 'lock', 'break', 'break_own', 'mark')
                THEN ARRAY['SELECT', 'UPDATE']
            ELSE ARRAY['SELECT']
        END
    ) AS u (privilege)
    WHERE p.entity_table = %(entity_table)s
)

SELECT
    n.table_name,
    array_agg(DISTINCT n.privilege) AS privileges,
    bool_or(
        NOT CASE n.privilege
            WHEN 'UPDATE'
                THEN has_any_column_privilege('deletion_jobs_owner', n.table_oid, 'UPDATE')
            ELSE has_table_privilege('deletion_jobs_owner', n.table_oid, n.privilege)
        END
    ) AS is_missing,
    format(
        'GRANT %%s ON %%s TO deletion_jobs_owner;',
        string_agg(DISTINCT n.privilege, ', ' ORDER BY n.privilege), n.table_name
    ) AS grant_text
FROM needed AS n
WHERE n.table_oid IS NOT NULL
GROUP BY n.table_name
ORDER BY n.table_name
