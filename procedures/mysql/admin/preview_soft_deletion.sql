-- preview_soft_deletion
-- Say, table by table, how many rows a soft deletion would mark; nothing is changed.
--
-- Parameters  p_table   the target                 p_pk   key of the row
-- Returns     rows of table_name, action (mark, held, root_not_found), reference_name (always
--             NULL), row_count, is_at_least (the walk was cut short)
-- Errors      JD002 NULL, or a key that does not parse; JD004 the table is no target; JD005, JD011
--             as the plan's; JD006 the table of a hold is not found; the
--             engine's own where a right is missing
-- Writes      deletion_walk_keys, emptied again; deletion_plans     Commits  no
-- Execute     deletion_jobs_operator
-- Example     CALL preview_soft_deletion('users', '42');

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02,LT02,LT05
DROP PROCEDURE IF EXISTS preview_soft_deletion;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE preview_soft_deletion(
    IN p_table LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_pk LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Say, table by table, how many rows a soft deletion would mark; nothing is changed'
BEGIN
    DECLARE v_plan_id BIGINT UNSIGNED;
    DECLARE v_pk VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_walk_id BIGINT DEFAULT -connection_id();
    DECLARE v_read, v_total BIGINT DEFAULT 0;
    DECLARE v_own, v_saved, v_roots JSON;
    DECLARE v_is_whole, v_fits BOOLEAN;
    DECLARE v_until DATETIME(6);
    DECLARE v_error TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        -- A caller's transaction is the caller's to roll back.
        DELETE FROM deletion_walk_keys WHERE walk_id = v_walk_id;

        IF v_saved IS NOT NULL THEN
            SET SESSION time_zone = json_unquote(json_extract(v_saved, '$[0]'));
        END IF;

        CALL deletion_widen_session(v_own);
        RESIGNAL;
    END;

    CALL deletion_widen_session(v_own);
    CALL deletion_refuse_temporary('preview_soft_deletion');
    SET v_until = timestampadd(SECOND, deletion_setting_int('run_seconds'), utc_timestamp(6));
    CALL deletion_soft_plan(p_table, 'preview_soft_deletion', v_plan_id);
    CALL deletion_parse_key(deletion_target_name(p_table), p_pk, 'preview_soft_deletion', v_pk);
    CALL deletion_guard(v_plan_id, FALSE, v_fits);
    CALL deletion_missing_privilege(v_plan_id, v_error);

    IF v_error IS NOT NULL THEN
        SET v_error = left(concat('preview_soft_deletion: ', v_error), 128);
        SIGNAL SQLSTATE '42000' SET MYSQL_ERRNO = 1142, MESSAGE_TEXT = v_error;
    END IF;

    SET v_error = deletion_lost_hold();

    IF v_error IS NOT NULL THEN
        CALL deletion_raise(
            'JD006', 'preview_soft_deletion', 'the table of a hold is not found', substr(v_error, 8)
        );
    END IF;

    SET v_saved = json_array(@@SESSION.time_zone);
    SET SESSION time_zone = '+00:00';
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
    SET v_roots = @dj_answer;
    CALL deletion_preview_held(v_walk_id, v_plan_id, v_roots, v_until, v_is_whole);
    CALL deletion_seed_walk(v_walk_id, v_roots);

    WHILE v_read IS NOT NULL AND v_total < deletion_setting_int('preview_rows') DO
        CALL deletion_walk(
            v_walk_id, v_plan_id, TRUE, deletion_setting_int('preview_rows'), v_read
        );
        SET v_total = v_total + coalesce(v_read, 0);
    END WHILE;

    SELECT
        q.table_name, q.action, NULL AS reference_name,
        sum(q.action <> 'root_not_found') AS row_count,
        v_read IS NOT NULL OR NOT v_is_whole AS is_at_least
    FROM (
        SELECT
            n.table_name,
            if(json_contains_path(w.`keys`, 'one', '$.m'), 'root_not_found', 'mark') AS action
        FROM deletion_walk_keys AS w
        INNER JOIN deletion_plan_steps AS n
            ON n.plan_id = v_plan_id AND n.kind = 'restore' AND n.node_no = w.node_no
        INNER JOIN deletion_soft_columns AS c
            ON deletion_entity_name(c.table_schema, c.table_name) = n.table_name
        WHERE
            w.walk_id = v_walk_id
            AND w.fate <> 'held'
            AND NOT EXISTS (
                SELECT 1
                FROM deletion_walk_keys AS h
                WHERE
                    h.walk_id = v_walk_id
                    AND h.fate = 'held'
                    AND h.node_no = w.node_no
                    AND h.key_hash = w.key_hash
            )
            AND (
                json_contains_path(w.`keys`, 'one', '$.m')
                OR json_type(json_extract(w.`keys`, '$.s')) = 'NULL'
                OR (c.kind = 'boolean' AND json_extract(w.`keys`, '$.s') = 0)
                OR (c.kind = 'integer' AND json_extract(w.`keys`, '$.s') <> c.mark_value)
            )
        UNION ALL
        SELECT
            (
                SELECT min(s.table_name)
                FROM deletion_plan_steps AS s
                WHERE s.plan_id = v_plan_id AND s.kind = 'held' AND s.node_no = w.node_no
            ),
            'held'
        FROM deletion_walk_keys AS w
        WHERE w.walk_id = v_walk_id AND w.fate = 'held'
    ) AS q
    GROUP BY q.table_name, q.action
    ORDER BY q.table_name, q.action;

    DELETE FROM deletion_walk_keys WHERE walk_id = v_walk_id;
    SET SESSION time_zone = json_unquote(json_extract(v_saved, '$[0]'));
    CALL deletion_widen_session(v_own);
END$$
DELIMITER ;

GRANT EXECUTE ON PROCEDURE preview_soft_deletion
TO 'deletion_jobs_operator';
