-- deletion_sql_frame
-- Write a frame as a table, each value in its own type, character set and collation.
--
-- Parameters  p_columns   descriptions by deletion_frame_column, a JSON array
--             p_first     further columns of it, each with a comma after it
-- Returns     text; binds the frame
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_sql_frame;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_frame(
    p_columns JSON,
    p_first LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Write a frame as a table, each value in its own type, character set and collation'
BEGIN
    RETURN concat(
        'JSON_TABLE(?, \'$[*]\' COLUMNS (', p_first, deletion_sql_list(p_columns, 'frame', ', '),
        ')) AS t'
    );
END$$
DELIMITER ;
