-- preview_deletion
-- Say, table by table, what deleting a row would do; nothing is changed.
--
-- Parameters  p_table   the target                 p_pk   key of the row
-- Returns     rows of table_name, action (delete, set_null, set_default, scrub, restrict, keep,
--             held, circle, root_not_found), reference_name (of what blocks or is kept, and of the
--             rows of a circle that nothing opens), row_count, is_at_least (the walk was cut short)
-- Errors      JD002 NULL, or a key that does not parse; JD004 the table is no target; JD005,
--             JD007 as the plan's; JD006 the table of a hold is not found; the
--             engine's own where a right is missing
-- Writes      deletion_walk_keys, deletion_walk_links, emptied again; deletion_plans
-- Commits     no
-- Execute     deletion_jobs_operator
-- Example     CALL preview_deletion('users', '42');

DROP PROCEDURE IF EXISTS preview_deletion;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE preview_deletion(
    IN p_table LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_pk LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Say, table by table, what deleting a row would do; nothing is changed'
BEGIN
    DECLARE v_plan_id BIGINT UNSIGNED;
    DECLARE v_pk VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_walk_id BIGINT DEFAULT -connection_id();
    DECLARE v_read, v_total BIGINT DEFAULT 0;
    DECLARE v_until DATETIME(6);
    DECLARE v_own, v_saved, v_roots, v_circles JSON;
    DECLARE v_is_whole, v_is_over, v_fits BOOLEAN DEFAULT FALSE;
    DECLARE v_error TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        -- A caller's transaction is the caller's to roll back.
        DELETE FROM deletion_walk_keys WHERE walk_id = v_walk_id;
        DELETE FROM deletion_walk_links WHERE walk_id = v_walk_id;

        IF v_saved IS NOT NULL THEN
            SET SESSION
                time_zone = json_unquote(json_extract(v_saved, '$[0]')),
                cte_max_recursion_depth = cast(json_extract(v_saved, '$[1]') AS UNSIGNED);
        END IF;

        CALL deletion_widen_session(v_own);
        RESIGNAL;
    END;

    CALL deletion_widen_session(v_own);
    CALL deletion_refuse_temporary('preview_deletion');
    SET v_until = timestampadd(SECOND, deletion_setting_int('run_seconds'), utc_timestamp(6));

    IF p_table IS NULL THEN
        CALL deletion_raise('JD002', 'preview_deletion', 'p_table is NULL', NULL);
    ELSEIF deletion_target_name(p_table) IS NULL THEN
        CALL deletion_raise('JD004', 'preview_deletion', 'table is no target', p_table);
    END IF;

    CALL deletion_parse_key(deletion_target_name(p_table), p_pk, 'preview_deletion', v_pk);
    CALL deletion_current_plan(p_table, 'preview_deletion', v_plan_id);
    CALL deletion_guard(v_plan_id, FALSE, v_fits);
    CALL deletion_missing_privilege(v_plan_id, v_error);

    IF v_error IS NOT NULL THEN
        SET v_error = left(concat('preview_deletion: ', v_error), 128);
        SIGNAL SQLSTATE '42000' SET MYSQL_ERRNO = 1142, MESSAGE_TEXT = v_error;
    END IF;

    SET v_error = deletion_lost_hold();

    IF v_error IS NOT NULL THEN
        CALL deletion_raise(
            'JD006', 'preview_deletion', 'the table of a hold is not found', substr(v_error, 8)
        );
    END IF;

    SET v_saved = json_array(@@SESSION.time_zone, @@SESSION.cte_max_recursion_depth);
    SET SESSION time_zone = '+00:00', cte_max_recursion_depth = 4294967295;

    SET @dj_frame = json_array(json_object('j', 0, 'pk', v_pk, 'k', if(
        json_length((
            SELECT t.key_columns
            FROM deletion_targets AS t
            WHERE t.entity_table = deletion_target_name(p_table)
        )) = 1,
        json_array(v_pk), cast(v_pk AS JSON)
    )));
    CALL deletion_execute(v_plan_id, 0, 'roots');
    DELETE FROM deletion_walk_keys WHERE walk_id = v_walk_id;
    DELETE FROM deletion_walk_links WHERE walk_id = v_walk_id;
    SET v_roots = @dj_answer;
    CALL deletion_preview_held(v_walk_id, v_plan_id, v_roots, v_until, v_is_whole);
    CALL deletion_seed_walk(v_walk_id, v_roots);

    WHILE
        v_read IS NOT NULL
        AND v_total < deletion_setting_int('preview_rows')
        AND utc_timestamp(6) < v_until
    DO
        CALL deletion_walk(
            v_walk_id, v_plan_id, TRUE, deletion_setting_int('preview_rows'), v_read
        );
        SET v_total = v_total + coalesce(v_read, 0);
    END WHILE;

    CALL deletion_walk_defaults(v_walk_id, v_plan_id);

    -- Of a walk that was cut short nobody knows which circles others open.
    IF v_read IS NULL THEN
        CALL deletion_preview_circle(v_walk_id, v_plan_id, v_until, v_circles, v_is_over);
    END IF;

    CALL deletion_fates(v_walk_id, v_plan_id, v_circles, NOT v_is_over OR NOT v_is_whole);
    DELETE FROM deletion_walk_keys WHERE walk_id = v_walk_id;
    DELETE FROM deletion_walk_links WHERE walk_id = v_walk_id;
    SET SESSION
        time_zone = json_unquote(json_extract(v_saved, '$[0]')),
        cte_max_recursion_depth = cast(json_extract(v_saved, '$[1]') AS UNSIGNED);
    CALL deletion_widen_session(v_own);
END$$
DELIMITER ;

GRANT EXECUTE ON PROCEDURE preview_deletion
TO 'deletion_jobs_operator';
