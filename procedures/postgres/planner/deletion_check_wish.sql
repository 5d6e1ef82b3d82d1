-- deletion_check_wish
-- Check what is the same for all rows of an enqueue, and find the target.
--
-- Parameters  p_verb          the verb that was called
--             p_table         the table, in any spelling
--             p_hard_delete   the mode asked for
-- Returns     text, the target's registered name
-- Errors      JD002 NULL where a value is needed; JD004 no target; JD011 soft, but no column
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_check_wish(
    p_verb text,
    p_table text,
    p_hard_delete boolean
) RETURNS text
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_check_wish$
DECLARE
    v_entity_table text := deletion_target_name(p_table);
BEGIN
    IF p_table IS NULL THEN
        PERFORM deletion_raise('JD002', p_verb, 'p_table is NULL', NULL);
    ELSIF p_hard_delete IS NULL THEN
        PERFORM deletion_raise('JD002', p_verb, 'p_hard_delete is NULL', NULL);
    ELSIF v_entity_table IS NULL THEN
        PERFORM deletion_raise(
            'JD004', p_verb, 'table is no target', p_table,
            'A DBA allows deletions from a table by register_deletion_target.'
        );
    ELSIF NOT p_hard_delete AND NOT deletion_has_soft_column(v_entity_table) THEN
        PERFORM deletion_raise(
            'JD011', p_verb, 'table has no soft-delete column', v_entity_table,
            'Ask for p_hard_delete => TRUE, or name a column by set_soft_deletion.'
        );
    END IF;

    RETURN v_entity_table;
END;
$deletion_check_wish$;

COMMENT ON FUNCTION deletion_check_wish(text, text, boolean) IS
'Check what is the same for all rows of an enqueue, and find the target.';
REVOKE ALL ON FUNCTION deletion_check_wish(text, text, boolean) FROM PUBLIC;
