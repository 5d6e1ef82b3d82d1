-- set_deletion_setting
-- Change a setting of this installation.
--
-- Parameters  p_name    the setting
--             p_value   its value as text; NULL: back to the default
-- Errors      JD002 no such setting, or a value of another kind or out of range
-- Writes      deletion_settings (one row); deletion_targets for max_pending     Commits  no
-- Execute     the owner only (DBAs)
-- Example     CALL set_deletion_setting('batch_rows', '1000');

DROP PROCEDURE IF EXISTS set_deletion_setting;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE set_deletion_setting(
    IN p_name TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_value TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Change a setting of this installation'
BEGIN
    DECLARE v_name, v_kind, v_value, v_what TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_min, v_max, v_number DECIMAL(65, 0);

    SELECT
        s.setting_name,
        s.kind,
        coalesce(s.min_value, -9223372036854775808),
        coalesce(s.max_value, 9223372036854775807)
    INTO v_name, v_kind, v_min, v_max
    FROM deletion_settings AS s
    WHERE s.setting_name = p_name;

    SET v_what = CASE
        WHEN p_name IS NULL THEN 'p_name is NULL'
        WHEN v_name IS NULL THEN 'no such setting'
        WHEN v_name = 'paused_reason' THEN 'use pause_deletions or resume_deletions'
    END;

    IF v_what IS NOT NULL THEN
        CALL deletion_raise('JD002', 'set_deletion_setting', v_what, p_name);
    END IF;

    SET v_value = p_value;

    IF v_kind = 'integer' AND p_value IS NOT NULL THEN
        -- 0100 is kept as 100, and no number of digits overflows.
        SET v_value = deletion_key_number(p_value, 'decimal(65,0)');
        SET v_number = cast(v_value AS DECIMAL(65, 0));
        SET v_what = CASE
            WHEN v_value IS NULL OR p_value REGEXP '[^-0-9]'
                THEN concat(v_name, ' takes a whole number')
            WHEN v_number < v_min OR v_number > v_max
                THEN concat(v_name, ' takes numbers from ', v_min, ' to ', v_max)
        END;
    ELSEIF v_kind = 'boolean' AND p_value NOT IN ('true', 'false') THEN
        SET v_what = concat(v_name, ' takes true or false');
    END IF;

    IF v_what IS NOT NULL THEN
        CALL deletion_raise('JD002', 'set_deletion_setting', v_what, p_value);
    END IF;

    UPDATE deletion_settings AS s
    SET s.setting_value = v_value
    WHERE s.setting_name = v_name;

    -- After the setting's own lock: a target that is being registered is seen by one of us.
    IF v_name = 'max_pending' THEN
        UPDATE deletion_targets AS t SET t.is_limited = (v_value IS NOT NULL);
    END IF;
END$$
DELIMITER ;
