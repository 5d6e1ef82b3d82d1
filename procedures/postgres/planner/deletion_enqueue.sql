-- deletion_enqueue
-- Make the job for one row, or let the job that is there do: the re-enqueue table of the design.
--
-- Parameters  p_verb           the verb that was called
--             p_entity_table   the target, as it is registered
--             p_pk             the row's key in canonical form
--             p_reason, p_hard_delete, p_scheduled_at, p_created_by   as asked
-- Returns     bigint, the job's id
-- Errors      JD013 more pending jobs than allowed; 40001 under REPEATABLE READ
-- Writes      deletion_jobs, deletion_attempts     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_enqueue(
    p_verb text,
    p_entity_table text,
    p_pk text,
    p_reason text,
    p_hard_delete boolean,
    p_scheduled_at timestamptz,
    p_created_by bigint
) RETURNS bigint
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_enqueue$
DECLARE
    v_job deletion_jobs;
BEGIN
    -- The unique key decides between two callers; what it leaves is decided under the row's lock.
    LOOP
        INSERT INTO deletion_jobs AS j (
            entity_table, entity_pk, reason, hard_delete, scheduled_at, created_by
        )
        VALUES (p_entity_table, p_pk, p_reason, p_hard_delete, p_scheduled_at, p_created_by)
        ON CONFLICT (entity_table, entity_pk) DO NOTHING
        RETURNING j.id INTO v_job.id;

        IF FOUND THEN
            PERFORM deletion_check_pending(p_verb);
            RETURN v_job.id;
        END IF;

        SELECT j.* INTO v_job
        FROM deletion_jobs AS j
        WHERE j.entity_table = p_entity_table AND j.entity_pk = p_pk
        FOR UPDATE;

        -- A purge of history may have taken the row between the two statements.
        EXIT WHEN FOUND;
    END LOOP;

    IF p_hard_delete THEN
        -- Asked for, and no more what a target lets follow its soft jobs.
        UPDATE deletion_attempts AS a
        SET purge_follows = FALSE
        WHERE a.job_id = v_job.id AND a.purge_follows;
    END IF;

    CASE v_job.status
        WHEN 'pending' THEN
            -- NULL means since created_at, on both sides. A softer wish hastens nothing: it would
            -- end the grace of a row that waits to be purged.
            IF (
                coalesce(p_scheduled_at, v_job.created_at)
                < coalesce(v_job.scheduled_at, v_job.created_at)
                AND (p_hard_delete OR NOT v_job.hard_delete)
            ) OR (p_hard_delete AND NOT v_job.hard_delete) THEN
                UPDATE deletion_jobs AS j
                SET
                    hard_delete = j.hard_delete OR p_hard_delete,
                    scheduled_at = CASE
                        WHEN coalesce(p_scheduled_at, j.created_at)
                            < coalesce(j.scheduled_at, j.created_at) THEN p_scheduled_at
                        ELSE j.scheduled_at
                    END
                WHERE j.id = v_job.id;
            END IF;
        WHEN 'running' THEN
            -- A request: the run goes on as it is, and finish arms the job again for it.
            IF p_hard_delete AND NOT v_job.hard_delete THEN
                UPDATE deletion_jobs AS j SET hard_delete = TRUE WHERE j.id = v_job.id;
            END IF;
        ELSE
            PERFORM deletion_keep_asked(v_job.id);

            UPDATE deletion_attempts AS a
            SET is_past = TRUE
            WHERE a.job_id = v_job.id AND NOT a.is_past;

            UPDATE deletion_jobs AS j
            SET
                status = 'pending',
                reason = p_reason,
                hard_delete = p_hard_delete,
                scheduled_at = p_scheduled_at,
                created_by = p_created_by,
                created_at = now(),
                started_at = NULL,
                finished_at = NULL,
                error = NULL
            WHERE j.id = v_job.id;

            PERFORM deletion_check_pending(p_verb);
    END CASE;

    RETURN v_job.id;
END;
$deletion_enqueue$;

COMMENT ON FUNCTION
deletion_enqueue(text, text, text, text, boolean, timestamptz, bigint) IS
'Make the job for one row, or let the job that is there do.';
REVOKE ALL ON FUNCTION
deletion_enqueue(text, text, text, text, boolean, timestamptz, bigint) FROM PUBLIC;
