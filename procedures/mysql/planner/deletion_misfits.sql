-- deletion_misfits
-- List the rules and declarations that fit the catalog no more, for vw_deletion_misfits.
--
-- Returns     JSON, an array of the view's rows; NULL: all fit
-- Writes      nothing                              Commits  no
-- Execute     the owner only

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02,LT02,LT05
DROP FUNCTION IF EXISTS deletion_misfits;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_misfits()
RETURNS JSON
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'List the rules and declarations that fit the catalog no more, for vw_deletion_misfits'
BEGIN
    DECLARE v_home VARCHAR(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
        DEFAULT concat('CALL ', deletion_quote_name(database()), '.');

    RETURN (
        SELECT json_arrayagg(json_object(
            'kind', q.kind, 'subject', q.subject, 'child_schema', q.child_schema,
            'child_table', q.child_table, 'parent_schema', q.parent_schema,
            'parent_table', q.parent_table, 'is_everywhere', q.is_everywhere, 'since', q.since,
            'why', q.why, 'mend_sql', concat(v_home, q.call_sql, ';')
        ))
        FROM (
            SELECT
                'rule without reference' AS kind, concat(r.reference_name, ' of ', r.name) AS subject,
                r.child_schema, r.child_table, r.parent_schema, r.parent_table,
                t.table_name IS NULL AS is_everywhere, r.created_at AS since,
                concat(
                    'the rule for ', r.reference_name, ' of ', r.name, ' fits no ',
                    if(t.table_name IS NULL, 'table', 'reference')
                ) AS why,
                concat(
                    'set_deletion_rule(', quote(r.name), ', ', quote(r.reference_name),
                    ', NULL, NULL)'
                ) AS call_sql
            FROM (
                SELECT o.*, deletion_entity_name(o.child_schema, o.child_table) AS name
                FROM deletion_rules AS o
            ) AS r
            LEFT JOIN information_schema.tables AS t
                ON
                    t.table_schema = convert(r.child_schema USING utf8mb3) COLLATE utf8mb3_bin
                    AND t.table_name = convert(r.child_table USING utf8mb3) COLLATE utf8mb3_bin
                    AND t.table_type = 'BASE TABLE'
            WHERE
                CASE
                    -- What is kept stays without a rule as well: no declared reference leads to it.
                    WHEN t.table_name IS NULL THEN r.action <> 'keep'
                    ELSE NOT EXISTS (
                        SELECT 1
                        FROM information_schema.referential_constraints AS k
                        WHERE
                            k.constraint_schema
                            = convert(r.child_schema USING utf8mb3) COLLATE utf8mb3_bin
                            AND k.table_name
                            = convert(r.child_table USING utf8mb3) COLLATE utf8mb3_bin
                            -- Regardless of case, and of blanks at the end.
                            AND k.constraint_name = r.reference_name
                            AND cast(k.constraint_name AS BINARY)
                            = cast(r.reference_name AS BINARY)
                            AND (
                                r.parent_table IS NULL
                                OR (
                                    k.unique_constraint_schema
                                    = convert(r.parent_schema USING utf8mb3) COLLATE utf8mb3_bin
                                    AND k.referenced_table_name
                                    = convert(r.parent_table USING utf8mb3) COLLATE utf8mb3_bin
                                )
                            )
                    ) AND NOT EXISTS (
                        SELECT 1
                        FROM deletion_references AS d
                        WHERE
                            d.reference_name = r.reference_name
                            AND d.child_schema = r.child_schema
                            AND d.child_table = r.child_table
                            AND (
                                r.parent_table IS NULL
                                OR (
                                    d.parent_schema = r.parent_schema
                                    AND d.parent_table = r.parent_table
                                )
                            )
                    )
                END
            UNION ALL
            SELECT
                'reference without table', d.reference_name, d.child_schema, d.child_table,
                d.parent_schema, d.parent_table, TRUE, d.created_at,
                concat(
                    'the declared reference ', d.reference_name, ' fits no table (no ',
                    if(
                        t.table_name IS NULL,
                        deletion_entity_name(d.child_schema, d.child_table),
                        deletion_entity_name(d.parent_schema, d.parent_table)
                    ),
                    ')'
                ),
                concat(
                    'declare_deletion_reference(', quote(d.reference_name),
                    ', NULL, NULL, NULL, NULL, NULL, NULL, NULL)'
                )
            FROM deletion_references AS d
            LEFT JOIN deletion_rules AS r
                ON
                    r.child_schema = d.child_schema
                    AND r.child_table = d.child_table
                    AND r.reference_name = d.reference_name
            LEFT JOIN information_schema.tables AS t
                ON
                    t.table_schema = convert(d.child_schema USING utf8mb3) COLLATE utf8mb3_bin
                    AND t.table_name = convert(d.child_table USING utf8mb3) COLLATE utf8mb3_bin
                    AND t.table_type = 'BASE TABLE'
            LEFT JOIN information_schema.tables AS p
                ON
                    p.table_schema = convert(d.parent_schema USING utf8mb3) COLLATE utf8mb3_bin
                    AND p.table_name = convert(d.parent_table USING utf8mb3) COLLATE utf8mb3_bin
                    AND p.table_type = 'BASE TABLE'
            WHERE
                (t.table_name IS NULL OR p.table_name IS NULL)
                AND coalesce(r.action, d.action) <> 'keep'
            UNION ALL
            SELECT
                'soft column without table', concat(s.column_name, ' of ', s.name),
                s.table_schema, s.table_name, NULL, NULL, TRUE, s.created_at,
                concat(
                    'the soft-delete column ', s.column_name, ' of ', s.name,
                    ' fits no table (no ', s.name, ')'
                ),
                concat('set_soft_deletion(', quote(s.name), ', NULL, NULL, NULL)')
            FROM (
                SELECT o.*, deletion_entity_name(o.table_schema, o.table_name) AS name
                FROM deletion_soft_columns AS o
            ) AS s
            LEFT JOIN information_schema.tables AS t
                ON
                    t.table_schema = convert(s.table_schema USING utf8mb3) COLLATE utf8mb3_bin
                    AND t.table_name = convert(s.table_name USING utf8mb3) COLLATE utf8mb3_bin
                    AND t.table_type = 'BASE TABLE'
            WHERE t.table_name IS NULL
        ) AS q
    );
END$$
DELIMITER ;
