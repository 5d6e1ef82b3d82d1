-- deletion_take_found
-- Give the next rows that hang from a wide frame by one reference; find many at once.
--
-- Parameters  p_frame   the frame                  p_step   the plan's drain step
--             p_limit   how many rows the batch has left
-- Returns     p_frame, whose edge_pos says whether the reference is done with, and p_row_ids, where
--             the rows lie; NULL: none are left
-- Writes      deletion_found_rows                  Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_take_found(
    INOUT p_frame deletion_frames,
    p_step deletion_plan_steps,
    p_limit bigint,
    OUT p_row_ids tid[]
)
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_take_found$
DECLARE
    -- 24 megabytes; as many as went before, so that a frame that is nearly empty costs little.
    v_limit bigint := least(p_frame.rows_here, 4000000);
    v_sql text;
    v_all tid[];
    v_rest tid[];
BEGIN
    IF p_frame.fetch_cursor IS NULL THEN
        DELETE FROM deletion_found_rows AS r
        WHERE r.run_id = p_frame.run_id AND r.depth = p_frame.depth;
        SELECT s.sql_text INTO STRICT v_sql
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = p_step.plan_id AND s.edge_no = p_step.edge_no AND s.kind = 'find';
        EXECUTE v_sql INTO v_all USING p_frame.keys, v_limit;
        INSERT INTO deletion_found_rows (run_id, depth, part_no, row_ids)
        SELECT p_frame.run_id, p_frame.depth, p.first, v_all[p.first:p.first + p_limit - 1]
        FROM generate_series(1, cardinality(v_all), p_limit) AS p (first);
        p_frame.fetch_cursor := jsonb_build_object(
            'is_end', cardinality(v_all) < v_limit, 'rows_here', p_frame.rows_here
        );
    END IF;

    DELETE FROM deletion_found_rows AS r
    WHERE
        r.run_id = p_frame.run_id AND r.depth = p_frame.depth
        AND r.part_no = (
            SELECT min(n.part_no) FROM deletion_found_rows AS n
            WHERE n.run_id = p_frame.run_id AND n.depth = p_frame.depth
        )
    RETURNING r.row_ids INTO p_row_ids;

    v_rest := p_row_ids[p_limit + 1:];

    IF cardinality(v_rest) > 0 THEN
        PERFORM deletion_return_found(p_frame, v_rest);
        p_row_ids := p_row_ids[:p_limit];
    ELSIF p_row_ids IS NULL THEN
        -- All that were found have had their turn. Where none of them went, none will.
        IF
            (p_frame.fetch_cursor ->> 'is_end')::boolean
            OR (p_frame.fetch_cursor ->> 'rows_here')::bigint = p_frame.rows_here
        THEN
            p_frame.edge_pos := p_step.edge_no;
        END IF;

        p_frame.fetch_cursor := NULL;
    END IF;
END;
$deletion_take_found$;

COMMENT ON FUNCTION deletion_take_found(deletion_frames, deletion_plan_steps, bigint) IS
'The next rows that hang from a wide frame by one reference; many are found at once.';
REVOKE ALL ON FUNCTION deletion_take_found(deletion_frames, deletion_plan_steps, bigint)
FROM PUBLIC;
