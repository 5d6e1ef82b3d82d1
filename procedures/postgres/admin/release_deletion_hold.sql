-- release_deletion_hold
-- Let go of a row that is held; jobs that it stopped go on by retry_deletion.
--
-- Parameters  p_table   the table                  p_pk   the row's primary key, or what
--             vw_deletion_holds shows of one that was held by a key that the table has no more
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
    v_pk text;
BEGIN
    IF p_table IS NULL OR p_pk IS NULL THEN
        PERFORM deletion_raise('JD002', c_verb, 'table or key is NULL', NULL);
    END IF;

    SELECT c.oid INTO v_table
    FROM pg_class AS c
    INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = v_name[1] AND c.relname = v_name[2];

    -- A hold can be released when its table is gone, or its key: by what the view shows.
    IF v_table IS NOT NULL THEN
        BEGIN
            v_pk := deletion_row_key(v_table, p_pk, c_verb);
        EXCEPTION
            WHEN SQLSTATE 'JD002' OR SQLSTATE 'JD005' THEN
                v_pk := NULL;
        END;
    END IF;

    UPDATE deletion_holds AS h
    SET released_at = clock_timestamp(), released_by = session_user
    WHERE h.hold_id = (
        SELECT d.hold_id
        FROM deletion_holds AS d
        CROSS JOIN LATERAL (
            SELECT d.row_pk = v_pk AND d.key_columns = deletion_table_key(v_table) AS is_of_now
        ) AS k
        WHERE
            d.table_name = coalesce(deletion_entity_name(v_table), p_table)
            AND d.released_at IS NULL
            AND (k.is_of_now OR d.row_pk = p_pk)
        ORDER BY k.is_of_now DESC NULLS LAST, d.hold_id
        LIMIT 1
    );

    IF NOT FOUND THEN
        -- What is no key at all is told as such.
        PERFORM deletion_row_key(v_table, p_pk, c_verb) WHERE v_table IS NOT NULL;
        PERFORM deletion_raise('JD002', c_verb, format('no hold on %s', left(p_table, 64)), p_pk);
    END IF;
END;
$release_deletion_hold$;

COMMENT ON PROCEDURE release_deletion_hold(text, text) IS
'Let go of a row that is held; jobs that it stopped go on by retry_deletion.';
REVOKE ALL ON PROCEDURE release_deletion_hold(text, text) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE release_deletion_hold(text, text) TO deletion_jobs_operator;
