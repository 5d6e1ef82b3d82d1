-- deletion_drop_soft_keys
-- Drop, some at a time, what soft jobs have noted that nobody goes on with.
--
-- Parameters  none
-- Writes      deletion_soft_keys; locks deletion_jobs     Commits  no
-- Execute     the owner only
--
-- A job that was cut into slices keeps its notes; then it may be cancelled, or wanted for good.

DROP PROCEDURE IF EXISTS deletion_drop_soft_keys;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_drop_soft_keys()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Drop, some at a time, what soft jobs have noted that nobody goes on with'
BEGIN
    DECLARE v_jobs JSON;  -- noqa: PRS

    -- A look at the index for each job; what a caller holds waits for the next time.
    SELECT json_arrayagg(j.id)
    INTO v_jobs
    FROM (SELECT DISTINCT k.job_id FROM deletion_soft_keys AS k) AS n
    STRAIGHT_JOIN deletion_jobs AS j FORCE INDEX (PRIMARY)
        ON j.id = n.job_id AND j.status <> 'running' AND (j.status <> 'pending' OR j.hard_delete)
    FOR UPDATE OF j SKIP LOCKED;

    DELETE k
    FROM (
        SELECT d.job_id, d.node_no, d.key_hash
        FROM json_table(v_jobs, '$[*]' COLUMNS (j BIGINT UNSIGNED PATH '$')) AS t
        STRAIGHT_JOIN deletion_soft_keys AS d FORCE INDEX (PRIMARY) ON d.job_id = t.j
        LIMIT 20000
    ) AS q
    STRAIGHT_JOIN deletion_soft_keys AS k FORCE INDEX (PRIMARY)
        ON k.job_id = q.job_id AND k.node_no = q.node_no AND k.key_hash = q.key_hash;
END$$
DELIMITER ;
