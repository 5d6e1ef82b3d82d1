-- deletion_session_mark
-- Tell one statement of one session from every other: when the session and its statement began.
--
-- Parameters  p_session_id   a session's process id
-- Returns     text; NULL: there is no such session, it is idle, or we may not see it
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_session_mark(p_session_id integer)
RETURNS text
LANGUAGE sql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_session_mark$
SELECT format('%s|%s', a.backend_start, a.query_start)
FROM pg_stat_activity AS a
WHERE a.pid = p_session_id AND a.state = 'active' AND a.query_start IS NOT NULL;
$deletion_session_mark$;

COMMENT ON FUNCTION deletion_session_mark(integer) IS
'When a session and its present statement began, as one text.';
REVOKE ALL ON FUNCTION deletion_session_mark(integer) FROM PUBLIC;
