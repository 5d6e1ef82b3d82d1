-- deletion_hold_frames
-- Hold the rows of a run's stored frames where they were found, until the step commits.
--
-- Parameters  p_run   the run, fenced
-- Writes      deletion_frames, deletion_walk_keys; locks the frames' rows     Commits  no
-- Execute     the owner only
--
-- Between two transactions rows may move to another parent, and all below them along: that stays.
-- While the step works they cannot. Others may still add children to them; they go as well.

CREATE OR REPLACE FUNCTION deletion_hold_frames(p_run deletion_runs)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_hold_frames$
DECLARE
    v_part record;
    v_sql text;
    v_found bigint;
    v_moved integer[];
    v_frame deletion_frames;
    v_held deletion_frames;
BEGIN
    -- Mostly nothing has moved. Of a deep stack many small frames are looked at in one statement, and
    -- those of a reference one by one only where rows of it are missing. To put large ones together
    -- would take half as long as to hold them.
    IF
        (SELECT max(f.depth) FROM deletion_frames AS f WHERE f.run_id = p_run.run_id) >= 20
        AND (
            SELECT avg(f.key_count) FROM deletion_frames AS f WHERE f.run_id = p_run.run_id
        ) < 500
    THEN
        v_moved := '{}';

        FOR v_part IN
            SELECT
                f.edge_no, count(*) AS key_count, jsonb_agg(k.value) AS keys,
                bool_or(k.value ? 'u1') AS has_others
            FROM deletion_frames AS f
            CROSS JOIN LATERAL jsonb_array_elements(f.keys) AS k
            WHERE f.run_id = p_run.run_id
            GROUP BY f.edge_no, f.depth / 1000
        LOOP
            v_found := NULL;

            IF v_part.edge_no <> 0 AND NOT v_part.has_others THEN
                SELECT s.sql_text INTO STRICT v_sql
                FROM deletion_plan_steps AS s
                WHERE
                    s.plan_id = p_run.plan_id AND s.edge_no = v_part.edge_no AND s.kind = 'hold';
                EXECUTE v_sql INTO v_found USING v_part.keys;
            END IF;

            IF v_found IS DISTINCT FROM v_part.key_count THEN
                v_moved := v_moved || v_part.edge_no;
            END IF;
        END LOOP;

        IF v_moved = '{}' THEN
            RETURN;
        END IF;
    END IF;

    FOR v_frame IN
        -- One after the other from the top: a scan of all of them would pass those of earlier steps,
        -- which stay as long as an old snapshot does.
        WITH RECURSIVE place AS (
            (
                SELECT f.depth, f.ctid AS row_id
                FROM deletion_frames AS f
                WHERE f.run_id = p_run.run_id
                ORDER BY f.depth DESC
                LIMIT 1
            )
            UNION ALL
            SELECT b.depth, b.row_id
            FROM place AS p
            CROSS JOIN LATERAL (
                SELECT f.depth, f.ctid AS row_id
                FROM deletion_frames AS f
                WHERE f.run_id = p_run.run_id AND f.depth < p.depth
                ORDER BY f.depth DESC
                LIMIT 1
            ) AS b
        )

        SELECT f.*
        FROM place AS p
        INNER JOIN deletion_frames AS f ON f.ctid = p.row_id
        WHERE v_moved IS NULL OR f.edge_no = ANY (v_moved)
        ORDER BY p.depth
    LOOP
        v_held := deletion_hold_frame(p_run.plan_id, v_frame);
        CONTINUE WHEN v_held.run_id IS NULL;

        IF v_frame.keys -> 0 ? 'l' THEN
            -- What hangs from the rows that moved is in the same frame: all of it is found again.
            UPDATE deletion_frames AS f
            SET edge_pos = 0, fetch_cursor = NULL
            WHERE f.run_id = v_frame.run_id AND f.depth = v_frame.depth - 1;
            DELETE FROM deletion_frames AS f
            WHERE f.run_id = v_frame.run_id AND f.depth >= v_frame.depth;
            PERFORM deletion_note_stack(p_run);
            RETURN;
        END IF;

        -- What lies above hung from these rows; it is found again where it still does.
        UPDATE deletion_frames AS f
        SET keys = v_held.keys, key_count = v_held.key_count, edge_pos = 0, fetch_cursor = NULL
        WHERE f.run_id = v_frame.run_id AND f.depth = v_frame.depth;
        DELETE FROM deletion_frames AS f
        WHERE f.run_id = v_frame.run_id AND f.depth > v_frame.depth;
        PERFORM deletion_note_stack(p_run);
        RETURN;
    END LOOP;
END;
$deletion_hold_frames$;

COMMENT ON FUNCTION deletion_hold_frames(deletion_runs) IS
'Hold the rows of a run''s stored frames where they were found, until the step commits.';
REVOKE ALL ON FUNCTION deletion_hold_frames(deletion_runs) FROM PUBLIC;
