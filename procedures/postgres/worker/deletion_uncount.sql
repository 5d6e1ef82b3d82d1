-- deletion_uncount
-- Take rows that are gone out of the receipts of what was set: a row counts once, by its end.
--
-- Parameters  p_table_name   the table, as plans name it
--             p_keys         a frame of its rows that were removed
-- Writes      deletion_receipts, deletion_walk_keys     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_uncount(
    p_table_name text,
    p_keys jsonb
) RETURNS void
LANGUAGE sql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_uncount$
WITH forgotten AS (
    DELETE FROM deletion_walk_keys AS w
    USING jsonb_array_elements(p_keys) AS k
    WHERE
        w.walk_id = 0 AND w.job_id = (k.value ->> 'j')::bigint AND w.node_no = -1
        AND w.fate = 'set_null'
        AND w.key_hash = deletion_key_hash(
            jsonb_build_array(p_table_name) || (
                SELECT jsonb_agg(e.value ORDER BY substr(e.key, 2)::integer)
                FROM jsonb_each(k.value) AS e
                WHERE e.key LIKE 'k%'
            )
        )
    RETURNING w.job_id, w.keys ->> 'action' AS action
)

UPDATE deletion_receipts AS r
SET row_count = r.row_count - f.row_count
FROM (
    SELECT g.job_id, g.action, count(*) AS row_count
    FROM forgotten AS g
    GROUP BY g.job_id, g.action
) AS f
WHERE r.job_id = f.job_id AND r.table_name = p_table_name AND r.action = f.action;

DELETE FROM deletion_receipts AS r
WHERE
    r.table_name = p_table_name AND r.row_count = 0 AND r.action IN ('set_null', 'set_default')
    AND r.job_id IN (SELECT (k.value ->> 'j')::bigint FROM jsonb_array_elements(p_keys) AS k);
$deletion_uncount$;

COMMENT ON FUNCTION deletion_uncount(text, jsonb) IS
'Take rows that are gone out of the receipts of what was set.';
REVOKE ALL ON FUNCTION deletion_uncount(text, jsonb) FROM PUBLIC;
