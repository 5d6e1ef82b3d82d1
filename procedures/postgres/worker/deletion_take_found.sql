-- deletion_take_found
-- Give the next rows that hang from a wide frame by one reference; find many at once.
--
-- Parameters  p_frame   the frame                  p_step   the plan's drain or fetch step
--             p_limit   most rows
-- Returns     p_frame, whose edge_pos says whether the reference is done with, and whose
--             fetch_cursor how many of those found have been taken; p_row_ids, where the rows lie;
--             NULL: none are left
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
    -- A part is 6 kilobytes: how many of them a batch needs is only known when it takes them.
    c_part CONSTANT integer := 1000;
    -- 24 megabytes; as many as went before, so that a frame that is nearly empty costs little.
    v_limit bigint := least(p_frame.rows_here, 4000000);
    v_taken bigint;
    v_sql text;
    v_part tid[];
    -- A field of a row stays as it was read; a variable that is an array would be taken apart, and
    -- put together again, all of it, for each part that is cut out of it.
    v_all deletion_found_rows;
BEGIN
    IF p_frame.fetch_cursor IS NULL THEN
        DELETE FROM deletion_found_rows AS r
        WHERE r.run_id = p_frame.run_id AND r.depth = p_frame.depth;
        SELECT s.sql_text INTO STRICT v_sql
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = p_step.plan_id AND s.edge_no = p_step.edge_no AND s.kind = 'find';
        EXECUTE v_sql INTO v_all.row_ids USING p_frame.keys, v_limit;
        INSERT INTO deletion_found_rows (run_id, depth, part_no, row_ids)
        SELECT
            p_frame.run_id, p_frame.depth, p.no,
            v_all.row_ids[p.no * c_part + 1:(p.no + 1) * c_part]
        FROM generate_series(0, (cardinality(v_all.row_ids) - 1) / c_part) AS p (no);
        p_frame.fetch_cursor := jsonb_build_object(
            'is_end', cardinality(v_all.row_ids) < v_limit, 'rows_here', p_frame.rows_here,
            'taken', 0, 'found', cardinality(v_all.row_ids)
        );
    END IF;

    v_taken := (p_frame.fetch_cursor ->> 'taken')::bigint;

    IF v_taken < (p_frame.fetch_cursor ->> 'found')::bigint THEN
        p_row_ids := '{}';

        FOR v_part IN
            SELECT r.row_ids[
                greatest(v_taken - r.part_no::bigint * c_part, 0) + 1
                :least(v_taken + p_limit - r.part_no::bigint * c_part, c_part)
            ]
            FROM deletion_found_rows AS r
            WHERE
                r.run_id = p_frame.run_id AND r.depth = p_frame.depth
                AND r.part_no BETWEEN v_taken / c_part AND (v_taken + p_limit - 1) / c_part
            ORDER BY r.part_no
        LOOP
            p_row_ids := p_row_ids || v_part;
        END LOOP;

        p_frame.fetch_cursor := p_frame.fetch_cursor || jsonb_build_object(
            'taken', v_taken + cardinality(p_row_ids)
        );
        RETURN;
    END IF;

    -- All that were found have had their turn. Where none of them went, none will.
    IF
        (p_frame.fetch_cursor ->> 'is_end')::boolean
        OR (p_frame.fetch_cursor ->> 'rows_here')::bigint = p_frame.rows_here
    THEN
        p_frame.edge_pos := p_step.edge_no;
    END IF;

    p_frame.fetch_cursor := NULL;
END;
$deletion_take_found$;

COMMENT ON FUNCTION deletion_take_found(deletion_frames, deletion_plan_steps, bigint) IS
'The next rows that hang from a wide frame by one reference; many are found at once.';
REVOKE ALL ON FUNCTION deletion_take_found(deletion_frames, deletion_plan_steps, bigint)
FROM PUBLIC;
