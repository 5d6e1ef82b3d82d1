-- enqueue_deletions
-- Ask that many rows of one table, and everything that hangs from them, be deleted.
--
-- Parameters  p_table          the target, with or without its schema
--             p_pks            JSON array of keys; composite ones as arrays in it
--             p_reason         why; may be NULL
--             p_hard_delete    TRUE: remove for good; FALSE: soft delete
--             p_scheduled_at   when to start; NULL: as soon as possible
--             p_created_by     the user who asks; may be NULL
--             p_job_count      OUT: how many different keys there were, each a job now
-- Errors      JD002 NULL, no array, or a key that does not parse; JD004 no target; JD011 soft
--             delete is not possible; JD013 more pending jobs than allowed: all or nothing
-- Writes      deletion_jobs, deletion_attempts     Commits  no
-- Execute     deletion_jobs_app
-- Example     CALL enqueue_deletions('customer', '[41, 42]', 'closed', TRUE, NULL, NULL, NULL);

CREATE OR REPLACE PROCEDURE enqueue_deletions(
    IN p_table text,
    IN p_pks jsonb,
    IN p_reason text,
    IN p_hard_delete boolean,
    IN p_scheduled_at timestamptz,
    IN p_created_by bigint,
    OUT p_job_count bigint
)
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path FROM CURRENT
AS $enqueue_deletions$
DECLARE
    v_entity_table text := deletion_check_wish('enqueue_deletions', p_table, p_hard_delete);
    v_keys text[] := deletion_parse_keys(v_entity_table, p_pks, 'enqueue_deletions');
    v_new text[];
    v_key text;
BEGIN
    -- New rows in one statement; both passes go in the keys' order, so that no two callers
    -- that ask for the same rows wait for each other.
    WITH made AS (
        INSERT INTO deletion_jobs AS j (
            entity_table, entity_pk, reason, hard_delete, scheduled_at, created_by
        )
        SELECT v_entity_table, k.pk, p_reason, p_hard_delete, p_scheduled_at, p_created_by
        FROM unnest(v_keys) WITH ORDINALITY AS k (pk, ordinality)
        ORDER BY k.ordinality
        ON CONFLICT (entity_table, entity_pk) DO NOTHING
        RETURNING j.entity_pk
    )

    SELECT array_agg(m.entity_pk::text) INTO v_new FROM made AS m;

    FOR v_key IN
        SELECT k.pk COLLATE "C"
        FROM unnest(v_keys) AS k (pk)
        EXCEPT
        SELECT n.pk COLLATE "C"
        FROM unnest(v_new) AS n (pk)
        ORDER BY 1
    LOOP
        PERFORM deletion_enqueue(
            'enqueue_deletions', v_entity_table, v_key, p_reason, p_hard_delete, p_scheduled_at,
            p_created_by
        );
    END LOOP;

    PERFORM deletion_check_pending('enqueue_deletions');
    p_job_count := cardinality(v_keys);
END;
$enqueue_deletions$;

COMMENT ON PROCEDURE
enqueue_deletions(text, jsonb, text, boolean, timestamptz, bigint, OUT bigint) IS
'Ask that many rows of one table, and everything that hangs from them, be deleted.';
REVOKE ALL ON PROCEDURE
enqueue_deletions(text, jsonb, text, boolean, timestamptz, bigint, OUT bigint) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE
enqueue_deletions(text, jsonb, text, boolean, timestamptz, bigint, OUT bigint)
TO deletion_jobs_app;
