-- deletion_newest_hold
-- Find the newest hold in force on a table whose rows a plan deletes.
--
-- Parameters  p_plan_id   the plan
-- Returns     bigint, the hold's number; NULL: there is none
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_newest_hold(p_plan_id bigint)
RETURNS bigint
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_newest_hold$
BEGIN
    -- One look where nothing is held.
    IF NOT EXISTS (SELECT 1 FROM deletion_holds AS h WHERE h.released_at IS NULL) THEN
        RETURN NULL;
    END IF;

    RETURN (
        SELECT max(h.hold_id)
        FROM deletion_holds AS h
        INNER JOIN deletion_plan_steps AS s
            ON s.plan_id = p_plan_id AND s.kind = 'held' AND s.table_name = h.table_name
        WHERE
            h.released_at IS NULL
            AND (h.held_until IS NULL OR h.held_until > clock_timestamp())
    );
END;
$deletion_newest_hold$;

COMMENT ON FUNCTION deletion_newest_hold(bigint) IS
'The newest hold in force on a table whose rows a plan deletes.';
REVOKE ALL ON FUNCTION deletion_newest_hold(bigint) FROM PUBLIC;
