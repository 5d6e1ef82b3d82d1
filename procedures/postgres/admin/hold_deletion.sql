-- hold_deletion
-- Hold one row: no job deletes it, nor anything it would be deleted with, until the hold is over.
--
-- Parameters  p_table   any table that jobs may reach, not only a target
--             p_pk      the row's primary key; a composite one as a JSON array in key order
--             p_until   when the hold ends by itself; NULL: when it is released
--             p_reason  why
-- Errors      JD002 NULL, a key that does not parse, a time that is past, no reason; JD005 no such
--             table, no key, one of ours; the engine's where the owner may not read the table
-- Writes      deletion_holds                       Commits  no
-- Execute     deletion_jobs_operator
-- Example     CALL hold_deletion('invoice', '42', '2027-01-01', 'tax audit');
--
-- A hold in its place ends. It waits for the steps that are at work, and they wait for it: commit.

CREATE OR REPLACE PROCEDURE hold_deletion(
    p_table text,
    p_pk text,
    p_until timestamptz,
    p_reason text
)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $hold_deletion$
DECLARE
    c_verb CONSTANT text := 'hold_deletion';
    v_table regclass;
    v_name text;
    v_pk text;
    v_columns jsonb;
BEGIN
    IF p_table IS NULL OR p_pk IS NULL THEN
        PERFORM deletion_raise('JD002', c_verb, 'table or key is NULL', NULL);
    ELSIF coalesce(p_reason, '') !~ '\S' THEN
        PERFORM deletion_raise('JD002', c_verb, 'p_reason is NULL or empty', NULL);
    ELSIF p_until <= clock_timestamp() THEN
        PERFORM deletion_raise('JD002', c_verb, 'p_until is past', p_until::text);
    END IF;

    v_table := deletion_find_table(p_table, c_verb);

    IF deletion_is_ours(v_table) THEN
        PERFORM deletion_raise('JD005', c_verb, 'table belongs to deletion-jobs', p_table);
    END IF;

    v_name := deletion_entity_name(v_table);
    v_pk := deletion_row_key(v_table, p_pk, c_verb);
    v_columns := deletion_table_key(v_table);

    LOCK TABLE deletion_holds IN EXCLUSIVE MODE;
    UPDATE deletion_holds AS h
    SET released_at = clock_timestamp(), released_by = session_user
    WHERE
        h.table_name = v_name AND h.row_pk = v_pk AND h.key_columns = v_columns
        AND h.released_at IS NULL;
    -- No step is at work now: a row that is there stays until it is looked at next.
    INSERT INTO deletion_holds (
        table_name, row_pk, key_columns, row_seen_at, held_until, reason, held_by, held_at
    )
    VALUES (
        v_name, v_pk, v_columns,
        CASE WHEN deletion_row_seen(v_table, v_columns, v_pk) THEN clock_timestamp() END,
        p_until, p_reason, session_user, clock_timestamp()
    );
END;
$hold_deletion$;

COMMENT ON PROCEDURE hold_deletion(text, text, timestamptz, text) IS
'Hold one row: no job deletes it, nor anything it would be deleted with, until the hold is over.';
REVOKE ALL ON PROCEDURE hold_deletion(text, text, timestamptz, text) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE hold_deletion(text, text, timestamptz, text)
TO deletion_jobs_operator;
