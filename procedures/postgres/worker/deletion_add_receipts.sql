-- deletion_add_receipts
-- Add to a run's receipts what one statement changed.
--
-- Parameters  p_run_id       the run
--             p_table_name   the table, as plans name it
--             p_action       delete, set_null, set_default or root_not_found
--             p_by_job       jsonb object: job -> number of rows; NULL: none
-- Writes      deletion_receipts                    Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_add_receipts(
    p_run_id bigint,
    p_table_name text,
    p_action text,
    p_by_job jsonb
) RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_add_receipts$
BEGIN
    INSERT INTO deletion_receipts AS r (run_id, table_name, action, row_counts)
    SELECT p_run_id, p_table_name, p_action, p_by_job
    WHERE p_by_job IS NOT NULL
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

COMMENT ON FUNCTION deletion_add_receipts(bigint, text, text, jsonb) IS
'Add to a run''s receipts what one statement changed.';
REVOKE ALL ON FUNCTION deletion_add_receipts(bigint, text, text, jsonb) FROM PUBLIC;
