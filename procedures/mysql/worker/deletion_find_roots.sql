-- deletion_find_roots
-- Find the rows that a run's jobs name, and push them as the run's first frame.
--
-- Parameters  p_run_id, p_plan_id   the run
-- Writes      deletion_frames, deletion_receipts; deletion_attempts and deletion_jobs of jobs whose
--             key does not parse (JD002)           Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_find_roots;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_find_roots(
    IN p_run_id BIGINT UNSIGNED,
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Find the rows that a run''s jobs name, and push them as the run''s first frame'
BEGIN
    DECLARE v_job_id BIGINT UNSIGNED;
    DECLARE v_pk, v_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_types, v_collations, v_keys, v_missing JSON;
    DECLARE v_table VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin DEFAULT (
        SELECT s.table_name
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = p_plan_id AND s.edge_no = 0 AND s.kind = 'roots'
    );
    DECLARE v_spelling INT;
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    -- Rows that are not found as they are spelled: only their keys need a strict reading.
    DECLARE c_missing CURSOR FOR
        SELECT j.id, j.entity_pk, k.m
        FROM json_table(v_keys, '$[*]' COLUMNS (
            j BIGINT UNSIGNED PATH '$.j', m INT PATH '$.m'
        )) AS k
        STRAIGHT_JOIN deletion_jobs AS j FORCE INDEX (PRIMARY) ON j.id = k.j  -- noqa: PRS
        WHERE k.m IS NOT NULL;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    SELECT t.key_types, t.key_collations
    INTO v_types, v_collations
    FROM deletion_runs AS r
    INNER JOIN deletion_targets AS t ON t.entity_table = r.entity_table
    WHERE r.run_id = p_run_id;

    SELECT json_arrayagg(json_object('j', j.id, 'pk', j.entity_pk, 'k', CASE
        WHEN json_length(v_types) = 1 THEN json_array(j.entity_pk)
        WHEN json_valid(j.entity_pk) THEN cast(j.entity_pk AS JSON)
    END))
    INTO @dj_frame
    FROM deletion_attempts AS a
    STRAIGHT_JOIN deletion_jobs AS j FORCE INDEX (PRIMARY) ON j.id = a.job_id  -- noqa: PRS
    WHERE a.run_id = p_run_id AND a.outcome IS NULL;

    CALL deletion_execute(p_plan_id, 0, 'roots');
    SET v_keys = @dj_answer;

    INSERT INTO deletion_frames (run_id, depth, node_no, edge_no, `keys`, key_count, rows_at_pass)
    VALUES (p_run_id, 0, 0, 0, v_keys, json_length(v_keys), 0);

    OPEN c_missing;
    FETCH c_missing INTO v_job_id, v_pk, v_spelling;

    WHILE NOT v_is_done DO
        SET v_error = CASE
            WHEN deletion_key_texts(v_types, v_collations, v_pk) IS NULL THEN 'does not parse'
            WHEN deletion_key_texts(v_types, v_collations, v_pk) <> v_pk THEN
                'is not spelled as its type prints it'
            WHEN v_spelling = 2 THEN 'is spelled otherwise in the table'
        END;

        IF v_error IS NOT NULL THEN
            CALL deletion_fail_jobs(
                p_run_id, json_array(v_job_id), concat('JD002: the key ', v_error, ' (', v_pk, ')')
            );
        END IF;

        SET v_is_done = FALSE;
        FETCH c_missing INTO v_job_id, v_pk, v_spelling;
    END WHILE;

    CLOSE c_missing;

    -- A job that comes again after a crash has removed its root itself: its receipts know.
    SELECT json_objectagg(k.j, 0)
    INTO v_missing
    FROM deletion_frames AS f
    CROSS JOIN json_table(f.`keys`, '$[*]' COLUMNS (
        j BIGINT UNSIGNED PATH '$.j', m INT PATH '$.m'
    )) AS k
    WHERE
        f.run_id = p_run_id
        AND k.m IS NOT NULL
        AND NOT EXISTS (
            SELECT 1
            FROM deletion_attempts AS a
            INNER JOIN deletion_receipts AS r ON r.run_id = a.run_id
            WHERE
                -- What an earlier request of the same row did is another story.
                a.job_id = k.j
                AND NOT a.is_past
                AND r.table_name = v_table
                AND r.action = 'delete'
                AND json_contains_path(r.row_counts, 'one', concat('$."', k.j, '"'))
        );
    CALL deletion_add_receipts(p_run_id, v_table, 'root_not_found', v_missing);
END$$
DELIMITER ;
