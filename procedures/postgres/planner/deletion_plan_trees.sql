-- deletion_plan_trees
-- Find the tables of a plan whose rows can go with all that hangs from them, level by level.
--
-- Parameters  p_nodes   the plan's nodes           p_edges   its references
-- Returns     integer[], the numbers of those nodes: what hangs from them does so by foreign keys
--             of single whole numbers that cascade, no trigger sees any of it go, and none of
--             their tables is reached twice, so that each row is counted once
-- Writes      nothing                              Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_plan_trees(
    p_nodes jsonb,
    p_edges jsonb
) RETURNS integer[]
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_plan_trees$
DECLARE
    v_parents integer[];
    v_children integer[];
    v_sound integer[];
    v_trees integer[] := '{}'::integer[];
    -- Pairs: a tree, and a table below it.
    v_tops integer[] := '{}'::integer[];
    v_members integer[] := '{}'::integer[];
    v_new_trees integer[];
    v_new_tops integer[];
    v_new_members integer[];
BEGIN
    SELECT array_agg((e.value ->> 'parent')::integer), array_agg((e.value ->> 'child')::integer)
    INTO v_parents, v_children
    FROM jsonb_array_elements(p_edges) AS e
    WHERE e.value ->> 'action' <> 'keep';

    v_sound := ARRAY(
        SELECT n.node_no
        FROM (
            SELECT (x.value ->> 'no')::integer AS node_no, x.value -> 'columns' AS columns
            FROM jsonb_array_elements(p_nodes) AS x
        ) AS n
        INNER JOIN (
            SELECT
                (e.value ->> 'parent')::integer AS parent_no,
                bool_and(
                    e.value ->> 'action' = 'cascade' AND NOT (e.value ->> 'self')::boolean
                    AND (e.value ->> 'steady')::boolean AND (e.value ->> 'quiet')::boolean
                    AND (e.value ->> 'plain')::boolean
                ) AS is_sound
            FROM jsonb_array_elements(p_edges) AS e
            WHERE e.value ->> 'action' <> 'keep'
            GROUP BY (e.value ->> 'parent')::integer
        ) AS b ON b.parent_no = n.node_no
        WHERE
            b.is_sound
            AND jsonb_array_length(n.columns) = 1
            AND n.columns -> 0 ->> 'type' IN ('smallint', 'integer', 'bigint')
            AND n.columns -> 0 ->> 'eq' = 'OPERATOR(pg_catalog.=)'
    );

    -- From the leaves upwards: what is above a table that is none is none either.
    LOOP
        WITH link AS (
            SELECT l.parent_no, l.child_no FROM unnest(v_parents, v_children) AS l (parent_no, child_no)
        ),

        candidate AS (
            SELECT l.parent_no
            FROM link AS l
            WHERE l.parent_no = ANY (v_sound) AND l.parent_no <> ALL (v_trees)
            GROUP BY l.parent_no
            HAVING bool_and(l.child_no = ANY (v_trees) OR l.child_no <> ALL (v_parents))
        ),

        reached AS (
            SELECT l.parent_no, l.child_no
            FROM link AS l
            WHERE l.parent_no IN (SELECT c.parent_no FROM candidate AS c)
            UNION ALL
            SELECT l.parent_no, p.member
            FROM link AS l
            INNER JOIN unnest(v_tops, v_members) AS p (top, member) ON p.top = l.child_no
            WHERE l.parent_no IN (SELECT c.parent_no FROM candidate AS c)
        ),

        tree AS (
            SELECT r.parent_no
            FROM reached AS r
            GROUP BY r.parent_no
            HAVING count(*) = count(DISTINCT r.child_no)
        )

        SELECT
            (SELECT array_agg(t.parent_no) FROM tree AS t),
            array_agg(r.parent_no), array_agg(r.child_no)
        INTO v_new_trees, v_new_tops, v_new_members
        FROM reached AS r
        WHERE r.parent_no IN (SELECT t.parent_no FROM tree AS t);

        EXIT WHEN v_new_trees IS NULL;
        v_trees := v_trees || v_new_trees;
        v_tops := v_tops || v_new_tops;
        v_members := v_members || v_new_members;
    END LOOP;

    RETURN v_trees;
END;
$deletion_plan_trees$;

COMMENT ON FUNCTION deletion_plan_trees(jsonb, jsonb) IS
'The tables of a plan whose rows can go with all that hangs from them, level by level.';
REVOKE ALL ON FUNCTION deletion_plan_trees(jsonb, jsonb) FROM PUBLIC;
