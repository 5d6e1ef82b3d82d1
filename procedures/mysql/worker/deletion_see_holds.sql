-- deletion_see_holds
-- After a step: see that the held rows of its plan are all still there.
--
-- Parameters  p_plan_id   the plan                 p_held   their number before the step
-- Errors      40001 the step took one: it is rolled back, and the run climbs from them once more
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_see_holds;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_see_holds(
    IN p_plan_id BIGINT UNSIGNED,
    IN p_held BIGINT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'After a step: see that the held rows of its plan are all still there'
BEGIN
    DECLARE v_rows JSON;

    CALL deletion_held_rows(p_plan_id, v_rows);

    IF json_length(v_rows) < p_held THEN
        SIGNAL SQLSTATE '40001' SET MESSAGE_TEXT = 'a row that is held was on the way';
    END IF;
END$$
DELIMITER ;
