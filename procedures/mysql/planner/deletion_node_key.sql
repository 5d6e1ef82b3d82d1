-- deletion_node_key
-- Find the columns that name a row of a table: its primary key, else its smallest unique key.
--
-- Parameters  p_plan_id, p_node_no   the table, its indexes read by deletion_plan_catalog
-- Returns     JSON array of column names; NULL: no key without NULLs
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_node_key;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_node_key(
    p_plan_id BIGINT UNSIGNED,
    p_node_no INT
) RETURNS JSON
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Find the columns that name a row of a table: its primary key, else its smallest unique key'
BEGIN
    RETURN (
        SELECT json_arrayagg(k.column_name)
        FROM (
            SELECT i.column_name
            FROM deletion_node_indexes AS i
            INNER JOIN (
                SELECT u.index_name
                FROM deletion_node_indexes AS u
                WHERE u.plan_id = p_plan_id AND u.node_no = p_node_no AND u.is_unique
                GROUP BY u.index_name
                HAVING
                    sum(u.is_nullable) = 0
                    AND sum(u.is_prefix) = 0
                    AND sum(u.column_name IS NULL) = 0
                    AND sum(NOT u.is_visible) = 0
                ORDER BY u.index_name = 'PRIMARY' DESC, count(*), u.index_name
                LIMIT 1
            ) AS x ON x.index_name = i.index_name
            WHERE i.plan_id = p_plan_id AND i.node_no = p_node_no
            ORDER BY i.seq_in_index
            LIMIT 100
        ) AS k
    );
END$$
DELIMITER ;
