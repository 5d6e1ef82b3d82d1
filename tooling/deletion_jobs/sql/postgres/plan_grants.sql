-- What the owner needs on the tables of a target's plans, hard and soft; `is_missing` says what it
-- lacks now.
WITH planned AS (
    SELECT DISTINCT p.table_name, to_regclass(p.table_name)::oid AS table_oid
    FROM vw_deletion_plan AS p
    WHERE p.entity_table = %(entity_table)s
),

-- By a key that is a partition's own its rows are found in the partition itself.
touched AS (
    SELECT n.table_name AS planned_name, n.table_name, n.table_oid FROM planned AS n
    UNION
    SELECT n.table_name, k.conrelid::regclass::text, k.conrelid
    FROM planned AS n
    CROSS JOIN LATERAL pg_partition_tree(n.table_oid) AS r
    INNER JOIN pg_constraint AS k
        ON k.conrelid = r.relid AND k.contype = 'f' AND k.conparentid = 0
    WHERE
        r.level > 0
        AND coalesce(pg_partition_root(k.confrelid)::oid, k.confrelid) IN (
            SELECT o.table_oid FROM planned AS o
        )
),

needed AS (
    SELECT
        t.table_name,
        t.table_oid,
        u.privilege
    FROM vw_deletion_plan AS p
    INNER JOIN touched AS t ON t.planned_name = p.table_name
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
UNION ALL
-- Our own schema's is given when it is installed.
SELECT
    quote_ident(s.nspname),
    ARRAY['USAGE'],
    NOT has_schema_privilege('deletion_jobs_owner', s.oid, 'USAGE'),
    format('GRANT USAGE ON SCHEMA %%I TO deletion_jobs_owner;', s.nspname)
FROM pg_namespace AS s
WHERE
    s.nspname <> current_schema()
    AND s.oid IN (
        SELECT c.relnamespace
        FROM needed AS n
        INNER JOIN pg_class AS c ON c.oid = n.table_oid
    )
ORDER BY 1
