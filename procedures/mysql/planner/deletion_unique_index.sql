-- deletion_unique_index
-- Find the unique key that some columns make, in any order; NULLs may be in it.
--
-- Parameters  p_plan_id, p_node_no   the table, its indexes read by deletion_plan_catalog
--             p_columns              its columns, a JSON array
-- Returns     text, the index; NULL: several rows may hold the same values
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_unique_index;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_unique_index(
    p_plan_id BIGINT UNSIGNED,
    p_node_no INT,
    p_columns JSON
) RETURNS VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Find the unique key that some columns make, in any order; NULLs may be in it'
BEGIN
    RETURN (
        SELECT i.index_name
        FROM deletion_node_indexes AS i
        WHERE i.plan_id = p_plan_id AND i.node_no = p_node_no AND i.is_unique
        GROUP BY i.index_name
        HAVING
            count(*) = json_length(p_columns)
            AND sum(
                NOT i.is_prefix AND json_contains(p_columns, json_quote(i.column_name))
            ) = count(*)
        ORDER BY i.index_name = 'PRIMARY' DESC, i.index_name
        LIMIT 1
    );
END$$
DELIMITER ;
