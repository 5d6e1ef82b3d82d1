-- deletion_raise
-- Raise one of the errors of this project, in the form that all of them have.
--
-- Parameters  p_code    its SQLSTATE
--             p_verb    the verb that was called
--             p_what    what is wrong
--             p_value   the value that is; NULL: none to show
--             p_hint    what to do; NULL: it goes without saying
-- Errors      the one that was asked for, always
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_raise('JD001', 'cancel_deletion', 'no such job', '42');

CREATE OR REPLACE FUNCTION deletion_raise(
    p_code text,
    p_verb text,
    p_what text,
    p_value text,
    p_hint text DEFAULT NULL
) RETURNS void
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_raise$
DECLARE
    v_message text := format('%s: %s', p_verb, p_what);
BEGIN
    IF p_value IS NOT NULL THEN
        -- The value is cut, never the closing parenthesis.
        v_message := format('%s (%s)', v_message, left(p_value, greatest(125 - length(v_message), 0)));
    END IF;

    IF p_hint IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = p_code, MESSAGE = left(v_message, 128);
    END IF;

    RAISE EXCEPTION USING ERRCODE = p_code, MESSAGE = left(v_message, 128), HINT = p_hint;
END;
$deletion_raise$;

COMMENT ON FUNCTION deletion_raise(text, text, text, text, text) IS
'Raise one of the errors of this project, in the form that all of them have.';
REVOKE ALL ON FUNCTION deletion_raise(text, text, text, text, text) FROM PUBLIC;
