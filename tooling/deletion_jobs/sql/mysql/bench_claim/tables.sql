-- The target of bench claim stays empty, so that a set of jobs ends soon after it was claimed.
CREATE TABLE bench_claim_rows (
    id BIGINT NOT NULL PRIMARY KEY
);

DELIMITER $$
-- p_jobs finished jobs, each with its attempt, and behind them as many that are due; committed in
-- parts, since one transaction of millions of rows is slow to write.
CREATE PROCEDURE bench_fill(IN p_jobs INT)
MODIFIES SQL DATA
SQL SECURITY INVOKER
BEGIN
    DECLARE v_first INT DEFAULT 1;
    DECLARE v_last INT;
    DECLARE v_now DATETIME(6) DEFAULT utc_timestamp(6);

    SET SESSION cte_max_recursion_depth = 4294967295;

    WHILE v_first <= 2 * p_jobs DO
        SET v_last = least(v_first + 99999, 2 * p_jobs);

        INSERT INTO deletion_jobs (
            entity_table, entity_pk, hard_delete, status, created_at, started_at, finished_at
        )
        WITH RECURSIVE number (n) AS (
            SELECT v_first
            UNION ALL
            SELECT number.n + 1 FROM number WHERE number.n < v_last
        )

        SELECT
            'bench_claim_rows', number.n, TRUE,
            if(number.n <= p_jobs, 'done', 'pending'),
            timestampadd(MICROSECOND, -1000000 - (2 * p_jobs - number.n) * 1000, v_now),
            if(number.n <= p_jobs, v_now, NULL),
            if(number.n <= p_jobs, v_now, NULL)
        FROM number;
        COMMIT;
        SET v_first = v_last + 1;
    END WHILE;

    INSERT INTO deletion_attempts (
        job_id, attempt_no, run_id, started_at, ended_at, outcome, asked_hard_delete, asked_at
    )
    -- Runs of 500: one run of all would have the server read them all for each.
    SELECT
        j.id, 1, 1000000000 + j.id DIV 500, j.started_at, j.finished_at, 'done', TRUE, j.created_at
    FROM deletion_jobs AS j
    WHERE j.status = 'done';
    COMMIT;
END$$
DELIMITER ;
