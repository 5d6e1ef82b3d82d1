-- deletion_add_receipts
-- Add to a run's receipts what one statement changed.
--
-- Parameters  p_run_id       the run
--             p_table_name   the table, as plans name it
--             p_action       delete, set_null, set_default, scrub or root_not_found
--             p_by_job       JSON object: job -> number of rows; NULL: none
-- Writes      deletion_receipts                    Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_add_receipts;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_add_receipts(
    IN p_run_id BIGINT UNSIGNED,
    IN p_table_name VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_action VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_by_job JSON
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Add to the receipts of a run what one statement changed'
BEGIN
    -- Nobody else writes the receipts of a run: what is read here stays.
    DECLARE v_counts JSON DEFAULT (
        SELECT r.row_counts
        FROM deletion_receipts AS r
        WHERE r.run_id = p_run_id AND r.table_name = p_table_name AND r.action = p_action
    );
    DECLARE v_path VARCHAR(32) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    IF v_counts IS NULL AND p_by_job IS NOT NULL THEN
        INSERT INTO deletion_receipts (run_id, table_name, action, row_counts)
        VALUES (p_run_id, p_table_name, p_action, p_by_job);
    ELSEIF p_by_job IS NOT NULL THEN
        IF json_length(p_by_job) = 1 THEN
            SET v_path = concat(
                '$."', json_unquote(json_extract(json_keys(p_by_job), '$[0]')), '"'
            );
            SET v_counts = json_set(
                v_counts, v_path,
                cast(coalesce(json_extract(v_counts, v_path), 0) AS SIGNED)
                + cast(json_extract(p_by_job, v_path) AS SIGNED)
            );
        ELSE
            SELECT json_objectagg(q.job, q.row_count)
            INTO v_counts
            FROM (
                SELECT b.job, cast(sum(b.row_count) AS SIGNED) AS row_count
                FROM (
                    SELECT
                        o.job,
                        cast(json_extract(v_counts, concat('$."', o.job, '"')) AS SIGNED)
                        AS row_count
                    FROM json_table(json_keys(v_counts), '$[*]' COLUMNS (  -- noqa: CP02
                        job VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'  -- noqa: PRS,LT05
                    )) AS o
                    UNION ALL
                    SELECT
                        n.job, cast(json_extract(p_by_job, concat('$."', n.job, '"')) AS SIGNED)
                    FROM json_table(json_keys(p_by_job), '$[*]' COLUMNS (  -- noqa: CP02
                        job VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'  -- noqa: PRS,LT05
                    )) AS n
                ) AS b
                GROUP BY b.job
            ) AS q;
        END IF;

        UPDATE deletion_receipts AS r
        SET r.row_counts = v_counts, r.updated_at = utc_timestamp(6)
        WHERE r.run_id = p_run_id AND r.table_name = p_table_name AND r.action = p_action;
    END IF;
END$$
DELIMITER ;
