-- deletion_soft_marks
-- Mark those rows of a locked frame that are not marked, and keep what they held before.
--
-- Parameters  p_edge_no   the reference that they were found by     p_table   their table
--             p_rows      the frame, as its lock answered it
-- Errors      JD006 rows hold no mark when they were marked
-- Writes      the application's table, deletion_marks, deletion_receipts     Commits  no
-- Execute     the owner only

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02,LT02,LT05
DROP PROCEDURE IF EXISTS deletion_soft_marks;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_soft_marks(
    IN p_edge_no INT,
    IN p_table VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_rows JSON
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Mark those rows of a locked frame that are not marked, and keep what they held before'
BEGIN
    DECLARE v_live, v_by_job JSON;
    DECLARE v_count BIGINT;

    -- A row that two jobs reach is marked by one of them.
    SELECT json_arrayagg(q.o), count(*)
    INTO v_live, v_count
    FROM (
        SELECT
            k.o,
            row_number() OVER (
                PARTITION BY if(json_length(@dj_jobs) = 1, k.n, deletion_key_hash(k.o))
                ORDER BY k.j
            ) AS place
        FROM json_table(p_rows, '$[*]' COLUMNS (
            n FOR ORDINALITY, o JSON PATH '$', j BIGINT UNSIGNED PATH '$.j', x INT PATH '$.x'
        )) AS k
        WHERE k.x = 0
    ) AS q
    WHERE q.place = 1;

    IF v_count > 0 THEN
        SET @dj_frame = v_live;
        CALL deletion_execute(@dj_plan_id, p_edge_no, 'mark');
        -- The number that UPDATE gives depends on the client; the rows themselves do not.
        CALL deletion_execute(@dj_plan_id, p_edge_no, 'marked');

        IF @dj_rows <> v_count THEN
            CALL deletion_raise('JD006', 'run_deletion_jobs', concat(
                'rows of ', p_table, ' are found and not marked (a trigger keeps them)'
            ), NULL);
        END IF;

        INSERT INTO deletion_marks (
            job_id, table_name, row_key, column_name, old_value, new_value, plan_id, key_hash
        )
        SELECT
            k.j, p_table, k.k, k.c, k.old_value, k.new_value, @dj_plan_id,
            unhex(sha2(concat(p_table, hex(sha2(k.k, 256))), 256))
        FROM json_table(@dj_answer, '$[*]' COLUMNS (
            j BIGINT UNSIGNED PATH '$.j', k JSON PATH '$.k', c VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.c',
            old_value JSON PATH '$.old', new_value JSON PATH '$.new'
        )) AS k;

        SELECT json_objectagg(q.j, q.n)
        INTO v_by_job
        FROM (
            SELECT k.j, count(*) AS n
            FROM json_table(v_live, '$[*]' COLUMNS (j BIGINT UNSIGNED PATH '$.j')) AS k
            GROUP BY k.j
        ) AS q;
        CALL deletion_add_receipts(@dj_run_id, p_table, 'mark', v_by_job);
        SET @dj_left = @dj_left - v_count, @dj_changed = @dj_changed + v_count;
    END IF;
END$$
DELIMITER ;
