-- deletion_soft_start
-- Turn a soft run's roots into what its jobs have to do; jobs that come back go on where they were.
--
-- Parameters  p_run_id, p_plan_id   the run, fenced, its roots found
-- Writes      deletion_soft_keys, deletion_frames  Commits  no
-- Execute     the owner only

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02,LT02,LT05
DROP PROCEDURE IF EXISTS deletion_soft_start;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_soft_start(
    IN p_run_id BIGINT UNSIGNED,
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Turn the roots of a soft run into what its jobs have to do'
BEGIN
    DECLARE v_stale, v_new JSON;

    -- What was noted by another plan, or for another wish of the same row, means nothing now.
    SELECT json_arrayagg(a.job_id)
    INTO v_stale
    FROM deletion_attempts AS a
    LEFT JOIN deletion_attempts AS b
        ON
            b.job_id = a.job_id AND b.attempt_no = a.attempt_no - 1 AND NOT b.is_past
            AND b.outcome IN ('sliced', 'returned', 'retry', 'lost')
    WHERE
        a.run_id = p_run_id
        AND (
            b.job_id IS NULL
            OR EXISTS (
                SELECT 1
                FROM deletion_soft_keys AS d
                WHERE d.job_id = a.job_id AND d.plan_id <> p_plan_id
            )
        );

    DELETE k
    FROM json_table(v_stale, '$[*]' COLUMNS (j BIGINT UNSIGNED PATH '$')) AS e
    STRAIGHT_JOIN deletion_soft_keys AS k FORCE INDEX (PRIMARY) ON k.job_id = e.j;

    SELECT json_arrayagg(k.o)
    INTO v_new
    FROM deletion_frames AS f
    CROSS JOIN json_table(f.`keys`, '$[*]' COLUMNS (
        o JSON PATH '$', j BIGINT UNSIGNED PATH '$.j'
    )) AS k
    WHERE
        f.run_id = p_run_id
        AND NOT EXISTS (SELECT 1 FROM deletion_soft_keys AS d WHERE d.job_id = k.j);

    INSERT IGNORE INTO deletion_soft_keys (job_id, node_no, key_hash, plan_id, edge_no, `keys`)
    SELECT k.j, 0, deletion_key_hash(k.o), p_plan_id, 0, k.o
    FROM json_table(v_new, '$[*]' COLUMNS (o JSON PATH '$', j BIGINT UNSIGNED PATH '$.j')) AS k;

    DELETE FROM deletion_frames WHERE run_id = p_run_id;
END$$
DELIMITER ;
