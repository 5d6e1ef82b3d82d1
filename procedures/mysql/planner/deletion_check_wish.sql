-- deletion_check_wish
-- Check what is the same for all rows of an enqueue, and find the target.
--
-- Parameters  p_verb           the verb that was called
--             p_table          the table that was given
--             p_hard_delete    the mode that was given
--             p_entity_table   OUT the target, as it is registered
-- Errors      JD002 a NULL; JD004 no target; JD011 soft, but no column
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     CALL deletion_check_wish('enqueue_deletion', 'users', TRUE, @dj_name);

DROP PROCEDURE IF EXISTS deletion_check_wish;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_check_wish(
    IN p_verb VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_table TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_hard_delete BOOLEAN,
    OUT p_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Check what is the same for all rows of an enqueue, and find the target'
BEGIN
    IF p_table IS NULL THEN
        CALL deletion_raise('JD002', p_verb, 'p_table is NULL', NULL);
    ELSEIF p_hard_delete IS NULL THEN
        CALL deletion_raise('JD002', p_verb, 'p_hard_delete is NULL', NULL);
    END IF;

    SET p_entity_table = deletion_target_name(p_table);

    IF p_entity_table IS NULL THEN
        CALL deletion_raise('JD004', p_verb, 'table is no target', p_table);
    ELSEIF NOT p_hard_delete AND NOT deletion_has_soft_column(p_entity_table) THEN
        CALL deletion_raise('JD011', p_verb, 'table has no soft-delete column', p_entity_table);
    END IF;
END$$
DELIMITER ;
