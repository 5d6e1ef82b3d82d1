-- deletion_restore_job
-- Take back all that a job has marked, and leave the job cancelled.
--
-- Parameters  p_job_id   the job
-- Errors      as restore_deletion
-- Writes      as restore_deletion                  Commits  no
-- Execute     the owner only

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02,LT02,LT05
DROP PROCEDURE IF EXISTS deletion_restore_job;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_restore_job(
    IN p_job_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Take back all that a job has marked, and leave the job cancelled'
BEGIN
    DECLARE v_status VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_table VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_hard, v_has_marks, v_fits BOOLEAN;
    DECLARE v_seen, v_now JSON;
    DECLARE v_run_id, v_plan_id BIGINT UNSIGNED;
    DECLARE v_total BIGINT DEFAULT 0;
    DECLARE v_later, v_parts JSON;
    DECLARE v_pos INT DEFAULT 0;

    SELECT json_array(j.status, j.started_at, j.finished_at, j.scheduled_at)
    INTO v_seen
    FROM deletion_jobs AS j
    WHERE j.id = p_job_id;

    SELECT
        j.status, j.entity_table, j.hard_delete,
        json_array(j.status, j.started_at, j.finished_at, j.scheduled_at)
    INTO v_status, v_entity_table, v_hard, v_now
    FROM deletion_jobs AS j
    WHERE j.id = p_job_id
    FOR UPDATE;

    -- An older snapshot of the caller's would not show the marks that were made since.
    IF NOT v_seen <=> v_now THEN
        SIGNAL SQLSTATE '40001'
        SET MESSAGE_TEXT = 'restore_deletion: the job has changed since the transaction began';
    END IF;

    SET v_has_marks = EXISTS (
        SELECT 1 FROM deletion_marks AS m WHERE m.job_id = p_job_id AND m.state = 'held'
    );

    IF v_status IS NULL THEN
        CALL deletion_raise('JD001', 'restore_deletion', 'no such job', p_job_id);
    ELSEIF v_status = 'running' THEN
        CALL deletion_raise('JD003', 'restore_deletion', 'job is running', p_job_id);
    ELSEIF v_status = 'done' AND v_hard THEN
        CALL deletion_raise(
            'JD003', 'restore_deletion', 'the rows are removed for good', p_job_id
        );
    ELSEIF NOT v_has_marks AND v_status IN ('failed', 'cancelled') THEN
        CALL deletion_raise(
            'JD003', 'restore_deletion', 'the job has no marks to take back', p_job_id
        );
    END IF;

    -- Never again for good without being asked: what waited was a purge, or is wanted no more.
    UPDATE deletion_jobs AS j
    SET
        j.status = 'cancelled', j.finished_at = utc_timestamp(6), j.error = NULL,
        j.hard_delete = j.hard_delete AND NOT v_has_marks
    WHERE j.id = p_job_id;
    CALL deletion_keep_asked(json_array(json_object('id', p_job_id)), FALSE);

    INSERT INTO deletion_runs (
        entity_table, hard_delete, token, session_id, server_id, phase, alone, job_count,
        batch_rows, last_step_at, outcome, ended_at
    )
    VALUES (
        v_entity_table, FALSE, uuid(), connection_id(), @@GLOBAL.server_uuid, 'ended', TRUE, 1, 0,
        utc_timestamp(6), 'done', utc_timestamp(6)
    );
    SET v_run_id = last_insert_id();

    -- Of two marks on one row the later one holds.
    SELECT json_arrayagg(m.mark_id)
    INTO v_later
    FROM deletion_marks AS m
    INNER JOIN deletion_marks AS later
        ON
            later.key_hash = m.key_hash AND later.table_name = m.table_name
            AND later.mark_id > m.mark_id
    WHERE m.job_id = p_job_id AND m.state = 'held'
    -- Those as well that were made since the caller's snapshot.
    FOR SHARE OF later;
    UPDATE json_table(v_later, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$')) AS t
    STRAIGHT_JOIN deletion_marks AS m FORCE INDEX (PRIMARY) ON m.mark_id = t.id
    SET m.state = 'left';

    -- Parents first, as they were marked: an application may forbid the other order.
    SELECT json_arrayagg(json_object('p', q.plan_id, 't', q.table_name))
    INTO v_parts
    FROM (
        SELECT m.plan_id, m.table_name
        FROM deletion_marks AS m
        WHERE m.job_id = p_job_id AND m.state = 'held'
        GROUP BY m.plan_id, m.table_name
        ORDER BY min(m.mark_id)
        LIMIT 1000000
    ) AS q;

    WHILE v_pos < coalesce(json_length(v_parts), 0) DO
        SET v_plan_id = json_extract(v_parts, concat('$[', v_pos, '].p'));
        SET v_table = json_unquote(json_extract(v_parts, concat('$[', v_pos, '].t')));
        CALL deletion_guard(v_plan_id, FALSE, v_fits);
        CALL deletion_restore(v_run_id, p_job_id, v_plan_id, v_table, v_total);
        SET v_pos = v_pos + 1;
    END WHILE;

    UPDATE deletion_marks AS m
    SET m.state = 'left'
    WHERE m.job_id = p_job_id AND m.state = 'held';
    UPDATE deletion_runs AS r SET r.rows_changed = v_total WHERE r.run_id = v_run_id;

    INSERT INTO deletion_attempts (
        job_id, attempt_no, run_id, started_at, ended_at, outcome, error, asked_reason,
        asked_hard_delete, asked_by, asked_at
    )
    SELECT
        j.id,
        (SELECT max(a.attempt_no) + 1 FROM deletion_attempts AS a WHERE a.job_id = j.id),
        v_run_id, utc_timestamp(6), utc_timestamp(6), 'cancelled',
        concat('restored: ', v_total, ' rows'), j.reason, FALSE, j.created_by, j.created_at
    FROM deletion_jobs AS j
    WHERE j.id = p_job_id;
END$$
DELIMITER ;
