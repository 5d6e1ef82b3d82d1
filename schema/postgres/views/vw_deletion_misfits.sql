-- vw_deletion_misfits
-- Rules and declarations that fit the catalog no more: why, and the SQL that takes each away.
--
-- Read by     deletion_jobs_operator, deletion_jobs_reader
--
-- Without them rows would go, or stay, by what the catalog says alone: so they stop jobs.

CREATE OR REPLACE VIEW vw_deletion_misfits AS
WITH home AS (
    SELECT n.nspname AS schema_name
    FROM pg_class AS c
    INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.oid = 'deletion_jobs'::regclass
),

-- Looked up by name, where the whole catalog would be read otherwise.
present AS NOT MATERIALIZED (
    SELECT c.oid AS table_oid, n.nspname AS schema_name, c.relname AS table_name, c.relispartition
    FROM pg_class AS c
    INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p')
),

misfit AS (
    SELECT
        'rule without reference' AS kind, r.reference_name AS name, r.child_schema, r.child_table,
        r.parent_schema, r.parent_table, c.table_oid IS NULL AS is_everywhere,
        r.created_at AS since, NULL::text AS lost_schema, NULL::text AS lost_table,
        FALSE AS is_partition
    FROM deletion_rules AS r
    LEFT JOIN present AS c
        ON c.schema_name = r.child_schema AND c.table_name = r.child_table
    WHERE
        CASE
            -- What is kept stays without a rule as well: no declared reference leads to it now.
            WHEN c.table_oid IS NULL THEN r.action <> 'keep'
            ELSE NOT EXISTS (
                SELECT 1
                FROM pg_constraint AS k
                INNER JOIN pg_class AS p ON p.oid = k.confrelid
                INNER JOIN pg_namespace AS n ON n.oid = p.relnamespace
                WHERE
                    k.conrelid = c.table_oid AND k.contype = 'f' AND k.conparentid = 0
                    AND k.conname = r.reference_name
                    AND coalesce(to_jsonb(k) ->> 'conenforced', 'true') = 'true'
                    AND (
                        r.parent_table IS NULL
                        OR (n.nspname = r.parent_schema AND p.relname = r.parent_table)
                    )
            ) AND NOT EXISTS (
                SELECT 1
                FROM deletion_references AS d
                WHERE
                    d.reference_name = r.reference_name AND d.child_schema = r.child_schema
                    AND d.child_table = r.child_table
                    AND (
                        r.parent_table IS NULL
                        OR (d.parent_schema = r.parent_schema AND d.parent_table = r.parent_table)
                    )
            )
        END
    UNION ALL
    SELECT
        'reference without table', d.reference_name, d.child_schema, d.child_table,
        d.parent_schema, d.parent_table, TRUE, d.created_at,
        CASE WHEN coalesce(c.relispartition, TRUE) THEN d.child_schema ELSE d.parent_schema END,
        CASE WHEN coalesce(c.relispartition, TRUE) THEN d.child_table ELSE d.parent_table END,
        CASE
            WHEN coalesce(c.relispartition, TRUE) THEN c.relispartition IS NOT NULL
            ELSE p.relispartition IS NOT NULL
        END
    FROM deletion_references AS d
    LEFT JOIN present AS c
        ON c.schema_name = d.child_schema AND c.table_name = d.child_table
    LEFT JOIN present AS p
        ON p.schema_name = d.parent_schema AND p.table_name = d.parent_table
    LEFT JOIN deletion_rules AS r
        ON
            r.child_schema = d.child_schema AND r.child_table = d.child_table
            AND r.reference_name = d.reference_name
    WHERE
        (coalesce(c.relispartition, TRUE) OR coalesce(p.relispartition, TRUE))
        AND coalesce(r.action, d.action) <> 'keep'
    UNION ALL
    SELECT
        'soft column without table', s.column_name, s.table_schema, s.table_name,
        NULL, NULL, TRUE, s.created_at,
        s.table_schema, s.table_name, c.relispartition IS NOT NULL  -- noqa: AL08
    FROM deletion_soft_columns AS s
    LEFT JOIN present AS c
        ON c.schema_name = s.table_schema AND c.table_name = s.table_name
    WHERE coalesce(c.relispartition, TRUE)
),

spelled AS (
    SELECT
        m.*,
        format('%I', h.schema_name) AS home_sql,
        CASE WHEN m.child_schema = h.schema_name THEN '' ELSE quote_ident(m.child_schema) || '.' END
        || quote_ident(m.child_table) AS table_name,
        CASE WHEN m.lost_schema = h.schema_name THEN '' ELSE quote_ident(m.lost_schema) || '.' END
        || quote_ident(m.lost_table) AS lost_name
    FROM misfit AS m
    CROSS JOIN home AS h
)

SELECT
    s.kind,
    CASE
        WHEN s.kind = 'reference without table' THEN s.name::text
        ELSE format('%s of %s', s.name, s.table_name)
    END AS subject,
    s.child_schema,
    s.child_table,
    s.parent_schema,
    s.parent_table,
    s.is_everywhere,
    s.since,
    CASE s.kind
        WHEN 'rule without reference' THEN format(
            'the rule for %s of %s fits no %s', s.name, s.table_name,
            CASE WHEN s.is_everywhere THEN 'table' ELSE 'reference' END
        )
        WHEN 'reference without table'
            THEN format('the declared reference %s fits no table', s.name)
        ELSE format('the soft-delete column %s of %s fits no table', s.name, s.table_name)
    END || coalesce(
        CASE
            WHEN s.is_partition THEN ' (' || s.lost_name || ' is a partition)'
            ELSE ' (no ' || s.lost_name || ')'
        END,
        ''
    ) AS why,
    -- A reference that is declared again takes the place of the one of its name.
    CASE
        WHEN s.kind = 'reference without table' THEN 'declare it anew, or'
        ELSE 'set it anew, then'
    END AS advice,
    CASE s.kind
        WHEN 'rule without reference' THEN format(
            'CALL %s.set_deletion_rule(%L, %L, NULL);', s.home_sql, s.table_name, s.name
        )
        WHEN 'reference without table' THEN format(
            'CALL %s.declare_deletion_reference(%L);', s.home_sql, s.name
        )
        ELSE format('CALL %s.set_soft_deletion(%L, NULL);', s.home_sql, s.table_name)
    END AS mend_sql
FROM spelled AS s;

COMMENT ON VIEW vw_deletion_misfits IS
'One line for each rule or declaration that fits the catalog no more.';
GRANT SELECT ON vw_deletion_misfits TO deletion_jobs_operator, deletion_jobs_reader;
