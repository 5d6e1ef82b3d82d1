-- release_deletion_hold
-- Let go of a row that is held; jobs that it stopped go on by retry_deletion.
--
-- Parameters  p_table   the table                  p_pk   the row's primary key
-- Errors      JD002 NULL, a key that does not parse, no hold on the row
-- Writes      deletion_holds (one row)             Commits  no
-- Execute     deletion_jobs_operator
-- Example     CALL release_deletion_hold('invoice', '42');

CREATE OR REPLACE PROCEDURE release_deletion_hold(
    p_table text,
    p_pk text
)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $release_deletion_hold$
DECLARE
    c_verb CONSTANT text := 'release_deletion_hold';
    v_name text[] := deletion_split_name(p_table);
    v_table oid;
BEGIN
    IF p_table IS NULL OR p_pk IS NULL THEN
        PERFORM deletion_raise('JD002', c_verb, 'table or key is NULL', NULL);
    END IF;

    SELECT c.oid INTO v_table
    FROM pg_class AS c
    INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = v_name[1] AND c.relname = v_name[2];

    -- A hold can be released when its table is gone: by the names that the view shows.
    UPDATE deletion_holds AS h
    SET released_at = clock_timestamp(), released_by = session_user
    WHERE
        h.table_name = coalesce(deletion_entity_name(v_table), p_table)
        AND h.row_pk = CASE
            WHEN v_table IS NULL THEN p_pk ELSE deletion_row_key(v_table, p_pk, c_verb)
        END
        AND h.released_at IS NULL;

    IF NOT FOUND THEN
        PERFORM deletion_raise('JD002', c_verb, format('no hold on %s', left(p_table, 64)), p_pk);
    END IF;
END;
$release_deletion_hold$;

COMMENT ON PROCEDURE release_deletion_hold(text, text) IS
'Let go of a row that is held; jobs that it stopped go on by retry_deletion.';
REVOKE ALL ON PROCEDURE release_deletion_hold(text, text) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE release_deletion_hold(text, text) TO deletion_jobs_operator;
