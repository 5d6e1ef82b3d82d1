-- deletion_due
-- Lock the jobs that are due first and choose those that can be walked together.
--
-- Parameters  p_from_at, p_from_id   pass the jobs that were due before then (UTC), or at the same
--                        time with a lower number; NULL: none
--             p_jobs     OUT JSON array of the jobs; NULL: nothing is due
--             p_entity_table, p_hard   OUT their target and mode
--             p_alone    OUT TRUE: the first of them must go alone
--             p_due_at, p_due_id   OUT when the first of them was due, UTC, and its number
-- Writes      nothing; locks at most jobs_per_run rows of deletion_jobs     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_due;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_due(
    IN p_from_at DATETIME(6),
    IN p_from_id BIGINT UNSIGNED,
    OUT p_jobs JSON,
    OUT p_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    OUT p_hard BOOLEAN,
    OUT p_alone BOOLEAN,
    OUT p_due_at DATETIME(6),
    OUT p_due_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Lock the jobs that are due first and choose those that can be walked together'
BEGIN
    DECLARE v_due JSON;
    DECLARE v_first BIGINT UNSIGNED;
    DECLARE v_batch_rows INT DEFAULT deletion_setting_int('batch_rows');
    DECLARE v_from_at DATETIME(6) DEFAULT coalesce(p_from_at, '0000-01-01');  -- noqa: PRS
    DECLARE v_from_id BIGINT UNSIGNED DEFAULT coalesce(p_from_id, 0);
    DECLARE v_limit INT DEFAULT least(deletion_setting_int('jobs_per_run'), v_batch_rows);

    -- The expression and its index are one: rows come in due order, and only these are locked.
    SELECT json_arrayagg(json_object(
        'id', q.id, 't', q.entity_table, 'h', q.hard_delete, 'd', cast(q.due_at AS CHAR)
    ))
    INTO v_due
    FROM (
        SELECT
            j.id, j.entity_table, j.hard_delete, coalesce(j.scheduled_at, j.created_at) AS due_at
        FROM deletion_jobs AS j FORCE INDEX (idx_dj_due)
        WHERE
            j.status = 'pending'
            AND coalesce(j.scheduled_at, j.created_at) <= utc_timestamp(6)
            -- Two ranges of the index; of a comparison of rows the server makes none.
            AND (
                coalesce(j.scheduled_at, j.created_at) > v_from_at
                OR (coalesce(j.scheduled_at, j.created_at) = v_from_at AND j.id >= v_from_id)
            )
        ORDER BY j.status, coalesce(j.scheduled_at, j.created_at), j.id
        LIMIT v_limit
        FOR UPDATE SKIP LOCKED  -- noqa: PRS
    ) AS q;

    WITH candidate AS (
        SELECT
            d.*,
            coalesce((
                SELECT a.alone_next
                FROM deletion_attempts AS a
                WHERE a.job_id = d.id AND NOT a.is_past
                ORDER BY a.attempt_no DESC
                LIMIT 1
            ), FALSE) AS alone
        FROM json_table(v_due, '$[*]' COLUMNS (  -- noqa: CP02
            id BIGINT UNSIGNED PATH '$.id',  -- noqa: PRS
            entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.t',
            hard_delete BOOLEAN PATH '$.h',
            due_at DATETIME(6) PATH '$.d'
        )) AS d
    ),

    leader AS (
        SELECT c.* FROM candidate AS c ORDER BY c.due_at, c.id LIMIT 1
    ),

    chosen AS (
        SELECT
            c.id, l.entity_table, l.hard_delete, l.alone, l.due_at, l.id AS due_id,
            row_number() OVER (ORDER BY c.due_at, c.id) AS place,
            -- As many as went in one transaction last time: a second one, for the rest of a set,
            -- costs as much as a whole one. But no average makes a set a small one.
            (
                SELECT greatest(100, floor(
                    0.97 * v_batch_rows / (1 + cast(json_extract(p.fan_out, '$."0"') AS DOUBLE))
                ))
                FROM deletion_plans AS p
                WHERE
                    p.entity_table = l.entity_table
                    AND p.hard_delete = l.hard_delete
                    AND p.superseded_at IS NULL
            ) AS places
        FROM leader AS l
        INNER JOIN candidate AS c
            ON
                c.id = l.id
                OR (
                    NOT l.alone
                    AND NOT c.alone
                    AND c.entity_table = l.entity_table
                    AND c.hard_delete = l.hard_delete
                )
    )

    SELECT
        json_arrayagg(c.id), max(c.entity_table), max(c.hard_delete), max(c.alone),
        min(c.due_at), min(c.due_id)
    INTO p_jobs, p_entity_table, p_hard, p_alone, p_due_at, p_due_id
    FROM chosen AS c
    WHERE c.places IS NULL OR c.place <= c.places;
END$$
DELIMITER ;
