-- deletion_begin_untie
-- Say of a walk's rows whose turn it is first, as a stage of the search for circles begins.
--
-- Parameters  p_walk_id   the walk                 p_plan_id   its plan
--             p_stage     place: what hangs from no row that holds it; peel: what has none below
--             p_jobs      peel: the jobs whose rows are looked at
-- Writes      deletion_walk_keys, deletion_walk_links     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_begin_untie(
    p_walk_id bigint,
    p_plan_id bigint,
    p_stage text,
    p_jobs bigint[]
) RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_begin_untie$
DECLARE
    v_linked CONSTANT integer[] := deletion_linked_nodes(p_plan_id);
BEGIN
    IF p_stage = 'place' THEN
        -- Roots that hang from nothing of the same job; the others come when it is their turn.
        UPDATE deletion_walk_keys AS w
        SET is_expanded = FALSE
        WHERE
            w.walk_id = p_walk_id AND w.node_no = 0 AND w.edge_no = 0 AND w.fate = 'delete'
            AND 0 = ANY (v_linked)
            AND NOT EXISTS (
                SELECT 1
                FROM deletion_walk_links AS l
                WHERE
                    l.walk_id + 0 = w.walk_id AND l.job_id + 0 = w.job_id AND l.child_node_no + 0 = 0
                    AND l.child_hash || '' = w.key_hash
                    AND NOT EXISTS (
                        SELECT 1
                        FROM deletion_plan_steps AS s
                        WHERE
                            s.plan_id = p_plan_id AND s.edge_no = l.edge_no AND s.kind = 'loose'
                    )
                OFFSET 0
            );
        RETURN;
    END IF;

    -- All rows are compared with all links, by a hash: as many as there are, their statistics do
    -- not tell.
    PERFORM deletion_allow_hash(TRUE), set_config('enable_nestloop', 'off', TRUE);

    -- Rows that were taken out hang from these by nothing that holds.
    DELETE FROM deletion_walk_links AS l
    WHERE
        l.walk_id = p_walk_id AND l.job_id = ANY (p_jobs) AND NOT l.is_let_go
        AND NOT EXISTS (
            SELECT 1
            FROM deletion_walk_keys AS w
            WHERE
                w.walk_id = l.walk_id AND w.job_id = l.job_id AND w.node_no = l.child_node_no
                AND w.fate = 'delete' AND w.key_hash = l.child_hash
        );
    UPDATE deletion_walk_keys AS w
    SET is_expanded = FALSE
    WHERE
        w.walk_id = p_walk_id AND w.job_id = ANY (p_jobs) AND w.node_no = ANY (v_linked)
        AND w.fate = 'delete'
        AND NOT EXISTS (
            SELECT 1
            FROM deletion_walk_links AS l
            WHERE
                l.walk_id = w.walk_id AND l.job_id = w.job_id AND l.parent_node_no = w.node_no
                AND l.parent_hash = w.key_hash AND NOT l.is_let_go
        );

    PERFORM deletion_allow_hash(FALSE), set_config('enable_nestloop', 'on', TRUE);
END;
$deletion_begin_untie$;

COMMENT ON FUNCTION deletion_begin_untie(bigint, bigint, text, bigint[]) IS
'Say of a walk''s rows whose turn it is first, as a stage of the search for circles begins.';
REVOKE ALL ON FUNCTION deletion_begin_untie(bigint, bigint, text, bigint[]) FROM PUBLIC;
