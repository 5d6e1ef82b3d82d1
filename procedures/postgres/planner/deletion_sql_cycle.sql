-- deletion_sql_cycle
-- Write the statement that finds rows that are their own ancestors by a self-reference.
--
-- Parameters  p_edge   the self-reference                    p_node   its table
-- Returns     text; binds $1, the walk whose keys are known; answers job, number of rows on or
--             below circles, and one of them
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_sql_cycle(
    p_edge jsonb,
    p_node jsonb
) RETURNS text
LANGUAGE sql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_sql_cycle$
-- Each row has one parent: what cannot be reached from a row without a known one goes in circles.
SELECT format(
    $sql$WITH RECURSIVE m AS MATERIALIZED (
    SELECT w.job_id, w.key_hash, up.key_hash AS parent_hash
    FROM deletion_walk_keys AS w
    CROSS JOIN LATERAL jsonb_to_record(w.keys) AS f (%1$s)
    CROSS JOIN LATERAL (SELECT * FROM ONLY %2$s AS c WHERE %3$s OFFSET 0) AS c
    LEFT JOIN LATERAL (
        SELECT p.key_hash
        FROM ONLY %2$s AS t
        CROSS JOIN LATERAL (
            SELECT p.key_hash
            FROM deletion_walk_keys AS p
            WHERE
                p.walk_id = w.walk_id AND p.job_id = w.job_id AND p.node_no = w.node_no
                AND p.fate = 'delete' AND p.key_hash = deletion_key_hash(jsonb_build_array(%4$s))
            OFFSET 0
        ) AS p
        WHERE %5$s
        OFFSET 0
    ) AS up ON TRUE
    WHERE w.walk_id = $1 AND w.node_no = %6$s AND w.fate = 'delete'
),
reached AS (
    SELECT m.job_id, m.key_hash FROM m WHERE m.parent_hash IS NULL
    UNION ALL
    SELECT m.job_id, m.key_hash
    FROM reached AS r
    INNER JOIN m ON m.job_id = r.job_id AND m.parent_hash = r.key_hash
)
SELECT w.job_id, count(*), min(w.keys::text)
FROM deletion_walk_keys AS w
WHERE w.walk_id = $1 AND w.node_no = %6$s AND w.fate = 'delete'
    AND EXISTS (SELECT 1 FROM m WHERE m.job_id = w.job_id AND m.key_hash = w.key_hash)
    AND NOT EXISTS (
        SELECT 1 FROM reached AS r WHERE r.job_id = w.job_id AND r.key_hash = w.key_hash
    )
GROUP BY w.job_id$sql$,
    deletion_sql_list(k.columns, '%1$s %3$s'),
    p_node ->> 'sql',
    deletion_sql_list(k.columns, 'c.%2$s %4$s f.%1$s', ' AND '),
    deletion_sql_list(k.columns, 't.%2$s'),
    p_edge ->> 'on_parent',
    p_node ->> 'no'
)
FROM (
    SELECT jsonb_agg(c ORDER BY n) AS columns
    FROM jsonb_array_elements(p_node -> 'columns') WITH ORDINALITY AS x (c, n)
    WHERE (c ->> 'key')::boolean
) AS k;
$deletion_sql_cycle$;

COMMENT ON FUNCTION deletion_sql_cycle(jsonb, jsonb) IS
'The statement that finds rows that are their own ancestors by a self-reference.';
REVOKE ALL ON FUNCTION deletion_sql_cycle(jsonb, jsonb) FROM PUBLIC;
