-- deletion_peel
-- Take rows out of what circles keep that have nothing below them: they go before any circle.
--
-- Parameters  p_walk_id   the walk
-- Returns     bigint, the number of rows taken out; 0: what is left is in a circle, or above one
-- Writes      deletion_walk_keys, deletion_walk_links     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_peel(p_walk_id bigint)
RETURNS bigint
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_peel$
DECLARE
    v_taken bigint;
    v_jobs bigint[];
    v_nodes integer[];
    v_hashes bytea[];
BEGIN
    WITH taken AS (
        DELETE FROM deletion_walk_keys AS w
        WHERE w.ctid = ANY (ARRAY(
            SELECT x.ctid
            FROM deletion_walk_keys AS x
            WHERE x.walk_id + 0 = p_walk_id AND NOT x.is_expanded
            LIMIT 5000
        ))
        RETURNING w.job_id, w.node_no, w.key_hash
    ),

    cut AS (
        DELETE FROM deletion_walk_links AS l
        -- OFFSET 0, here and below: each is looked up by all of its index, and nothing joined by
        -- whatever the statistics take for few.
        WHERE l.ctid = ANY (ARRAY(
            SELECT f.row_id
            FROM taken AS t
            CROSS JOIN LATERAL (
                SELECT k.ctid AS row_id
                FROM deletion_walk_links AS k
                WHERE
                    k.walk_id + 0 = p_walk_id AND k.job_id + 0 = t.job_id
                    AND k.child_node_no + 0 = t.node_no AND k.child_hash || '' = t.key_hash
                OFFSET 0
            ) AS f
        ))
        RETURNING l.job_id, l.parent_node_no, l.parent_hash
    ),

    above AS (
        SELECT DISTINCT c.job_id, c.parent_node_no, c.parent_hash FROM cut AS c
    )

    SELECT
        (SELECT count(*) FROM taken),
        array_agg(a.job_id), array_agg(a.parent_node_no), array_agg(a.parent_hash)
    INTO v_taken, v_jobs, v_nodes, v_hashes
    FROM above AS a;

    -- In a statement of its own: it has to see what was cut.
    UPDATE deletion_walk_keys AS w
    SET is_expanded = FALSE
    WHERE w.ctid = ANY (ARRAY(
        SELECT f.row_id
        FROM unnest(v_jobs, v_nodes, v_hashes) AS a (job_id, node_no, key_hash)
        CROSS JOIN LATERAL (
            SELECT k.ctid AS row_id
            FROM deletion_walk_keys AS k
            WHERE
                k.walk_id = p_walk_id AND k.job_id = a.job_id AND k.node_no = a.node_no
                AND k.fate = 'delete' AND k.key_hash = a.key_hash
            OFFSET 0
        ) AS f
        WHERE NOT EXISTS (
            SELECT 1
            FROM deletion_walk_links AS l
            WHERE
                l.walk_id = p_walk_id AND l.job_id = a.job_id AND l.parent_node_no = a.node_no
                AND l.parent_hash = a.key_hash AND NOT l.is_let_go
            OFFSET 0
        )
    ));

    RETURN v_taken;
END;
$deletion_peel$;

COMMENT ON FUNCTION deletion_peel(bigint) IS
'Take rows out of what circles keep that have nothing below them.';
REVOKE ALL ON FUNCTION deletion_peel(bigint) FROM PUBLIC;
