-- deletion_add_receipts
-- Add to the receipts of jobs what one statement changed.
--
-- Parameters  p_table_name   the table, as plans name it
--             p_action       delete, set_null or set_default
--             p_by_job       jsonb object: job -> number of rows; NULL: none
-- Writes      deletion_receipts                    Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_add_receipts(
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
    INSERT INTO deletion_receipts AS r (job_id, table_name, action, row_count)
    SELECT b.key::bigint, p_table_name, p_action, b.value::bigint
    FROM jsonb_each_text(p_by_job) AS b
    ON CONFLICT (job_id, table_name, action) DO UPDATE
    SET row_count = r.row_count + excluded.row_count, updated_at = clock_timestamp();
END;
$deletion_add_receipts$;

COMMENT ON FUNCTION deletion_add_receipts(text, text, jsonb) IS
'Add to the receipts of jobs what one statement changed.';
REVOKE ALL ON FUNCTION deletion_add_receipts(text, text, jsonb) FROM PUBLIC;
