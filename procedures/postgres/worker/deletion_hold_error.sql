-- deletion_hold_error
-- Write the error of a job that holds stop: table, key, end and reason of the first of them.
--
-- Parameters  p_holds   numbers of the holds
-- Returns     text
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_hold_error(p_holds bigint[])
RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_hold_error$
SELECT
    'JD006: held: ' || string_agg(
        format(
            '%s %s %s: %s', h.table_name, h.row_pk,
            coalesce(
                'until ' || to_char(h.held_until AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')
                || ' UTC',
                'without end'
            ),
            h.reason
        ), '; ' ORDER BY h.hold_id
    ) FILTER (WHERE h.place <= 3)
    || CASE WHEN count(*) > 3 THEN format('; and %s more', count(*) - 3) ELSE '' END
FROM (
    SELECT d.*, row_number() OVER (ORDER BY d.hold_id) AS place
    FROM deletion_holds AS d
    WHERE d.hold_id = ANY (p_holds)
) AS h;
$deletion_hold_error$;

COMMENT ON FUNCTION deletion_hold_error(bigint[]) IS
'The error of a job that holds stop: table, key, end and reason of the first of them.';
REVOKE ALL ON FUNCTION deletion_hold_error(bigint[]) FROM PUBLIC;
