-- set_deletion_setting
-- Change a setting of this installation.
--
-- Parameters  p_name    the setting
--             p_value   its value as text; NULL: back to the default
-- Errors      JD002 no such setting, or a value of another kind or out of range
-- Writes      deletion_settings (one row); deletion_targets for max_pending     Commits  no
-- Execute     the owner only (DBAs)
-- Example     CALL set_deletion_setting('batch_rows', '1000');

CREATE OR REPLACE PROCEDURE set_deletion_setting(
    p_name text,
    p_value text
)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $set_deletion_setting$
DECLARE
    v_setting deletion_settings;
    v_what text;
BEGIN
    SELECT s.* INTO v_setting
    FROM deletion_settings AS s
    WHERE s.setting_name = p_name
    FOR UPDATE;

    v_what := CASE
        WHEN p_name IS NULL THEN 'p_name is NULL'
        WHEN NOT FOUND THEN 'no such setting'
        WHEN p_name = 'paused_reason' THEN 'use pause_deletions or resume_deletions'
    END;

    IF v_what IS NOT NULL THEN
        PERFORM deletion_raise('JD002', 'set_deletion_setting', v_what, p_name);
    END IF;

    -- Compared as numeric, which no number of digits overflows.
    v_what := CASE v_setting.kind
        WHEN 'integer' THEN CASE
            WHEN p_value !~ '^-?[0-9]+$' THEN 'takes a whole number'
            WHEN p_value::numeric < coalesce(v_setting.min_value, '-9223372036854775808')
                OR p_value::numeric > coalesce(v_setting.max_value, 9223372036854775807)
                THEN format(
                    'takes numbers from %s to %s',
                    v_setting.min_value, coalesce(v_setting.max_value, 9223372036854775807)
                )
        END
        WHEN 'boolean' THEN CASE
            WHEN p_value NOT IN ('true', 'false') THEN 'takes true or false'
        END
    END;

    IF v_what IS NOT NULL THEN
        PERFORM deletion_raise(
            'JD002', 'set_deletion_setting', format('%s %s', p_name, v_what), p_value
        );
    END IF;

    UPDATE deletion_settings AS s
    SET setting_value = CASE v_setting.kind
        -- 0100 is kept as 100.
        WHEN 'integer' THEN p_value::bigint::text
        ELSE p_value
    END
    WHERE s.setting_name = p_name;

    -- After the setting's own lock: a target that is being registered is seen by one of us.
    IF p_name = 'max_pending' THEN
        UPDATE deletion_targets AS t SET is_limited = (p_value IS NOT NULL);
    END IF;
END;
$set_deletion_setting$;

COMMENT ON PROCEDURE set_deletion_setting(text, text) IS
'Change a setting of this installation.';
REVOKE ALL ON PROCEDURE set_deletion_setting(text, text) FROM PUBLIC;
