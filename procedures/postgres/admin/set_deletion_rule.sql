-- set_deletion_rule
-- Decide what happens to the rows behind one reference, whatever the catalog says.
--
-- Parameters  p_child_table   the table that refers; a partition, for a key of its own
--             p_reference     its foreign key's constraint, or the declared reference
--             p_action        cascade, set_null, set_default, scrub, restrict, or keep where
--                             declared; NULL: what the catalog or the declaration says again
--             p_scrub         for scrub: a JSON object, which columns get which constant or NULL
--                             when the reference is set NULL; else NULL
-- Errors      JD002 NULL, no such reference or action, nothing that the columns take; JD005 no
--             such table
-- Writes      deletion_rules (one row)             Commits  no
-- Execute     the owner only (DBAs)
-- Example     CALL set_deletion_rule(
--                 'invoice', 'invoice_customer_id_fkey', 'scrub', '{"buyer": "erased"}'
--             );

CREATE OR REPLACE PROCEDURE set_deletion_rule(
    p_child_table text,
    p_reference text,
    p_action text,
    p_scrub jsonb DEFAULT NULL
)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $set_deletion_rule$
DECLARE
    c_verb CONSTANT text := 'set_deletion_rule';
    v_name text[] := deletion_split_name(p_child_table);
    v_table regclass;
    v_is_key boolean;
    v_copy_of text;
    v_parent_schema text;
    v_parent_table text;
    v_declared deletion_references;
    v_is_declared boolean;
    v_scrub jsonb;
    v_problem text;
BEGIN
    IF p_child_table IS NULL OR p_reference IS NULL THEN
        PERFORM deletion_raise('JD002', c_verb, 'table or reference is NULL', NULL);
    END IF;

    -- A rule may be taken back when its table is gone.
    IF p_action IS NULL THEN
        DELETE FROM deletion_rules AS r
        WHERE
            r.child_schema = v_name[1] AND r.child_table = v_name[2]
            AND r.reference_name = p_reference;

        IF FOUND THEN
            RETURN;
        END IF;
    END IF;

    -- A partition stands for no table, but it may have keys of its own.
    v_table := coalesce((
        SELECT c.oid::regclass
        FROM pg_constraint AS k
        INNER JOIN pg_class AS c ON c.oid = k.conrelid AND c.relispartition
        INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE
            k.contype = 'f' AND k.conparentid = 0 AND k.conname = p_reference
            AND n.nspname = v_name[1] AND c.relname = v_name[2]
    ), deletion_find_table(p_child_table, c_verb));
    SELECT n.nspname, c.relname
    INTO v_parent_schema, v_parent_table
    FROM pg_constraint AS k
    INNER JOIN pg_class AS c ON c.oid = k.confrelid
    INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE
        k.conrelid = v_table AND k.contype = 'f' AND k.conname = p_reference
        AND k.conparentid = 0
        -- Version 18 knows keys that are written down and not looked at: no row goes by them.
        AND coalesce(to_jsonb(k) ->> 'conenforced', 'true') = 'true';
    v_is_key := FOUND;
    -- Of a key to a partitioned table the engine makes one more for each of the partitions.
    v_copy_of := (
        WITH RECURSIVE above AS (
            SELECT k.conname, k.conparentid
            FROM pg_constraint AS k
            WHERE
                k.conrelid = v_table AND k.contype = 'f' AND k.conname = p_reference
                AND k.conparentid <> 0
            UNION ALL
            SELECT k.conname, k.conparentid
            FROM above AS a
            INNER JOIN pg_constraint AS k ON k.oid = a.conparentid
        )

        SELECT a.conname FROM above AS a WHERE a.conparentid = 0
    );
    SELECT d.* INTO v_declared
    FROM deletion_references AS d
    WHERE
        d.reference_name = p_reference
        AND d.child_schema = v_name[1] AND d.child_table = v_name[2];
    v_is_declared := FOUND;
    v_parent_schema := coalesce(v_parent_schema, v_declared.parent_schema);
    v_parent_table := coalesce(v_parent_table, v_declared.parent_table);

    IF v_copy_of IS NOT NULL AND NOT v_is_declared THEN
        PERFORM deletion_raise(
            'JD002', c_verb, format('a copy of %s is no reference', v_copy_of), p_reference
        );
    ELSIF NOT v_is_key AND NOT v_is_declared THEN
        PERFORM deletion_raise(
            'JD002', c_verb, format('no such reference of %s', left(p_child_table, 64)), p_reference
        );
    ELSIF
        p_action NOT IN ('cascade', 'set_null', 'set_default', 'scrub', 'restrict', 'keep')
    THEN
        PERFORM deletion_raise('JD002', c_verb, 'no such action', p_action);
    ELSIF p_action = 'keep' AND NOT v_is_declared THEN
        PERFORM deletion_raise(
            'JD002', c_verb, 'rows of a foreign key cannot be kept: no action keep', p_reference
        );
    ELSIF
        p_action NOT IN ('set_null', 'restrict')
        AND deletion_is_ours(v_table)
    THEN
        PERFORM deletion_raise('JD002', c_verb, 'table belongs to deletion-jobs', p_child_table);
    END IF;

    IF p_action = 'scrub' THEN
        SELECT s.scrub, s.problem INTO v_scrub, v_problem
        FROM deletion_read_scrub(v_table, p_scrub) AS s;
        v_problem := coalesce(
            v_problem,
            deletion_detach_problem(v_table, p_reference),
            (
                SELECT 'rows of a single partition are not scrubbed'
                FROM pg_class AS c
                WHERE c.oid = v_table AND c.relispartition
            )
        );
    ELSIF p_scrub IS NOT NULL THEN
        v_problem := 'only scrub sets columns to constants';
    END IF;

    IF v_problem IS NOT NULL THEN
        PERFORM deletion_raise('JD002', c_verb, v_problem, NULL);
    END IF;

    INSERT INTO deletion_rules AS r (
        child_schema, child_table, reference_name, action, scrub, parent_schema, parent_table
    )
    SELECT
        v_name[1], v_name[2], p_reference, p_action, v_scrub, v_parent_schema, v_parent_table
    WHERE p_action IS NOT NULL
    ON CONFLICT (child_schema, child_table, reference_name) DO UPDATE
    SET
        action = excluded.action,
        scrub = excluded.scrub,
        parent_schema = excluded.parent_schema,
        parent_table = excluded.parent_table,
        created_at = now();
END;
$set_deletion_rule$;

COMMENT ON PROCEDURE set_deletion_rule(text, text, text, jsonb) IS
'Decide what happens to the rows behind one reference, whatever the catalog says.';
REVOKE ALL ON PROCEDURE set_deletion_rule(text, text, text, jsonb) FROM PUBLIC;
