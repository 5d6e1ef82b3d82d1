-- deletion_missing_identity
-- Say which table of a plan the engine changes no row of, since a publication could not tell which.
--
-- Parameters  p_plan_id   the plan
-- Returns     text, an error that names table and publication; NULL: there is none
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_missing_identity(p_plan_id bigint)
RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_missing_identity$
WITH used AS (
    SELECT DISTINCT
        to_regclass(s.table_name)::oid AS table_oid, s.kind IN ('remove', 'drain') AS is_deleted
    FROM deletion_plan_steps AS s
    WHERE
        s.plan_id = p_plan_id
        AND s.kind IN ('remove', 'drain', 'set', 'break', 'break_own', 'mark')
        -- Where nothing is published this is all.
        AND (SELECT EXISTS (SELECT 1 FROM pg_publication))
),

-- The engine asks each partition for its own.
changed AS (
    SELECT u.table_oid, u.is_deleted FROM used AS u
    UNION
    SELECT t.relid, u.is_deleted
    FROM used AS u
    CROSS JOIN LATERAL pg_partition_tree(u.table_oid) AS t
)

SELECT format(
    'JD005: %s has no replica identity, and publication %s publishes its %s',
    deletion_entity_name(c.oid), p.pubname, CASE WHEN u.is_deleted THEN 'deletes' ELSE 'updates' END
)
FROM changed AS u
INNER JOIN pg_class AS c ON c.oid = u.table_oid AND c.relkind = 'r' AND c.relpersistence = 'p'
INNER JOIN pg_publication AS p ON CASE WHEN u.is_deleted THEN p.pubdelete ELSE p.pubupdate END
WHERE
    c.relreplident <> 'f'
    AND NOT EXISTS (
        SELECT 1
        FROM pg_index AS i
        WHERE
            i.indrelid = c.oid AND i.indisvalid AND i.indimmediate
            AND CASE c.relreplident
                WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident ELSE FALSE
            END
    )
    -- By itself or its schema, or by those of a table whose partition it is.
    AND (
        p.puballtables
        OR EXISTS (
            SELECT 1
            FROM (
                SELECT c.oid AS table_oid
                UNION
                SELECT a.relid FROM pg_partition_ancestors(c.oid) AS a
            ) AS a
            INNER JOIN pg_class AS b ON b.oid = a.table_oid
            WHERE
                EXISTS (
                    SELECT 1
                    FROM pg_publication_rel AS r
                    WHERE r.prpubid = p.oid AND r.prrelid = b.oid
                )
                OR EXISTS (
                    SELECT 1
                    FROM pg_publication_namespace AS n
                    WHERE n.pnpubid = p.oid AND n.pnnspid = b.relnamespace
                )
        )
    )
ORDER BY 1
LIMIT 1;
$deletion_missing_identity$;

COMMENT ON FUNCTION deletion_missing_identity(bigint) IS
'Which table of a plan the engine changes no row of, since a publication could not tell which.';
REVOKE ALL ON FUNCTION deletion_missing_identity(bigint) FROM PUBLIC;
