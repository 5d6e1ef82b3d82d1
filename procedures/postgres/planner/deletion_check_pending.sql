-- deletion_check_pending
-- Refuse what would leave more jobs pending than the setting max_pending allows.
--
-- Parameters  p_verb   the verb that was called, after it made its jobs
-- Errors      JD013 more pending jobs than allowed
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_check_pending(p_verb text)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_check_pending$
DECLARE
    v_limit bigint := deletion_setting_int('max_pending');
BEGIN
    IF v_limit IS NULL THEN
        RETURN;
    END IF;

    -- Jobs of transactions still open are not seen: the limit is a brake, no exact gauge.
    IF v_limit < (
        SELECT count(*)
        FROM (
            SELECT 1 FROM deletion_jobs AS j WHERE j.status = 'pending' LIMIT v_limit + 1
        ) AS pending
    ) THEN
        PERFORM deletion_raise(
            'JD013', p_verb, 'more pending jobs than allowed', v_limit::text,
            'Wait until workers have caught up, or raise the setting max_pending.'
        );
    END IF;
END;
$deletion_check_pending$;

COMMENT ON FUNCTION deletion_check_pending(text) IS
'Refuse what would leave more jobs pending than the setting max_pending allows.';
REVOKE ALL ON FUNCTION deletion_check_pending(text) FROM PUBLIC;
