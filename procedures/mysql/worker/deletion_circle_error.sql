-- deletion_circle_error
-- Write the error of a job whose rows go in a circle that nothing opens.
--
-- Parameters  p_rows                   how many rows
--             p_tables, p_references   their tables, and the references that tie them
--             p_key_table, p_key       the table of one of them, and its key, a JSON array
-- Returns     text
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_circle_error;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_circle_error(
    p_rows BIGINT,
    p_tables LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_references LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_key_table LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_key LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Write the error of a job whose rows go in a circle that nothing opens'
BEGIN
    RETURN concat(
        'JD007: ',
        if(p_rows = 1, '1 row of ', concat(p_rows, ' rows of ')), p_tables,
        if(p_rows = 1, ' refers to itself by ', ' go in a circle by '), p_references,
        ', such as ', p_key_table, ' (', substr(p_key, 2, char_length(p_key) - 2), ')'
    );
END$$
DELIMITER ;
