-- deletion_add_receipts
-- Add to a run's receipts what statements of a step changed.
--
-- Parameters  p_run_id       the run
--             p_tables       the tables, as plans name them, each once
--             p_action       delete, set_null, set_default or root_not_found
--             p_by_job       of each table a jsonb object: job -> number of rows; NULL: none
-- Writes      deletion_receipts                    Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_add_receipts(
    p_run_id bigint,
    p_tables text[],
    p_action text,
    p_by_job jsonb[]
) RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_add_receipts$
BEGIN
    INSERT INTO deletion_receipts AS r (run_id, table_name, action, row_counts)
    SELECT p_run_id, n.table_name, p_action, n.by_job
    FROM unnest(p_tables, p_by_job) AS n (table_name, by_job)
    WHERE n.by_job IS NOT NULL
    ON CONFLICT (run_id, table_name, action) DO UPDATE
    SET
        row_counts = (
            SELECT jsonb_object_agg(c.job, c.row_count)
            FROM (
                SELECT b.key AS job, sum(b.value::bigint) AS row_count
                FROM (
                    SELECT o.key, o.value FROM jsonb_each_text(r.row_counts) AS o
                    UNION ALL
                    SELECT n.key, n.value FROM jsonb_each_text(excluded.row_counts) AS n
                ) AS b
                GROUP BY b.key
            ) AS c
        ),
        updated_at = clock_timestamp();
END;
$deletion_add_receipts$;

COMMENT ON FUNCTION deletion_add_receipts(bigint, text[], text, jsonb[]) IS
'Add to a run''s receipts what statements of a step changed.';
REVOKE ALL ON FUNCTION deletion_add_receipts(bigint, text[], text, jsonb[]) FROM PUBLIC;
