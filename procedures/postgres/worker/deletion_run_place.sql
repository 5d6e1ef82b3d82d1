-- deletion_run_place
-- Find where the row of a run lies.
--
-- Parameters  p_run_id   the run
-- Returns     tid; NULL: there is no such run
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- Every step writes the row twice or more, and while an old snapshot is open somewhere, all its
-- versions stay. Read from its end, the index gives the newest of them first; from its start, last.

CREATE OR REPLACE FUNCTION deletion_run_place(p_run_id bigint)
RETURNS tid
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_run_place$
BEGIN
    RETURN (
        SELECT r.ctid
        FROM deletion_runs AS r
        -- Of one value the planner would see no order.
        WHERE r.run_id BETWEEN p_run_id AND p_run_id
        ORDER BY r.run_id DESC
        LIMIT 1
    );
END;
$deletion_run_place$;

COMMENT ON FUNCTION deletion_run_place(bigint) IS
'Where the row of a run lies: the newest of its versions.';
REVOKE ALL ON FUNCTION deletion_run_place(bigint) FROM PUBLIC;
