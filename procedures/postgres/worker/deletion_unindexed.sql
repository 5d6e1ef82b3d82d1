-- deletion_unindexed
-- Say which reference without an index leads from a table that is too large to be read whole.
--
-- Parameters  p_plan_id   the plan
-- Returns     text, JD008 naming the reference; NULL: there is none
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_unindexed(p_plan_id bigint)
RETURNS text
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_unindexed$
DECLARE
    v_limit bigint := deletion_setting_int('unindexed_limit_rows');
    v_step deletion_plan_steps;
    v_rows bigint;
BEGIN
    FOR v_step IN
        SELECT s.*
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = p_plan_id AND s.kind = 'size'
        ORDER BY s.step_no
    LOOP
        EXECUTE v_step.sql_text INTO v_rows USING v_limit + 1;

        IF v_rows > v_limit THEN
            RETURN format(
                'JD008: %s of %s has no index and the table over %s rows',
                v_step.reference_name, v_step.table_name, v_limit
            );
        END IF;
    END LOOP;

    RETURN NULL;
END;
$deletion_unindexed$;

COMMENT ON FUNCTION deletion_unindexed(bigint) IS
'Which reference without an index leads from a table that is too large to be read whole.';
REVOKE ALL ON FUNCTION deletion_unindexed(bigint) FROM PUBLIC;
