-- deletion_largest_circle
-- Find the largest set of a job's rows each of which hangs from every other, in a peeled walk.
--
-- Parameters  p_walk_id   the walk                 p_plan_id   its plan
--             p_job_id    the job
-- Returns     record: p_rows, how many rows; p_nodes, their tables; p_edges, the references that
--             tie them, each with how many of the rows it ties; p_sample, up to
--             three of them, each with its table
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- A reference that may be set NULL ties no row that hangs from one outside of all circles as well.
-- Tarjan's components: rows are numbered as they are met (v_met), and each learns the first row
-- that it leads back to (v_low); where that is the row itself, it heads a component.

CREATE OR REPLACE FUNCTION deletion_largest_circle(
    IN p_walk_id bigint,
    IN p_plan_id bigint,
    IN p_job_id bigint,
    OUT p_rows bigint,
    OUT p_nodes integer[],
    OUT p_edges jsonb,
    OUT p_sample text
) RETURNS record
LANGUAGE plpgsql
STABLE
SECURITY INVOKER
SET search_path FROM CURRENT
-- How many rows there are the planner cannot know: each would be compared with all.
SET enable_hashjoin = on
SET enable_nestloop = off
AS $deletion_largest_circle$
DECLARE
    v_loose CONSTANT integer[] := ARRAY(
        SELECT s.edge_no
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = p_plan_id AND s.kind = 'loose'
    );
    v_parents integer[];
    v_children integer[];
    v_count integer;
    v_next integer[];
    v_met integer[];
    v_low integer[];
    v_head integer[];
    v_open integer[] := ARRAY[]::integer[];
    v_open_count integer := 0;
    v_path integer[] := ARRAY[]::integer[];
    v_depth integer := 0;
    v_number integer := 0;
    v_row integer;
    v_child integer;
    v_best integer;
