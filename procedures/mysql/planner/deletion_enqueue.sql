-- deletion_enqueue
-- Record jobs for rows of one target: new ones, and the ones that there are already.
--
-- Parameters  p_verb           the verb that was called
--             p_entity_table   the target, as it is registered
--             p_keys           canonical keys, a JSON array
--             p_reason         why it is asked for
--             p_hard_delete    the mode
--             p_scheduled_at   when to start, UTC; NULL: as soon as possible
--             p_created_by     the user who asks
--             p_job_id         OUT the job, where p_keys is one key
-- Errors      JD013 more jobs would be pending than max_pending allows
-- Writes      deletion_jobs, deletion_attempts     Commits  no
-- Execute     the owner only
-- Example     CALL deletion_enqueue('test', 'users', '["42"]', NULL, TRUE, NULL, NULL, @dj_id);
--
-- The caller may be in a transaction, in none, or in a trigger, and nothing tells which. So all
-- jobs are written by one statement, and rows are locked by their primary keys: that leaves no
-- gap locked in which somebody else may want to insert.

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02
DROP PROCEDURE IF EXISTS deletion_enqueue;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_enqueue(
    IN p_verb VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_keys JSON,
    IN p_reason TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_hard_delete BOOLEAN,
    IN p_scheduled_at DATETIME(6),
    IN p_created_by BIGINT UNSIGNED,
    OUT p_job_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Record jobs for rows of one target: new ones, and the ones that there are already'
BEGIN
    DECLARE v_now DATETIME(6) DEFAULT utc_timestamp(6);
    DECLARE v_rows JSON;
    DECLARE v_max_pending BIGINT DEFAULT deletion_setting_int('max_pending');
    DECLARE v_new, v_known, v_pending BIGINT DEFAULT 0;

    -- Without a lock: which of the rows have a job, as far as this transaction can see.
    SELECT
        json_arrayagg(json_object('pk', k.pk, 'id', j.id)),
        coalesce(sum(coalesce(j.status NOT IN ('pending', 'running'), TRUE)), 0),
        count(j.id),
        min(j.id)
    INTO v_rows, v_new, v_known, p_job_id
    FROM json_table(
        p_keys, '$[*]' COLUMNS (
            pk VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'
        )
    ) AS k
    LEFT JOIN deletion_jobs AS j ON j.entity_table = p_entity_table AND j.entity_pk = k.pk;

    IF v_max_pending IS NOT NULL AND v_new > 0 THEN
        SELECT count(*)
        INTO v_pending
        FROM (
            SELECT 1 AS one FROM deletion_jobs AS j WHERE j.status = 'pending' LIMIT v_max_pending
        ) AS pending;

        IF v_pending + v_new > v_max_pending THEN
            CALL deletion_raise('JD013', p_verb, 'more pending jobs than allowed', v_max_pending);
        END IF;
    END IF;

    IF v_known > 0 THEN
        CALL deletion_keep_asked(v_rows, TRUE);

        IF p_hard_delete THEN
            -- Without a transaction of the caller's a worker may take the job up at once.
            CALL deletion_take_purge_back(v_rows);
        END IF;
    END IF;

    -- Each assignment sees the ones before it, so status comes last.
    INSERT INTO deletion_jobs (
        id, entity_table, entity_pk, reason, hard_delete, scheduled_at, created_by, created_at
    )
    SELECT
        r.id,
        p_entity_table,
        r.pk,
        p_reason,
        p_hard_delete,
        p_scheduled_at,
        p_created_by,
        v_now
    FROM json_table(
        v_rows, '$[*]' COLUMNS (
            pk VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.pk',
            id BIGINT UNSIGNED PATH '$.id'
        )
    ) AS r
    ORDER BY r.pk
    ON DUPLICATE KEY UPDATE
        id = last_insert_id(deletion_jobs.id),
        hard_delete = p_hard_delete
        OR (deletion_jobs.status IN ('pending', 'running') AND deletion_jobs.hard_delete),
        scheduled_at = CASE
            WHEN deletion_jobs.status = 'running' THEN deletion_jobs.scheduled_at
            -- A softer wish hastens nothing: it would end the grace of a row that waits to be
            -- purged. By now hard_delete is the harder of both.
            WHEN
                deletion_jobs.status = 'pending' AND deletion_jobs.hard_delete AND NOT p_hard_delete
                THEN deletion_jobs.scheduled_at
            WHEN
                deletion_jobs.status = 'pending'
                AND coalesce(deletion_jobs.scheduled_at, deletion_jobs.created_at)
                <= coalesce(p_scheduled_at, deletion_jobs.created_at)
                THEN deletion_jobs.scheduled_at
            ELSE p_scheduled_at
        END,
        reason = if(
            deletion_jobs.status IN ('pending', 'running'), deletion_jobs.reason, p_reason
        ),
        created_by = if(
            deletion_jobs.status IN ('pending', 'running'), deletion_jobs.created_by, p_created_by
        ),
        created_at = if(
            deletion_jobs.status IN ('pending', 'running'), deletion_jobs.created_at, v_now
        ),
        started_at = if(
            deletion_jobs.status IN ('pending', 'running'), deletion_jobs.started_at, NULL
        ),
        finished_at = if(
            deletion_jobs.status IN ('pending', 'running'), deletion_jobs.finished_at, NULL
        ),
        error = if(deletion_jobs.status IN ('pending', 'running'), deletion_jobs.error, NULL),
        status = if(deletion_jobs.status = 'running', 'running', 'pending');

    SET p_job_id = coalesce(p_job_id, last_insert_id());

    IF p_hard_delete AND v_known > 0 THEN
        -- A soft job may have ended meanwhile.
        CALL deletion_take_purge_back(v_rows);
    END IF;
END$$
DELIMITER ;
