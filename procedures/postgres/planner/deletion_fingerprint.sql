-- deletion_fingerprint
-- Digest every catalog row that a plan was compiled from, so that a change becomes visible.
--
-- Parameters  p_entity_table   the target
--             p_tables         the plan's tables, target and dependants, as their OIDs
-- Returns     text, two hexadecimal MD5: of the references, and of all the rest
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_fingerprint(entity_table, '{16400,16412}') FROM deletion_plans;

CREATE OR REPLACE FUNCTION deletion_fingerprint(
    p_entity_table text,
    p_tables oid[]
) RETURNS text
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
-- The catalog has no index for some of this, and the caller reads by nothing but indexes.
SET jit = off
SET enable_seqscan = on
AS $deletion_fingerprint$
DECLARE
    v_misfits text;
BEGIN
    -- What fits the catalog no more stops plans, whatever tables it is about. A statement of its own:
    -- it has no parameters, and is not planned anew with those of the other.
    IF
        EXISTS (SELECT 1 FROM deletion_rules)
        OR EXISTS (SELECT 1 FROM deletion_references)
        OR EXISTS (SELECT 1 FROM deletion_soft_columns)
    THEN
        v_misfits := (
            SELECT string_agg(concat_ws(',', m.kind, m.subject, m.is_everywhere), ';'
                ORDER BY m.kind, m.child_schema, m.child_table, m.subject)
            FROM vw_deletion_misfits AS m
        );
    END IF;

    -- Kept as a prepared plan: a function in SQL is planned anew in every transaction.
    RETURN (
        SELECT deletion_fingerprint_references(p_tables) || md5(concat_ws(
            '|',
            (
                SELECT string_agg(concat_ws(',', k.oid, k.conrelid, k.confrelid, k.conname, k.conkey,
                    k.confkey, k.confdeltype, k.confupdtype, k.confdelsetcols, k.conpfeqop), ';'
                    ORDER BY k.oid)
                FROM pg_constraint AS k
                WHERE k.contype = 'f' AND k.confrelid = ANY (p_tables)
            ),
            -- A column that a CHECK looks at is not set NULL to open a circle.
            (
                SELECT string_agg(concat_ws(',', k.oid, k.conkey), ';' ORDER BY k.oid)
                FROM pg_constraint AS k
                WHERE k.contype = 'c' AND k.conrelid = ANY (p_tables)
            ),
            -- Nor is a row set to a default that no parent has: only of tables that may be set so, since
            -- the texts of all defaults would be the largest part of what is read.
            (
                SELECT string_agg(concat_ws(',', a.attrelid, a.attnum, g.adbin, CASE
                    -- A domain has a default as well.
                    WHEN a.atttypid >= 16384 THEN (
                        SELECT y.typdefault FROM pg_type AS y WHERE y.oid = a.atttypid
                    )
                END), ';' ORDER BY a.attrelid, a.attnum)
                FROM pg_attribute AS a
                LEFT JOIN pg_attrdef AS g ON g.adrelid = a.attrelid AND g.adnum = a.attnum
                WHERE a.attnum > 0 AND a.attrelid IN (
                    SELECT k.conrelid
                    FROM pg_constraint AS k
                    WHERE k.contype = 'f' AND k.confdeltype = 'd' AND k.confrelid = ANY (p_tables)
                    UNION
                    SELECT c.oid
                    FROM deletion_rules AS r
                    INNER JOIN pg_namespace AS n ON n.nspname = r.child_schema
                    INNER JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = r.child_table
                    WHERE r.action = 'set_default' AND c.oid = ANY (p_tables)
                    UNION
                    SELECT c.oid
                    FROM deletion_references AS d
                    INNER JOIN pg_namespace AS n ON n.nspname = d.child_schema
                    INNER JOIN pg_class AS c ON c.relnamespace = n.oid AND c.relname = d.child_table
                    WHERE d.action = 'set_default' AND c.oid = ANY (p_tables)
                )
            ),
            (
                SELECT string_agg(concat_ws(',', c.oid, c.relnamespace, c.relname, c.relkind,
                    c.relispartition, c.relhassubclass, c.relhasrules, c.relrowsecurity, c.relforcerowsecurity,
                    CASE
                        WHEN c.relhasrules THEN (
                            SELECT string_agg(concat_ws(':', w.oid, w.ev_type, w.ev_enabled), ' '
                                ORDER BY w.oid)
                            FROM pg_rewrite AS w
                            WHERE w.ev_class = c.oid
                        )
                    END,
                    (
                        -- One string a table: pg_attribute is the largest part of what is read.
                        SELECT string_agg(concat_ws(':', a.attnum, a.attname, a.atttypid, a.atttypmod,
                            a.attnotnull, a.attgenerated, a.attcollation, CASE
                                -- A domain may take no NULLs; the engine's own types are none.
                                WHEN a.atttypid >= 16384 THEN (
                                    SELECT y.typnotnull FROM pg_type AS y WHERE y.oid = a.atttypid
                                )
                            END), ' ' ORDER BY a.attnum)
                        FROM pg_attribute AS a
                        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                    ),
                    (
                        SELECT string_agg(concat_ws(':', i.indexrelid, i.indkey, i.indisvalid,
                            i.indisready, i.indisunique, i.indisprimary, i.indimmediate,
                            i.indpred IS NULL), ' ' ORDER BY i.indexrelid)
                        FROM pg_index AS i
                        WHERE i.indrelid = c.oid
                    )), ';' ORDER BY c.oid)
                FROM pg_class AS c
                WHERE c.oid = ANY (p_tables)
            ),
            (
                SELECT string_agg(concat_ws(',', n.oid, n.nspname), ';' ORDER BY n.oid)
                FROM pg_namespace AS n
                WHERE n.oid IN (SELECT c.relnamespace FROM pg_class AS c WHERE c.oid = ANY (p_tables))
            ),
            -- Without times: as text they change with the session's time zone, and every plan were stale.
            (
                SELECT string_agg((to_jsonb(r) - 'created_at')::text, ';' ORDER BY r.child_schema, r.child_table, r.reference_name)
                FROM deletion_rules AS r
            ),
            (
                SELECT string_agg((to_jsonb(d) - 'created_at')::text, ';' ORDER BY d.reference_name)
                FROM deletion_references AS d
            ),
            (
                SELECT (to_jsonb(t) - '{created_at, keyed_at, key_places}'::text[])::text
                FROM deletion_targets AS t
                WHERE t.entity_table = p_entity_table
            ),
            (
                SELECT string_agg((to_jsonb(s) - 'created_at' - 'purge_after_seconds')::text, ';'
                    ORDER BY s.table_schema, s.table_name)
                FROM deletion_soft_columns AS s
            ),
            v_misfits,
            -- A limit makes the check count rows that it would not look at otherwise.
            deletion_setting('max_rows')
        ))
    );
END;
$deletion_fingerprint$;

COMMENT ON FUNCTION deletion_fingerprint(text, oid[]) IS
'Digest of every catalog row that a plan was compiled from.';
REVOKE ALL ON FUNCTION deletion_fingerprint(text, oid[]) FROM PUBLIC;
