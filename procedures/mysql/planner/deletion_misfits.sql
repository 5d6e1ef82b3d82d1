-- deletion_misfits
-- List the rules and declarations that fit the catalog no more, for vw_deletion_misfits.
--
-- Returns     JSON, an array of objects, which the view makes its rows of; NULL: all fit
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
    DECLARE v_lost, v_rules, v_references, v_columns JSON;

    -- A look at the catalog costs more than all else here: only what is there is looked for.
    IF EXISTS (SELECT 1 FROM deletion_rules) THEN
        SELECT json_arrayagg(json_object(
            's', r.child_schema, 't', r.child_table, 'r', r.reference_name
        ))
        INTO v_lost
        FROM deletion_rules AS r
        WHERE
            NOT EXISTS (
                SELECT 1
                FROM information_schema.referential_constraints AS k
                WHERE
                    k.constraint_schema
                    = convert(r.child_schema USING utf8mb3) COLLATE utf8mb3_bin
                    AND k.table_name = convert(r.child_table USING utf8mb3) COLLATE utf8mb3_bin
                    -- Regardless of case, and of blanks at the end.
                    AND k.constraint_name = r.reference_name
                    AND cast(k.constraint_name AS BINARY) = cast(r.reference_name AS BINARY)
                    AND (
                        r.parent_table IS NULL
                        OR (
                            k.unique_constraint_schema
                            = convert(r.parent_schema USING utf8mb3) COLLATE utf8mb3_bin
                            AND k.referenced_table_name
                            = convert(r.parent_table USING utf8mb3) COLLATE utf8mb3_bin
                        )
                    )
            );
    END IF;

    IF v_lost IS NOT NULL THEN
        SELECT json_arrayagg(json_object(
            'kind', 'rule without reference', 'name', r.reference_name,
            'child_schema', r.child_schema, 'child_table', r.child_table,
            'parent_schema', r.parent_schema, 'parent_table', r.parent_table,
            'is_everywhere', t.table_name IS NULL, 'since', r.created_at
        ))
        INTO v_rules
        FROM json_table(v_lost, '$[*]' COLUMNS (
            s VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.s',
            t VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.t',
            r VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.r'
        )) AS l
        INNER JOIN deletion_rules AS r
            ON r.child_schema = l.s AND r.child_table = l.t AND r.reference_name = l.r
        LEFT JOIN deletion_references AS d
            ON
                d.reference_name = r.reference_name
                AND d.child_schema = r.child_schema
                AND d.child_table = r.child_table
                AND (
                    r.parent_table IS NULL
                    OR (d.parent_schema = r.parent_schema AND d.parent_table = r.parent_table)
                )
        LEFT JOIN information_schema.tables AS t
            ON
                t.table_schema = convert(r.child_schema USING utf8mb3) COLLATE utf8mb3_bin
                AND t.table_name = convert(r.child_table USING utf8mb3) COLLATE utf8mb3_bin
                AND t.table_type = 'BASE TABLE'
        WHERE
            -- What is kept stays without a rule as well: no declared reference leads to it.
            if(t.table_name IS NULL, r.action <> 'keep', d.reference_name IS NULL);
    END IF;

    IF EXISTS (SELECT 1 FROM deletion_references) THEN
        SELECT json_arrayagg(json_object(
            'kind', 'reference without table', 'name', d.reference_name,
            'child_schema', d.child_schema, 'child_table', d.child_table,
            'parent_schema', d.parent_schema, 'parent_table', d.parent_table,
            'lost', if(
                c.table_name IS NULL,
                deletion_entity_name(d.child_schema, d.child_table),
                deletion_entity_name(d.parent_schema, d.parent_table)
            ),
            'is_everywhere', TRUE, 'since', d.created_at
        ))
        INTO v_references
        FROM deletion_references AS d
        LEFT JOIN deletion_rules AS r
            ON
                r.child_schema = d.child_schema
                AND r.child_table = d.child_table
                AND r.reference_name = d.reference_name
        LEFT JOIN information_schema.tables AS c
            ON
                c.table_schema = convert(d.child_schema USING utf8mb3) COLLATE utf8mb3_bin
                AND c.table_name = convert(d.child_table USING utf8mb3) COLLATE utf8mb3_bin
                AND c.table_type = 'BASE TABLE'
        LEFT JOIN information_schema.tables AS p
            ON
                p.table_schema = convert(d.parent_schema USING utf8mb3) COLLATE utf8mb3_bin
                AND p.table_name = convert(d.parent_table USING utf8mb3) COLLATE utf8mb3_bin
                AND p.table_type = 'BASE TABLE'
        WHERE
            (c.table_name IS NULL OR p.table_name IS NULL)
            AND coalesce(r.action, d.action) <> 'keep';
    END IF;

    IF EXISTS (SELECT 1 FROM deletion_soft_columns) THEN
        SELECT json_arrayagg(json_object(
            'kind', 'soft column without table', 'name', s.column_name,
            'child_schema', s.table_schema, 'child_table', s.table_name,
            'lost', deletion_entity_name(s.table_schema, s.table_name),
            'is_everywhere', TRUE, 'since', s.created_at
        ))
        INTO v_columns
        FROM deletion_soft_columns AS s
        LEFT JOIN information_schema.tables AS t
            ON
                t.table_schema = convert(s.table_schema USING utf8mb3) COLLATE utf8mb3_bin
                AND t.table_name = convert(s.table_name USING utf8mb3) COLLATE utf8mb3_bin
                AND t.table_type = 'BASE TABLE'
        WHERE t.table_name IS NULL;
    END IF;

    RETURN nullif(json_merge_preserve(
        coalesce(v_rules, json_array()),
        coalesce(v_references, json_array()),
        coalesce(v_columns, json_array())
    ), json_array());
END$$
DELIMITER ;
