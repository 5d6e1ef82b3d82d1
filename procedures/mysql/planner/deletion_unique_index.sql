-- deletion_unique_index
-- Find the unique key that some columns make, in any order; NULLs may be in it.
--
-- Parameters  p_schema, p_table   the table
--             p_columns           its columns, a JSON array
-- Returns     text, the index; NULL: several rows may hold the same values
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_unique_index('shop', 'customer', '["id"]');

DROP FUNCTION IF EXISTS deletion_unique_index;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_unique_index(
    p_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
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
        FROM information_schema.statistics AS i
        WHERE i.table_schema = p_schema AND i.table_name = p_table AND i.non_unique = 0
        GROUP BY i.index_name
        HAVING
            count(*) = json_length(p_columns)
            AND sum(
                i.sub_part IS NULL AND json_contains(p_columns, json_quote(i.column_name))
            ) = count(*)
        ORDER BY i.index_name = 'PRIMARY' DESC, i.index_name
        LIMIT 1
    );
END$$
DELIMITER ;
