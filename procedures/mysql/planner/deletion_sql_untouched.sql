-- deletion_sql_untouched
-- Write what keeps an UPDATE from changing columns that the server sets by itself.
--
-- Parameters  p_plan_id, p_node_no   the table
--             p_columns              the columns that the UPDATE sets, a JSON array
--             p_row                  the name of the row in the statement
-- Returns     text, ", x.column = x.column" for each such column; empty where it has none
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- ON UPDATE CURRENT_TIMESTAMP: the engine's own SET NULL leaves such columns alone.

DROP FUNCTION IF EXISTS deletion_sql_untouched;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_untouched(
    p_plan_id BIGINT UNSIGNED,
    p_node_no INT,
    p_columns JSON,
    p_row VARCHAR(1) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write what keeps an UPDATE from changing columns that the server sets by itself'
BEGIN
    RETURN (
        SELECT coalesce(
            group_concat(  -- noqa: CP01
                ', ', p_row, '.', deletion_quote_name(c.column_name), ' = ', p_row, '.',
                deletion_quote_name(c.column_name)
                ORDER BY c.column_name SEPARATOR ''
            ),
            ''
        )
        FROM deletion_node_columns AS c
        WHERE
            c.plan_id = p_plan_id
            AND c.node_no = p_node_no
            AND c.sets_itself
            AND NOT json_contains(p_columns, json_quote(c.column_name))
    );
END$$
DELIMITER ;
