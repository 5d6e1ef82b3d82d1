-- deletion_walk_defaults
-- Let those rows of a walk block that would get a default which no parent will have.
--
-- Parameters  p_walk_id, p_plan_id   a walk that has ended; of one that was cut short, what it met
-- Writes      deletion_walk_keys                   Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_walk_defaults(
    p_walk_id bigint,
    p_plan_id bigint
) RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_walk_defaults$
DECLARE
    v_sql text;
BEGIN
    FOR v_sql IN
        SELECT s.sql_text
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = p_plan_id AND s.kind = 'default'
        ORDER BY s.step_no
    LOOP
        EXECUTE v_sql USING p_walk_id;
    END LOOP;
END;
$deletion_walk_defaults$;

COMMENT ON FUNCTION deletion_walk_defaults(bigint, bigint) IS
'Let those rows of a walk block that would get a default which no parent will have.';
REVOKE ALL ON FUNCTION deletion_walk_defaults(bigint, bigint) FROM PUBLIC;
