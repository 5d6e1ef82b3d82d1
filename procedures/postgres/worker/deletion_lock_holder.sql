-- deletion_lock_holder
-- Say which session holds an advisory lock.
--
-- Parameters  p_key   the lock's key
-- Returns     integer, the session's process id; NULL: nobody holds it
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_lock_holder(p_key bigint)
RETURNS integer
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_lock_holder$
BEGIN
    -- Kept as a prepared plan: a function in SQL is planned anew in every transaction.
    RETURN (
        SELECT l.pid
        FROM pg_locks AS l
        INNER JOIN pg_database AS d ON d.oid = l.database
        WHERE
            l.locktype = 'advisory' AND l.granted AND d.datname = current_database()
            AND l.objsubid = 1
            AND l.classid = ((p_key >> 32) & 4294967295)::bigint::oid
            AND l.objid = (p_key & 4294967295)::bigint::oid
    );
END;
$deletion_lock_holder$;

COMMENT ON FUNCTION deletion_lock_holder(bigint) IS
'The session that holds an advisory lock.';
REVOKE ALL ON FUNCTION deletion_lock_holder(bigint) FROM PUBLIC;
