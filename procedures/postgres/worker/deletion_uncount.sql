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
WITH gone AS MATERIALIZED (
    SELECT
        (k.value ->> 'j')::bigint AS job_id,
        deletion_key_hash(
            jsonb_build_array(p_table_name) || (
                SELECT jsonb_agg(e.value ORDER BY substr(e.key, 2)::integer)
                FROM jsonb_each(k.value) AS e
                WHERE e.key LIKE 'k%'
            )
        ) AS key_hash
    FROM jsonb_array_elements(p_keys) AS k
    -- Of a table that no reference sets no row was counted.
    WHERE EXISTS (
        SELECT 1
        FROM deletion_runs AS r
        INNER JOIN deletion_plan_steps AS s ON s.plan_id = r.plan_id
        WHERE r.run_id = p_run_id AND s.kind = 'set' AND s.table_name = p_table_name
    )
),

forgotten AS (
    DELETE FROM deletion_walk_keys AS w
    -- OFFSET 0: each is looked up by all of the key, however few rows the statistics know of.
    WHERE w.ctid = ANY (ARRAY(
        SELECT x.row_id
        FROM gone AS g
        CROSS JOIN LATERAL (
            SELECT y.ctid AS row_id
            FROM deletion_walk_keys AS y
            WHERE
                y.walk_id = 0 AND y.job_id = g.job_id AND y.node_no = -1
                AND y.fate = 'set_null' AND y.key_hash = g.key_hash
            OFFSET 0
        ) AS x
    ))
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
