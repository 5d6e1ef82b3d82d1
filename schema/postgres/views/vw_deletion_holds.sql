-- vw_deletion_holds
-- The rows that are held, and those that were.
--
-- Read by     deletion_jobs_operator, deletion_jobs_reader

CREATE OR REPLACE VIEW vw_deletion_holds AS
SELECT
    h.hold_id,
    h.table_name,
    h.row_pk,
    h.key_columns,
    h.row_seen_at,
    h.released_at IS NULL AND (h.held_until IS NULL OR h.held_until > clock_timestamp())
    AS is_in_force,
    h.held_until,
    h.reason,
    h.held_by,
    h.held_at,
    h.released_by,
    h.released_at
FROM deletion_holds AS h;

COMMENT ON VIEW vw_deletion_holds IS 'One row for each hold that was placed on a row.';
GRANT SELECT ON vw_deletion_holds TO deletion_jobs_operator, deletion_jobs_reader;
