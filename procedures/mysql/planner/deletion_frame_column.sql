-- deletion_frame_column
-- Describe how frames carry the values of a column: written as JSON, and read in its own type.
--
-- Parameters  p_plan_id, p_node_no, p_column   the column, read by deletion_plan_catalog
--             p_field   its name in frames: k1 for a key, u1 for what is referred to, p1 for what
--                       refers
-- Returns     JSON object; its type is that of a JSON_TABLE column, put and get are functions
--             around the column and around the field; NULL: keys cannot be of that type
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_frame_column;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_frame_column(
    p_plan_id BIGINT UNSIGNED,
    p_node_no INT,
    p_column VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_field VARCHAR(8)
) RETURNS JSON
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Describe how frames carry the values of a column: written as JSON, and read in its own type'  -- noqa: LT05
BEGIN
    RETURN (
        SELECT deletion_column_frame(
            c.column_name, c.column_type, c.character_set_name, c.collation_name, p_field
        )
        FROM deletion_node_columns AS c
        WHERE c.plan_id = p_plan_id AND c.node_no = p_node_no AND c.column_name = p_column
    );
END$$
DELIMITER ;
