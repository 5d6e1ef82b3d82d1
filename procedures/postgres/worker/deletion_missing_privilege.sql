-- deletion_missing_privilege
-- Say which right on a plan's tables the owner account lacks, or which policy would filter it.
--
-- Parameters  p_plan_id   the plan
-- Returns     text, an error that names table and right; NULL: nothing is missing
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_missing_privilege(p_plan_id bigint)
RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_missing_privilege$
WITH named AS (
    SELECT DISTINCT s.table_name, to_regclass(s.table_name)::oid AS table_oid
    FROM deletion_plan_steps AS s
    WHERE s.plan_id = p_plan_id
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
        CASE
            WHEN s.kind IN ('remove', 'drain') THEN 'DELETE'
            WHEN s.kind IN ('set', 'lock', 'break', 'break_own', 'mark') THEN 'UPDATE'
            ELSE 'SELECT'
        END AS privilege,
        -- A lock is content with any column; what is set needs the right on those it sets.
        s.kind = 'lock' AS any_column,
        CASE
            WHEN s.kind = 'mark' THEN (
                SELECT ARRAY[c.column_name]
                FROM deletion_soft_columns AS c
                WHERE deletion_entity_name(
                    to_regclass(format('%I.%I', c.table_schema, c.table_name))
                ) = s.table_name
            )
            -- What is set of a foreign key are columns of its own; scrub sets others too.
            WHEN s.kind IN ('set', 'break', 'break_own') AND s.action <> 'scrub' THEN (
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
    WHERE
        -- What looks at holds reads tables of other steps.
        s.plan_id = p_plan_id AND s.kind NOT IN ('guard', 'held')
        -- What is kept is read by previews alone.
        AND s.action IS DISTINCT FROM 'keep'
)

SELECT CASE
    WHEN row_security_active(u.table_oid)
        THEN format('42501: row-level security of %s applies to %s', u.table_name, current_user)
    ELSE format('42501: %s has no %s on %s', current_user, u.privilege, u.table_name)
END
FROM used AS u
WHERE
    row_security_active(u.table_oid)
    OR NOT CASE
        WHEN u.column_names IS NOT NULL THEN (
            SELECT bool_and(has_column_privilege(u.table_oid, n.name, u.privilege))
            FROM unnest(u.column_names) AS n (name)
        )
        WHEN u.any_column THEN has_any_column_privilege(u.table_oid, u.privilege)
        ELSE has_table_privilege(u.table_oid, u.privilege)
    END
ORDER BY u.table_name, u.privilege
LIMIT 1;
$deletion_missing_privilege$;

COMMENT ON FUNCTION deletion_missing_privilege(bigint) IS
'Which right on a plan''s tables the owner account lacks, or which policy would filter it.';
REVOKE ALL ON FUNCTION deletion_missing_privilege(bigint) FROM PUBLIC;
