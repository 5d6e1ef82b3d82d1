-- deletion_match_labels
-- Tell whether a label of one ENUM and the same label of another have the same number.
--
-- Parameters  p_first, p_second   the two types, as the server prints them
-- Returns     boolean: the lists of labels are the same, or one begins with the other
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_match_labels('enum(''a'')', 'enum(''a'',''b'')');
--
-- A foreign key compares the numbers: by labels in another order the engine means other rows.

DROP FUNCTION IF EXISTS deletion_match_labels;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_match_labels(
    p_first LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_second LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS BOOLEAN
LANGUAGE SQL
DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Tell whether a label of one ENUM and the same label of another have the same number'
BEGIN
    -- In place of the bracket a comma: no label of the list ends in the middle of another.
    DECLARE v_first LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
        DEFAULT concat(left(p_first, char_length(p_first) - 1), ',');
    DECLARE v_second LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
        DEFAULT concat(left(p_second, char_length(p_second) - 1), ',');

    RETURN left(v_first, char_length(v_second)) = v_second
        OR left(v_second, char_length(v_first)) = v_first;
END$$
DELIMITER ;
