-- unregister_deletion_target
-- Allow no further deletions from a table; jobs that have ended stay as history.
--
-- Parameters  p_table   the target, which may be gone itself
-- Errors      JD002 NULL; JD003 jobs of it are pending or running; JD004 table is no target
-- Writes      deletion_targets (one row), deletion_plans     Commits  no
-- Execute     the owner only (DBAs)
-- Example     CALL unregister_deletion_target('customer');

CREATE OR REPLACE PROCEDURE unregister_deletion_target(p_table text)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $unregister_deletion_target$
DECLARE
    c_verb CONSTANT text := 'unregister_deletion_target';
    v_entity_table text := deletion_target_name(p_table);
BEGIN
    IF p_table IS NULL THEN
        PERFORM deletion_raise('JD002', c_verb, 'p_table is NULL', NULL);
    ELSIF v_entity_table IS NULL THEN
        PERFORM deletion_raise('JD004', c_verb, 'table is no target', p_table);
    ELSIF deletion_has_open_jobs(v_entity_table) THEN
        PERFORM deletion_raise(
            'JD003', c_verb, 'jobs are pending or running', v_entity_table,
            'Cancel them, or wait until they have ended.'
        );
    END IF;

    DELETE FROM deletion_targets AS t WHERE t.entity_table = v_entity_table;

    UPDATE deletion_plans AS p
    SET superseded_at = clock_timestamp()
    WHERE p.entity_table = v_entity_table AND p.superseded_at IS NULL;
END;
$unregister_deletion_target$;

COMMENT ON PROCEDURE unregister_deletion_target(text) IS
'Allow no further deletions from a table; jobs that have ended stay as history.';
REVOKE ALL ON PROCEDURE unregister_deletion_target(text) FROM PUBLIC;
