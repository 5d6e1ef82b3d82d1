-- deletion_place
-- Take rows out of a finished walk that a circle cannot keep: each comes after what it hangs from.
--
-- Parameters  p_walk_id   the walk                 p_plan_id   its plan
-- Returns     bigint, the number of rows taken out; 0: what is left waits for itself
-- Writes      deletion_walk_keys, deletion_walk_links     Commits  no
-- Execute     the owner only
--
-- A row is taken when one that it hangs from is, and all are that it hangs from by a reference
-- which cannot be set NULL. By any other the run lets go of it, since it stays reachable by the
-- first: such links stay, for the run. What is left is in a circle that nothing opens, or below
-- one. is_expanded FALSE: it is the row's turn; edge_no 0: a row that it hangs from is taken, or it
-- is a root.

CREATE OR REPLACE FUNCTION deletion_place(
    p_walk_id bigint,
    p_plan_id bigint
) RETURNS bigint
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_place$
DECLARE
    v_linked CONSTANT integer[] := deletion_linked_nodes(p_plan_id);
    v_above integer[];
    v_leading integer[];
    v_hard integer[];
    v_taken bigint;
    v_jobs bigint[];
    v_nodes integer[];
    v_hashes bytea[];
    v_are_met boolean[];
BEGIN
    SELECT
        array_agg(DISTINCT l.parent_node_no) FILTER (WHERE l.parent_node_no <> ALL (v_linked)),
        array_agg(l.edge_no) FILTER (WHERE l.action = 'cascade'),
        array_agg(l.edge_no) FILTER (WHERE k.is_circle AND NOT k.is_loose)
    INTO v_above, v_leading, v_hard
    FROM deletion_plan_steps AS l
    CROSS JOIN LATERAL (
        SELECT
            coalesce(bool_or(s.kind = 'circle'), FALSE) AS is_circle,
            coalesce(bool_or(s.kind = 'loose'), FALSE) AS is_loose
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = p_plan_id AND s.edge_no = l.edge_no
    ) AS k
    WHERE l.plan_id = p_plan_id AND l.kind = 'link';

    WITH taken AS (
        DELETE FROM deletion_walk_keys AS w
        WHERE w.ctid = ANY (ARRAY(
            (
                SELECT x.ctid
                FROM deletion_walk_keys AS x
                WHERE x.walk_id + 0 = p_walk_id AND NOT x.is_expanded
                LIMIT 5000
            )
            UNION ALL
            (
                -- No circle holds rows of other tables.
                SELECT x.row_id
                FROM unnest(v_above) AS a (node_no)
                CROSS JOIN LATERAL (
                    SELECT k.ctid AS row_id
                    FROM deletion_walk_keys AS k
                    WHERE
                        k.walk_id + 0 = p_walk_id AND k.is_expanded AND k.node_no + 0 = a.node_no
                        AND (k.fate = 'delete') IS TRUE
                    OFFSET 0
                ) AS x
                LIMIT 5000
            )
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
                    k.walk_id = p_walk_id AND k.job_id = t.job_id AND k.parent_node_no = t.node_no
                    AND k.parent_hash = t.key_hash
                OFFSET 0
            ) AS f
        ))
        RETURNING
            l.job_id, l.parent_node_no, l.parent_hash, l.child_node_no, l.child_hash, l.edge_no
    ),

    -- Of two rows that are taken at once either may come first.
    let_go AS (
        INSERT INTO deletion_walk_links (
            walk_id, job_id, parent_node_no, parent_hash, child_node_no, child_hash, edge_no,
            is_let_go
        )
        SELECT
            p_walk_id, c.job_id, c.parent_node_no, c.parent_hash, c.child_node_no, c.child_hash,
            c.edge_no, TRUE
        FROM cut AS c
        WHERE
            c.edge_no = ANY (v_leading)
            AND (
                EXISTS (
                    SELECT 1
                    FROM taken AS t
                    WHERE
                        t.job_id = c.job_id AND t.node_no = c.child_node_no
                        AND t.key_hash = c.child_hash
                        AND (t.node_no, t.key_hash) < (c.parent_node_no, c.parent_hash)
                )
                OR NOT EXISTS (
                    SELECT 1
                    FROM deletion_walk_keys AS w
                    WHERE
                        w.walk_id = p_walk_id AND w.job_id = c.job_id
                        AND w.node_no = c.child_node_no AND w.fate = 'delete'
                        AND w.key_hash = c.child_hash
                    OFFSET 0
                )
            )
    ),

    below AS (
        SELECT
            c.job_id, c.child_node_no, c.child_hash, bool_or(c.edge_no = ANY (v_leading)) AS is_met
        FROM cut AS c
        GROUP BY c.job_id, c.child_node_no, c.child_hash
    )

    SELECT
        (SELECT count(*) FROM taken),
        array_agg(b.job_id), array_agg(b.child_node_no), array_agg(b.child_hash),
        array_agg(b.is_met)
    INTO v_taken, v_jobs, v_nodes, v_hashes, v_are_met
    FROM below AS b;

    -- In a statement of its own: it has to see what was cut.
    UPDATE deletion_walk_keys AS w
    SET
        edge_no = CASE WHEN b.is_met THEN 0 ELSE w.edge_no END,
        is_expanded = NOT (b.is_met OR w.edge_no = 0) OR b.has_to_wait
    FROM (
        SELECT
            f.row_id, u.is_met,
            EXISTS (
                SELECT l.ctid
                FROM deletion_walk_links AS l
                WHERE
                    l.walk_id + 0 = p_walk_id AND l.job_id + 0 = u.job_id
                    AND l.child_node_no + 0 = u.node_no AND l.child_hash || '' = u.key_hash
                    AND (l.edge_no = ANY (v_hard)) IS TRUE
                OFFSET 0
            ) AS has_to_wait
        FROM
            unnest(v_jobs, v_nodes, v_hashes, v_are_met) AS u (job_id, node_no, key_hash, is_met)
        CROSS JOIN LATERAL (
            SELECT k.ctid AS row_id
            FROM deletion_walk_keys AS k
            WHERE
                k.walk_id = p_walk_id AND k.job_id = u.job_id AND k.node_no = u.node_no
                AND k.fate = 'delete' AND k.key_hash = u.key_hash
            OFFSET 0
        ) AS f
        OFFSET 0
    ) AS b
    WHERE w.ctid = b.row_id;

    RETURN v_taken;
END;
$deletion_place$;

COMMENT ON FUNCTION deletion_place(bigint, bigint) IS
'Take rows out of a finished walk that a circle cannot keep.';
REVOKE ALL ON FUNCTION deletion_place(bigint, bigint) FROM PUBLIC;
