-- enqueue_deletion
-- Ask that one row, and everything that hangs from it, be deleted.
--
-- Parameters  p_table          the target, with or without its schema
--             p_pk             the row's key as text; a composite one as a JSON array
--             p_reason         why; may be NULL
--             p_hard_delete    TRUE: remove for good; FALSE: soft delete
--             p_scheduled_at   when to start; NULL: as soon as possible
--             p_created_by     the user who asks; may be NULL
--             p_job_id         OUT: the job, a new one or the one that this row has already
-- Errors      JD002 NULL, or a key that does not parse; JD004 no target; JD011 soft delete is
--             not possible; JD013 more pending jobs than allowed
-- Writes      deletion_jobs (one row), deletion_attempts     Commits  no
-- Execute     deletion_jobs_app
-- Example     CALL enqueue_deletion('customer', '42', 'closed', TRUE, NULL, NULL, NULL);

CREATE OR REPLACE PROCEDURE enqueue_deletion(
    IN p_table text,
    IN p_pk text,
    IN p_reason text,
    IN p_hard_delete boolean,
    IN p_scheduled_at timestamptz,
    IN p_created_by bigint,
    OUT p_job_id bigint
)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $enqueue_deletion$
DECLARE
    v_entity_table text;
BEGIN
    -- Nearly every caller sends the registered name, a key as its type prints it, and a row that has
    -- no job: that should cost little more than the INSERT. No plain form is longer than 64.
    INSERT INTO deletion_jobs AS j (
        entity_table, entity_pk, reason, hard_delete, scheduled_at, created_by
    )
    SELECT t.entity_table, p_pk::varchar(64), p_reason, TRUE, p_scheduled_at, p_created_by
    FROM deletion_targets AS t
    WHERE t.entity_table = p_table AND p_pk ~ t.plain_key AND p_hard_delete AND NOT t.is_limited
    ON CONFLICT (entity_table, entity_pk) DO NOTHING
    RETURNING j.id INTO p_job_id;

    IF p_job_id IS NULL THEN
        v_entity_table := deletion_check_wish('enqueue_deletion', p_table, p_hard_delete);
        p_job_id := deletion_enqueue(
            'enqueue_deletion',
            v_entity_table,
            deletion_parse_key(v_entity_table, p_pk, 'enqueue_deletion'),
            p_reason,
            p_hard_delete,
            p_scheduled_at,
            p_created_by
        );
    END IF;
END;
$enqueue_deletion$;

COMMENT ON PROCEDURE
enqueue_deletion(text, text, text, boolean, timestamptz, bigint, OUT bigint) IS
'Ask that one row, and everything that hangs from it, be deleted.';
REVOKE ALL ON PROCEDURE
enqueue_deletion(text, text, text, boolean, timestamptz, bigint, OUT bigint) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE
enqueue_deletion(text, text, text, boolean, timestamptz, bigint, OUT bigint)
TO deletion_jobs_app;
