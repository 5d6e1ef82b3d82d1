-- deletion_slice
-- Dissolve a run whose time is up: heavy jobs go on alone, at the back; the others as they were.
--
-- Parameters  p_run_id   the run
-- Writes      deletion_runs, deletion_attempts, deletion_jobs, deletion_frames      Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_slice;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_slice(
    IN p_run_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Dissolve a run whose time is up: heavy jobs go on alone, at the back; the others as they were'  -- noqa: LT05
BEGIN
    DECLARE v_heavy JSON;

    -- Who has had a batch of its own, or more than half of what the run works at, is heavy. The
    -- small ones go on together: alone each of them would cost a run.
    SELECT json_arrayagg(a.job_id)
    INTO v_heavy
    FROM deletion_attempts AS a
    WHERE
        a.run_id = p_run_id
        AND a.outcome IS NULL
        AND (
            (
                SELECT sum(cast(
                    json_extract(r.row_counts, concat('$."', a.job_id, '"')) AS SIGNED
                ))
                FROM deletion_receipts AS r
                WHERE r.run_id = a.run_id
            ) >= deletion_setting_int('batch_rows')
            OR a.job_id IN (
                SELECT k.j
                FROM deletion_frames AS f
                CROSS JOIN json_table(f.`keys`, '$[*]' COLUMNS (j BIGINT UNSIGNED PATH '$.j')) AS k
                WHERE
                    f.run_id = p_run_id
                    AND f.depth = (
                        SELECT max(g.depth) FROM deletion_frames AS g WHERE g.run_id = p_run_id
                    )
                GROUP BY f.key_count, k.j
                HAVING count(*) * 2 > f.key_count
            )
        );

    CALL deletion_settle(p_run_id, NULL, 'sliced', NULL, FALSE, v_heavy);
    CALL deletion_end_run(p_run_id, 'sliced', NULL);
END$$
DELIMITER ;
