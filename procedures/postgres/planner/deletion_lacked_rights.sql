-- deletion_lacked_rights
-- List the rights that the owner account lacks for a plan, and the policies that would filter it.
--
-- Parameters  p_plan_id   the plan
-- Returns     rows: the table by the name that plans show and as SQL, its schema as SQL, and what
--             is lacked: SELECT, UPDATE, DELETE; USAGE of the schema; BYPASSRLS for a policy
-- Writes      nothing                              Commits  no
-- Execute     deletion_jobs_operator, deletion_jobs_reader (for vw_deletion_problems)
-- Example     SELECT * FROM deletion_lacked_rights(1);

CREATE OR REPLACE FUNCTION deletion_lacked_rights(p_plan_id bigint)
RETURNS TABLE (
    table_name text,
    table_sql text,
    schema_sql text,
    privilege text
)
LANGUAGE sql
STABLE
-- Rights are those of the owner, whoever asks.
SECURITY DEFINER
SET search_path FROM CURRENT
-- A step allows neither, for the application's tables; here a plan's thousands of steps are joined.
SET enable_hashjoin = on
SET enable_seqscan = on
AS $deletion_lacked_rights$
-- By their numbers: to resolve a name takes USAGE of its schema, which may be what is lacked. A
-- table that the plan does not list by its name of now makes the plan stale.
WITH shown AS MATERIALIZED (
    SELECT t.oid::oid AS table_oid, deletion_entity_name(t.oid::oid) AS table_name
    FROM deletion_plans AS p
    CROSS JOIN LATERAL jsonb_array_elements_text(p.tables) AS t (oid)
    WHERE p.plan_id = p_plan_id
),

named AS (
    SELECT o.table_name, o.table_oid
    FROM shown AS o
    WHERE o.table_name IN (
        SELECT s.table_name FROM deletion_plan_steps AS s WHERE s.plan_id = p_plan_id
    )
),

-- By a key that is a partition's own its rows are found in the partition itself.
touched AS (
    SELECT n.table_name, n.table_oid, n.table_name AS shown_name FROM named AS n
    UNION
    SELECT n.table_name, k.conrelid, deletion_entity_name(k.conrelid)
    FROM named AS n
    CROSS JOIN LATERAL pg_partition_tree(n.table_oid) AS r
    INNER JOIN pg_constraint AS k
        ON k.conrelid = r.relid AND k.contype = 'f' AND k.conparentid = 0
    INNER JOIN deletion_plans AS p ON p.plan_id = p_plan_id
    WHERE
        r.level > 0
        AND p.tables ? coalesce(pg_partition_root(k.confrelid)::oid, k.confrelid)::text
),

used AS (
    SELECT DISTINCT
        t.shown_name AS table_name,
        t.table_oid,
        r.privilege,
        -- A lock is content with any column; what is set needs the right on those it sets.
        s.kind = 'lock' OR r.privilege <> r.main AS any_column,
        CASE
            WHEN r.privilege <> r.main THEN NULL
            WHEN s.kind = 'mark' THEN (
                SELECT ARRAY[c.column_name]
                FROM deletion_soft_columns AS c
                INNER JOIN pg_namespace AS n ON n.nspname = c.table_schema
                INNER JOIN pg_class AS r ON r.relnamespace = n.oid AND r.relname = c.table_name
                WHERE r.oid = t.table_oid
            )
            -- What is set of a foreign key are columns of its own; scrub sets others too.
            WHEN s.kind IN ('set', 'break') AND s.action <> 'scrub' THEN (
                SELECT array_agg(a.attname::text)
                FROM pg_constraint AS k
                INNER JOIN pg_attribute AS a
                    ON a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)
                WHERE
                    k.conrelid = t.table_oid AND k.contype = 'f' AND k.conname = s.reference_name
            )
        END AS column_names
    FROM deletion_plan_steps AS s
    INNER JOIN touched AS t ON t.table_name = s.table_name
    CROSS JOIN LATERAL (
        SELECT CASE
            WHEN s.kind IN ('remove', 'drain') THEN 'DELETE'
            WHEN s.kind IN ('set', 'lock', 'break', 'break_own', 'mark') THEN 'UPDATE'
            ELSE 'SELECT'
        END AS main
    ) AS m
    -- Who changes rows has to find them.
    CROSS JOIN LATERAL (
        SELECT m.main, m.main AS privilege
        UNION
        SELECT m.main, 'SELECT'
    ) AS r
    WHERE
        -- What looks at holds reads tables of other steps.
        s.plan_id = p_plan_id AND s.kind NOT IN ('guard', 'held')
        -- What is kept is read by previews alone.
        AND s.action IS DISTINCT FROM 'keep'
),

lacked AS (
    SELECT u.table_name, u.table_oid, 'BYPASSRLS' AS privilege
    FROM used AS u
    WHERE row_security_active(u.table_oid)
    UNION
    SELECT u.table_name, u.table_oid, 'USAGE'
    FROM used AS u
    INNER JOIN pg_class AS c ON c.oid = u.table_oid
    WHERE NOT has_schema_privilege(c.relnamespace, 'USAGE')
    UNION
    SELECT u.table_name, u.table_oid, u.privilege
    FROM used AS u
    WHERE NOT CASE
        WHEN u.column_names IS NOT NULL THEN (
            SELECT bool_and(has_column_privilege(u.table_oid, n.name, u.privilege))
            FROM unnest(u.column_names) AS n (name)
        )
        WHEN u.any_column THEN has_any_column_privilege(u.table_oid, u.privilege)
        ELSE has_table_privilege(u.table_oid, u.privilege)
    END
)

SELECT
    l.table_name,
    format('%I.%I', n.nspname, c.relname),
    format('%I', n.nspname),
    l.privilege
FROM lacked AS l
INNER JOIN pg_class AS c ON c.oid = l.table_oid
INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace;
$deletion_lacked_rights$;

COMMENT ON FUNCTION deletion_lacked_rights(bigint) IS
'Which rights the owner account lacks for a plan, and which policies would filter it.';
REVOKE ALL ON FUNCTION deletion_lacked_rights(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION deletion_lacked_rights(bigint)
TO deletion_jobs_operator, deletion_jobs_reader;
