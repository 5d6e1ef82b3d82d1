-- deletion_due
-- Lock the jobs that are due first and choose those that can be walked together.
--
-- Parameters  p_from_at, p_from_id   pass the jobs that were due before then, or at the same time
--                                    with a lower number; NULL: none
-- Returns     one row: the jobs, their target and mode, whether the first must go alone, when it
--             was due and its number; no row where nothing is due
-- Writes      nothing; locks at most jobs_per_run rows of deletion_jobs     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_due(
    p_from_at timestamptz,
    p_from_id bigint
) RETURNS TABLE (
    jobs bigint[],
    entity_table text,
    hard_delete boolean,
    alone boolean,
    due_at timestamptz,
    due_id bigint
)
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_due$
DECLARE
    -- A volatile clock in the condition would keep it from bounding the index scan.
    v_now timestamptz := clock_timestamp();
    v_from_at timestamptz := coalesce(p_from_at, '-infinity');
    v_from_id bigint := coalesce(p_from_id, -9223372036854775808);
    v_batch_rows bigint := deletion_setting_int('batch_rows');
BEGIN
    RETURN QUERY
    -- The expression and its index are one: rows come in due order, and only these are locked.
    WITH due AS MATERIALIZED (
        SELECT j.id, j.entity_table, j.hard_delete, coalesce(j.scheduled_at, j.created_at) AS due_at
        FROM deletion_jobs AS j
        WHERE
            j.status = 'pending'
            AND coalesce(j.scheduled_at, j.created_at) <= v_now
            AND (coalesce(j.scheduled_at, j.created_at), j.id) >= (v_from_at, v_from_id)
        ORDER BY coalesce(j.scheduled_at, j.created_at), j.id
        LIMIT least(deletion_setting_int('jobs_per_run'), v_batch_rows)
        FOR UPDATE SKIP LOCKED
    ),

    candidate AS (
        SELECT
            d.*,
            coalesce((
                SELECT a.alone_next
                FROM deletion_attempts AS a
                WHERE a.job_id = d.id AND NOT a.is_past
                ORDER BY a.attempt_no DESC
                LIMIT 1
            ), FALSE) AS alone
        FROM due AS d
    ),

    leader AS (
        SELECT c.* FROM candidate AS c ORDER BY c.due_at, c.id LIMIT 1
    ),

    chosen AS (
        SELECT c.id, l.entity_table, l.hard_delete, l.alone, l.due_at, l.id AS due_id
        FROM leader AS l
        INNER JOIN candidate AS c
            ON
                c.id = l.id
                OR (
                    NOT l.alone AND NOT c.alone
                    AND c.entity_table = l.entity_table AND c.hard_delete = l.hard_delete
                )
        ORDER BY c.due_at, c.id
        -- As many as went in one transaction last time: a second one, for the rest of a set, costs
        -- as much as a whole one. But no average makes a set a small one.
        LIMIT (
            SELECT greatest(100, floor(0.97 * v_batch_rows / (1 + (p.fan_out ->> '0')::float8)))
            FROM leader AS l
            INNER JOIN deletion_plans AS p
                ON
                    p.entity_table = l.entity_table AND p.hard_delete = l.hard_delete
                    AND p.superseded_at IS NULL
            WHERE p.fan_out ? '0'
        )
    )

    SELECT
        array_agg(c.id ORDER BY c.id), min(c.entity_table), bool_or(c.hard_delete),
        bool_or(c.alone), min(c.due_at), min(c.due_id)
    FROM chosen AS c
    HAVING count(*) > 0;
END;
$deletion_due$;

COMMENT ON FUNCTION deletion_due(timestamptz, bigint) IS
'Lock the jobs that are due first and choose those that can be walked together.';
REVOKE ALL ON FUNCTION deletion_due(timestamptz, bigint) FROM PUBLIC;
