-- deletion_table_key
-- Find the columns that name a row of a table: its primary key, else its smallest unique key.
--
-- Parameters  p_schema, p_table   the table
-- Returns     JSON array of column names; NULL: no key without NULLs
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_table_key('shop', 'customer');

DROP FUNCTION IF EXISTS deletion_table_key;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_table_key(
    p_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
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
            FROM information_schema.statistics AS i
            INNER JOIN (
                SELECT u.index_name
                FROM information_schema.statistics AS u
                WHERE u.table_schema = p_schema AND u.table_name = p_table AND u.non_unique = 0
                GROUP BY u.index_name
                HAVING
                    sum(u.nullable = 'YES') = 0
                    AND sum(u.sub_part IS NOT NULL) = 0
                    AND sum(u.column_name IS NULL) = 0
                    AND sum(u.is_visible = 'NO') = 0
                ORDER BY u.index_name = 'PRIMARY' DESC, count(*), u.index_name
                LIMIT 1
            ) AS x ON x.index_name = i.index_name
            WHERE i.table_schema = p_schema AND i.table_name = p_table
            ORDER BY i.seq_in_index
            LIMIT 100
        ) AS k
    );
END$$
DELIMITER ;
