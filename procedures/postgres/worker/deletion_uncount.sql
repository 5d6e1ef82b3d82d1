-- deletion_uncount
-- Take rows that are gone out of the receipts of what was set: a row counts once, by its end.
--
-- Parameters  p_run_id       the run that removed them; another may have set them
--             p_table_name   the table, as plans name it
--             p_keys         a frame of its rows that were removed
-- Writes      deletion_receipts, deletion_walk_keys     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_uncount(
    p_run_id bigint,
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

SELECT deletion_add_receipts(
    p_run_id, ARRAY[p_table_name], g.action,
    ARRAY[jsonb_object_agg(g.job_id, -g.row_count)]
)
FROM (
    SELECT f.job_id, f.action, count(*) AS row_count
    FROM forgotten AS f
    GROUP BY f.job_id, f.action
) AS g
GROUP BY g.action;
$deletion_uncount$;

COMMENT ON FUNCTION deletion_uncount(bigint, text, jsonb) IS
'Take rows that are gone out of the receipts of what was set.';
REVOKE ALL ON FUNCTION deletion_uncount(bigint, text, jsonb) FROM PUBLIC;
