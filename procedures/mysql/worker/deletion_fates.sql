-- deletion_fates
-- Answer what a walk has found: how many rows of each table meet which end.
--
-- Parameters  p_walk_id, p_plan_id   the walk
--             p_circles              what deletion_preview_circle has found
--             p_is_at_least          TRUE: it was cut short
-- Returns     rows as preview_deletion
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_fates;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_fates(
    IN p_walk_id BIGINT,
    IN p_plan_id BIGINT UNSIGNED,
    IN p_circles JSON,
    IN p_is_at_least BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Answer what a walk has found: how many rows of each table meet which end'
BEGIN
    WITH node AS (
        SELECT DISTINCT s.node_no, s.table_name
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = p_plan_id
    ),

    final AS (
        -- A row counts once: one that is deleted not where it would be set as well, one that two
        -- references set as receipts do, for the action that comes first by name; one that is held
        -- is not deleted.
        SELECT
            w.node_no, w.key_hash,
            max(json_contains_path(w.`keys`, 'one', '$.m')) AS is_missing,
            if(max(w.fate = 'held'), 'held', min(w.fate)) AS fate
        FROM deletion_walk_keys AS w
        WHERE w.walk_id = p_walk_id AND w.fate NOT IN ('restrict', 'keep')
        GROUP BY w.node_no, w.key_hash
    )

    SELECT
        n.table_name,
        if(f.is_missing, 'root_not_found', f.fate) AS action,
        NULL AS reference_name,
        sum(NOT f.is_missing) AS row_count,
        p_is_at_least AS is_at_least
    FROM final AS f
    INNER JOIN node AS n ON n.node_no = f.node_no
    GROUP BY n.table_name, if(f.is_missing, 'root_not_found', f.fate)
    UNION ALL
    SELECT s.table_name, w.fate, s.reference_name, count(*), p_is_at_least
    FROM deletion_walk_keys AS w
    INNER JOIN deletion_plan_steps AS s
        ON s.plan_id = p_plan_id AND s.edge_no = w.edge_no AND s.kind = 'fetch_more'
    WHERE
        w.walk_id = p_walk_id
        AND w.fate IN ('restrict', 'keep')
        AND NOT EXISTS (
            SELECT 1
            FROM deletion_walk_keys AS d
            WHERE
                d.walk_id = w.walk_id AND d.job_id = w.job_id AND d.node_no = w.node_no
                AND d.fate = 'delete' AND d.key_hash = w.key_hash
        )
    GROUP BY s.table_name, w.fate, s.reference_name
    UNION ALL
    SELECT c.t, 'circle', c.r, c.n, p_is_at_least
    FROM json_table(p_circles, '$[*]' COLUMNS (  -- noqa: CP02
        t VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.t',  -- noqa: PRS
        r VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.r',
        n BIGINT PATH '$.n'
    )) AS c
    ORDER BY 1, 2, 3;
END$$
DELIMITER ;