BEGIN
    SELECT count(*) INTO v_count
    FROM deletion_walk_keys AS w
    WHERE w.walk_id = p_walk_id AND w.job_id = p_job_id AND w.fate = 'delete';

    WITH vertex AS (
        SELECT
            row_number() OVER (ORDER BY w.node_no, w.key_hash) AS no, w.node_no, w.key_hash,
            w.edge_no = 0 AS is_met
        FROM deletion_walk_keys AS w
        WHERE w.walk_id = p_walk_id AND w.job_id = p_job_id AND w.fate = 'delete'
    )

    SELECT
        array_agg(x.parent ORDER BY x.parent, x.child),
        array_agg(x.child ORDER BY x.parent, x.child)
    INTO v_parents, v_children
    FROM (
        SELECT DISTINCT p.no::integer AS parent, c.no::integer AS child
        FROM deletion_walk_links AS l
        INNER JOIN vertex AS p ON p.node_no = l.parent_node_no AND p.key_hash = l.parent_hash
        INNER JOIN vertex AS c ON c.node_no = l.child_node_no AND c.key_hash = l.child_hash
        WHERE
            l.walk_id = p_walk_id AND l.job_id = p_job_id
            AND NOT (c.is_met AND l.edge_no = ANY (v_loose))
    ) AS x;

    v_met := array_fill(0, ARRAY[v_count]);
    v_low := v_met;
    v_head := v_met;
    v_next := v_met;

    -- Where each row's children begin.
    FOR v_row IN REVERSE coalesce(cardinality(v_parents), 0)..1 LOOP
        v_next[v_parents[v_row]] := v_row;
    END LOOP;

    FOR v_start IN 1..v_count LOOP
        CONTINUE WHEN v_met[v_start] > 0;
        v_row := v_start;

        LOOP
            IF v_met[v_row] = 0 THEN
                v_number := v_number + 1;
                v_met[v_row] := v_number;
                v_low[v_row] := v_number;
                v_open_count := v_open_count + 1;
                v_open[v_open_count] := v_row;
                v_depth := v_depth + 1;
                v_path[v_depth] := v_row;
            END IF;

            v_child := CASE
                WHEN v_next[v_row] > 0 AND v_parents[v_next[v_row]] = v_row
                    THEN v_children[v_next[v_row]]
            END;

            IF v_child IS NOT NULL THEN
                v_next[v_row] := v_next[v_row] + 1;

                IF v_met[v_child] = 0 THEN
                    v_row := v_child;
                ELSIF v_head[v_child] = 0 THEN
                    v_low[v_row] := least(v_low[v_row], v_met[v_child]);
                END IF;

                CONTINUE;
            END IF;

            IF v_low[v_row] = v_met[v_row] THEN
                LOOP
                    v_child := v_open[v_open_count];
                    v_open_count := v_open_count - 1;
                    v_head[v_child] := v_row;
                    EXIT WHEN v_child = v_row;
                END LOOP;
            END IF;

            v_depth := v_depth - 1;
            EXIT WHEN v_depth = 0;
            v_low[v_path[v_depth]] := least(v_low[v_path[v_depth]], v_low[v_row]);
            v_row := v_path[v_depth];
        END LOOP;
    END LOOP;

    SELECT h.head, count(*) INTO v_best, p_rows
    FROM unnest(v_head) AS h (head)
    GROUP BY h.head
    ORDER BY count(*) DESC, h.head
    LIMIT 1;

    WITH vertex AS (
        SELECT
            row_number() OVER (ORDER BY w.node_no, w.key_hash) AS no, w.node_no, w.key_hash,
            w.keys, w.edge_no = 0 AS is_met
        FROM deletion_walk_keys AS w
        WHERE w.walk_id = p_walk_id AND w.job_id = p_job_id AND w.fate = 'delete'
    ),

    part AS (
        SELECT v.node_no, v.key_hash, v.keys, v.is_met
        FROM vertex AS v
        WHERE v_head[v.no] = v_best
    )

    SELECT
        (SELECT array_agg(DISTINCT p.node_no) FROM part AS p),
        (
            SELECT jsonb_object_agg(e.edge_no, e.row_count)
            FROM (
                SELECT l.edge_no, count(DISTINCT l.child_hash) AS row_count
                FROM deletion_walk_links AS l
                INNER JOIN part AS p
                    ON p.node_no = l.parent_node_no AND p.key_hash = l.parent_hash
                INNER JOIN part AS c
                    ON c.node_no = l.child_node_no AND c.key_hash = l.child_hash
                WHERE
                    l.walk_id = p_walk_id AND l.job_id = p_job_id
                    AND NOT (c.is_met AND l.edge_no = ANY (v_loose))
                GROUP BY l.edge_no
            ) AS e
        ),
        (
            SELECT string_agg(format('%s (%s)', k.table_name, k.key_text), ', ' ORDER BY k.place)
            FROM (
                SELECT
                    (
                        SELECT min(s.table_name)
                        FROM deletion_plan_steps AS s
                        WHERE s.plan_id = p_plan_id AND s.node_no = p.node_no
                    ) AS table_name,
                    (
                        SELECT string_agg(e.value, ', ' ORDER BY substr(e.key, 2)::integer)
                        FROM jsonb_each_text(p.keys) AS e
                        WHERE e.key LIKE 'k%'
                    ) AS key_text,
                    p.place
                FROM (
                    -- One of each table first.
                    SELECT q.*, row_number() OVER (ORDER BY q.place_in_table, q.node_no) AS place
                    FROM (
                        SELECT
                            r.*,
                            row_number() OVER (
                                PARTITION BY r.node_no ORDER BY r.key_hash
                            ) AS place_in_table
                        FROM part AS r
                    ) AS q
                ) AS p
                WHERE p.place <= 3
            ) AS k
        )
    INTO p_nodes, p_edges, p_sample;
END;
$deletion_largest_circle$;

COMMENT ON FUNCTION deletion_largest_circle(bigint, bigint, bigint) IS
'The largest set of a job''s rows each of which hangs from every other, in a peeled walk.';
REVOKE ALL ON FUNCTION deletion_largest_circle(bigint, bigint, bigint) FROM PUBLIC;
