-- set_soft_deletion
-- Name the column by which soft deletion marks the rows of a table, target or dependant.
--
-- Parameters  p_table    the table, with or without its schema
--             p_column   a timestamp that may be NULL (it is set to the time of the run, UTC), a
--                        boolean (TRUE) or an integer; NULL: its rows are not marked any more
--             p_value    what an integer is set to; NULL: 1
--             p_purge_after_seconds   of a target: a job that has marked its rows removes them so
--                        much later; NULL: never
-- Errors      JD002 no such column, one that does not fit, or a number out of range; JD004 a purge
--             of a table that is no target; JD005 no such table, or one of ours
-- Writes      deletion_soft_columns (one row)      Commits  no
-- Execute     the owner only (DBAs)
-- Example     CALL set_soft_deletion('customer', 'deleted_at', NULL, 2592000);

CREATE OR REPLACE PROCEDURE set_soft_deletion(
    p_table text,
    p_column text,
    p_value bigint DEFAULT NULL,
    p_purge_after_seconds bigint DEFAULT NULL
)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $set_soft_deletion$
DECLARE
    c_verb CONSTANT text := 'set_soft_deletion';
    v_name text[] := deletion_split_name(p_table);
    v_table regclass;
    v_kind text;
    v_problem text;
BEGIN
    IF p_table IS NULL THEN
        PERFORM deletion_raise('JD002', c_verb, 'p_table is NULL', NULL);
    ELSIF p_purge_after_seconds < 1 OR p_purge_after_seconds > 3155760000 THEN
        PERFORM deletion_raise(
            'JD002', c_verb, 'p_purge_after_seconds is out of range', p_purge_after_seconds::text
        );
    END IF;

    -- It may be taken back when its table is gone.
    IF p_column IS NULL THEN
        DELETE FROM deletion_soft_columns AS s
        WHERE s.table_schema = v_name[1] AND s.table_name = v_name[2];
        RETURN;
    END IF;

    v_table := deletion_find_table(p_table, c_verb);

    IF deletion_is_ours(v_table) THEN
        PERFORM deletion_raise('JD005', c_verb, 'table belongs to deletion-jobs', p_table);
    ELSIF p_purge_after_seconds IS NOT NULL AND deletion_target_name(p_table) IS NULL THEN
        PERFORM deletion_raise(
            'JD004', c_verb, 'table is no target: nothing to purge', p_table,
            'Register it with register_deletion_target first.'
        );
    END IF;

    -- What was marked is remembered by its key.
    IF deletion_node_key(v_table) IS NULL THEN
        PERFORM deletion_raise(
            'JD005', c_verb, 'table has no primary key and no unique key without NULLs', p_table
        );
    END IF;

    v_problem := deletion_soft_problem(v_table, p_column, p_value);

    IF v_problem IS NOT NULL THEN
        PERFORM deletion_raise('JD002', c_verb, v_problem, p_column);
    END IF;

    SELECT deletion_soft_kind(a.atttypid) INTO STRICT v_kind
    FROM pg_attribute AS a
    WHERE a.attrelid = v_table AND a.attname = p_column;

    INSERT INTO deletion_soft_columns AS s (
        table_schema, table_name, column_name, kind, mark_value, purge_after_seconds
    )
    SELECT
        n.nspname, c.relname, p_column, v_kind,
        CASE WHEN v_kind = 'integer' THEN coalesce(p_value, 1) END, p_purge_after_seconds
    FROM pg_class AS c
    INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.oid = v_table
    ON CONFLICT (table_schema, table_name) DO UPDATE
    SET
        column_name = excluded.column_name,
        kind = excluded.kind,
        mark_value = excluded.mark_value,
        purge_after_seconds = excluded.purge_after_seconds;
END;
$set_soft_deletion$;

COMMENT ON PROCEDURE set_soft_deletion(text, text, bigint, bigint) IS
'Name the column by which soft deletion marks the rows of a table, target or dependant.';
REVOKE ALL ON PROCEDURE set_soft_deletion(text, text, bigint, bigint) FROM PUBLIC;
