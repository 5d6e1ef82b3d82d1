-- deletion_edge_index
-- Find the index of a child that a reference is followed by.
--
-- Parameters  p_plan_id, p_node_no   the child, its indexes read by deletion_plan_catalog
--             p_columns              its columns, a JSON array
--             p_discriminator        a further column that is compared; NULL: none
-- Returns     text, the index; NULL: none leads with these columns
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_edge_index;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_edge_index(
    p_plan_id BIGINT UNSIGNED,
    p_node_no INT,
    p_columns JSON,
    p_discriminator VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Find the index of a child that a reference is followed by'
BEGIN
    RETURN (
        SELECT i.index_name
        FROM deletion_node_indexes AS i
        WHERE
            i.plan_id = p_plan_id
            AND i.node_no = p_node_no
            AND NOT i.is_prefix
            AND i.is_visible
            AND i.index_type = 'BTREE'
        GROUP BY i.index_name
        HAVING
            sum(
                i.seq_in_index <= json_length(p_columns)
                AND json_contains(p_columns, json_quote(i.column_name))
            ) = json_length(p_columns)
            -- The discriminator may stand among the leading columns.
            OR (
                p_discriminator IS NOT NULL
                AND sum(
                    i.seq_in_index <= json_length(p_columns) + 1
                    AND (
                        json_contains(p_columns, json_quote(i.column_name))
                        OR i.column_name = p_discriminator
                    )
                ) = json_length(p_columns) + 1
            )
        ORDER BY count(*), i.index_name
        LIMIT 1
    );
END$$
DELIMITER ;
