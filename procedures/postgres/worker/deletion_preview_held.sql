-- deletion_preview_held
-- Note, for a preview, which rows below its root are held.
--
-- Parameters  p_walk_id   the preview              p_plan_id   its plan
--             p_roots     the root frame           p_until     when to stop
-- Returns     boolean, FALSE where the time did not suffice
-- Writes      deletion_walk_keys                   Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_preview_held(
    p_walk_id bigint,
    p_plan_id bigint,
    p_roots jsonb,
    p_until timestamptz
) RETURNS boolean
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_preview_held$
DECLARE
    v_rows jsonb;
    v_holds bigint[];
    v_is_over boolean := FALSE;
BEGIN
    IF deletion_newest_hold(p_plan_id) IS NULL THEN
        RETURN TRUE;
    END IF;

    v_rows := deletion_held_rows(p_plan_id);
    PERFORM deletion_seed_climb(p_walk_id, v_rows);

    WHILE NOT v_is_over AND clock_timestamp() < p_until LOOP
        v_is_over := deletion_climb(p_walk_id, p_plan_id);
    END LOOP;

    SELECT h.holds INTO v_holds FROM deletion_held_roots(p_walk_id, p_plan_id, p_roots) AS h;
    DELETE FROM deletion_walk_keys AS w WHERE w.walk_id = p_walk_id;
    INSERT INTO deletion_walk_keys (
        walk_id, job_id, node_no, fate, key_hash, edge_no, keys, is_expanded
    )
    SELECT
        p_walk_id, 0, (k.value ->> 'n')::integer, 'held',
        coalesce(deletion_frame_hash(k.value), deletion_key_hash(jsonb_build_array(k.value))), 0,
        '{}', TRUE
    FROM jsonb_array_elements(v_rows) AS k
    -- A hold whose row is not found stops every job that could reach it.
    WHERE k.value ? 'lost' OR (k.value ->> 'j')::bigint - (1::bigint << 62) = ANY (v_holds)
    ON CONFLICT DO NOTHING;
    RETURN v_is_over;
END;
$deletion_preview_held$;

COMMENT ON FUNCTION deletion_preview_held(bigint, bigint, jsonb, timestamptz) IS
'Note, for a preview, which rows below its root are held.';
REVOKE ALL ON FUNCTION deletion_preview_held(bigint, bigint, jsonb, timestamptz) FROM PUBLIC;
