-- deletion_raise
-- Raise one of the errors of this project, in the form that all of them have.
--
-- Parameters  p_code    its SQLSTATE
--             p_verb    the verb that was called
--             p_what    what is wrong
--             p_value   the value that is; NULL: none to show
-- Errors      the one that was asked for, always
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     CALL deletion_raise('JD001', 'cancel_deletion', 'no such job', 42);

DROP PROCEDURE IF EXISTS deletion_raise;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_raise(
    IN p_code CHAR(5) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_verb VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_what VARCHAR(128) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_value TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Raise one of the errors of this project, in the form that all of them have'
BEGIN
    DECLARE v_errno INT DEFAULT 31000 + substring(p_code, 3);
    DECLARE v_message VARCHAR(128) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
        DEFAULT concat(p_verb, ': ', p_what);

    IF p_value IS NOT NULL THEN
        -- The value is cut, never the closing parenthesis.
        SET v_message = left(
            concat(v_message, ' (', left(p_value, 125 - char_length(v_message)), ')'), 128
        );
    END IF;

    -- The SQLSTATE of a SIGNAL has to be a literal.
    CASE p_code
        WHEN 'JD001' THEN
            SIGNAL SQLSTATE 'JD001' SET MYSQL_ERRNO = v_errno, MESSAGE_TEXT = v_message;
        WHEN 'JD002' THEN
            SIGNAL SQLSTATE 'JD002' SET MYSQL_ERRNO = v_errno, MESSAGE_TEXT = v_message;
        WHEN 'JD003' THEN
            SIGNAL SQLSTATE 'JD003' SET MYSQL_ERRNO = v_errno, MESSAGE_TEXT = v_message;
        WHEN 'JD004' THEN
            SIGNAL SQLSTATE 'JD004' SET MYSQL_ERRNO = v_errno, MESSAGE_TEXT = v_message;
        WHEN 'JD005' THEN
            SIGNAL SQLSTATE 'JD005' SET MYSQL_ERRNO = v_errno, MESSAGE_TEXT = v_message;
        WHEN 'JD006' THEN
            SIGNAL SQLSTATE 'JD006' SET MYSQL_ERRNO = v_errno, MESSAGE_TEXT = v_message;
        WHEN 'JD007' THEN
            SIGNAL SQLSTATE 'JD007' SET MYSQL_ERRNO = v_errno, MESSAGE_TEXT = v_message;
        WHEN 'JD008' THEN
            SIGNAL SQLSTATE 'JD008' SET MYSQL_ERRNO = v_errno, MESSAGE_TEXT = v_message;
        WHEN 'JD009' THEN
            SIGNAL SQLSTATE 'JD009' SET MYSQL_ERRNO = v_errno, MESSAGE_TEXT = v_message;
        WHEN 'JD010' THEN
            SIGNAL SQLSTATE 'JD010' SET MYSQL_ERRNO = v_errno, MESSAGE_TEXT = v_message;
        WHEN 'JD011' THEN
            SIGNAL SQLSTATE 'JD011' SET MYSQL_ERRNO = v_errno, MESSAGE_TEXT = v_message;
        WHEN 'JD012' THEN
            SIGNAL SQLSTATE 'JD012' SET MYSQL_ERRNO = v_errno, MESSAGE_TEXT = v_message;
        WHEN 'JD013' THEN
            SIGNAL SQLSTATE 'JD013' SET MYSQL_ERRNO = v_errno, MESSAGE_TEXT = v_message;
    END CASE;
END$$
DELIMITER ;
