-- deletion_keep_asked
-- Keep in the attempts what a job asks for and how it ended, before its row is used again.
--
-- Parameters  p_jobs      the jobs, a JSON array of {"id"}; those not finished are passed over
--             p_is_past   TRUE: what they asked for is over, since they are armed again
-- Writes      deletion_attempts                    Commits  no
-- Execute     the owner only
-- Example     CALL deletion_keep_asked('[{"id": 42}]', TRUE);

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02
DROP PROCEDURE IF EXISTS deletion_keep_asked;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_keep_asked(
    IN p_jobs JSON,
    IN p_is_past BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Keep in the attempts what jobs ask for and how they ended'
BEGIN
    DECLARE v_finished, v_missing, v_open JSON;

    -- Lock order: the job rows first, then their attempts.
    SELECT json_arrayagg(j.id)
    INTO v_finished
    FROM json_table(p_jobs, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$.id')) AS p
    STRAIGHT_JOIN deletion_jobs AS j ON j.id = p.id
    WHERE j.status IN ('done', 'failed', 'cancelled')
    FOR UPDATE OF j;

    -- The attempts are looked up without locks and written by their whole keys: a range would
    -- lock the gap behind it, in which a claim has to insert.
    SELECT json_arrayagg(json_object('job', f.id, 'no', f.next_no))
    INTO v_missing
    FROM (
        SELECT
            t.id,
            coalesce(max(a.attempt_no), 0) + 1 AS next_no
        FROM json_table(v_finished, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$')) AS t
        LEFT JOIN deletion_attempts AS a ON a.job_id = t.id
        GROUP BY t.id
        HAVING coalesce(min(a.is_past), TRUE)
    ) AS f;

    SELECT json_arrayagg(json_object('job', a.job_id, 'no', a.attempt_no))
    INTO v_open
    FROM json_table(v_finished, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$')) AS t
    INNER JOIN deletion_attempts AS a ON a.job_id = t.id
    WHERE NOT a.is_past;

    INSERT INTO deletion_attempts (
        job_id, attempt_no, started_at, ended_at, outcome, error, is_past,
        asked_reason, asked_hard_delete, asked_scheduled_at, asked_by, asked_at
    )
    SELECT
        j.id,
        m.attempt_no,
        j.started_at,
        j.finished_at,
        j.status,
        j.error,
        p_is_past,
        j.reason,
        j.hard_delete,
        j.scheduled_at,
        j.created_by,
        j.created_at
    FROM json_table(
        v_missing, '$[*]' COLUMNS (
            job_id BIGINT UNSIGNED PATH '$.job',
            attempt_no INT PATH '$.no'
        )
    ) AS m
    STRAIGHT_JOIN deletion_jobs AS j ON j.id = m.job_id
    -- Without a transaction of the caller's, somebody else may have armed the job meanwhile.
    WHERE j.status IN ('done', 'failed', 'cancelled')
    ON DUPLICATE KEY UPDATE is_past = p_is_past;

    IF v_open IS NOT NULL THEN
        BEGIN
            DECLARE v_safe BOOLEAN DEFAULT @@SESSION.sql_safe_updates;
            DECLARE EXIT HANDLER FOR SQLEXCEPTION
            BEGIN
                SET SESSION sql_safe_updates = v_safe;
                RESIGNAL;
            END;

            -- A caller's safe mode refuses every join with a list, whatever keys it uses.
            SET SESSION sql_safe_updates = 0;
            UPDATE json_table(
                v_open, '$[*]' COLUMNS (
                    job_id BIGINT UNSIGNED PATH '$.job',
                    attempt_no INT PATH '$.no'
                )
            ) AS o
            STRAIGHT_JOIN deletion_attempts AS a ON a.job_id = o.job_id AND a.attempt_no = o.attempt_no
            STRAIGHT_JOIN deletion_jobs AS j ON j.id = o.job_id
            SET
                a.is_past = p_is_past,
                a.asked_reason = if(a.asked_at IS NULL, j.reason, a.asked_reason),
                a.asked_hard_delete = if(a.asked_at IS NULL, j.hard_delete, a.asked_hard_delete),
                a.asked_scheduled_at = if(a.asked_at IS NULL, j.scheduled_at, a.asked_scheduled_at),
                a.asked_by = if(a.asked_at IS NULL, j.created_by, a.asked_by),
                a.asked_at = coalesce(a.asked_at, j.created_at);
            SET SESSION sql_safe_updates = v_safe;
        END;
    END IF;
END$$
DELIMITER ;
