-- 0004_reach_every_deletion_shape: rollback
-- Take back: reach every deletion shape on MySQL.
--
-- Plain SQL for mysql; deletion-jobs sends the same text. Generated from the files
-- named by the markers: edit those, then run deletion-jobs migrations write.

-- >>> tooling/deletion_jobs/sql/mysql/migration_begin.sql
-- Routines keep the settings of the session that makes them; the session gets its own back.
SET @dj_sql_mode = @@SESSION.sql_mode;
SET @dj_time_zone = @@SESSION.time_zone;
SET @dj_lock_wait_timeout = @@SESSION.lock_wait_timeout;
SET @dj_sql_safe_updates = @@SESSION.sql_safe_updates;
SET @dj_sql_big_selects = @@SESSION.sql_big_selects;
SET NAMES utf8mb4 COLLATE utf8mb4_0900_ai_ci;
SET SESSION sql_mode
= 'ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,'
'ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION';
SET SESSION time_zone = '+00:00';
SET SESSION lock_wait_timeout = 2;
-- Either would refuse a statement in the midst.
SET SESSION sql_safe_updates = 0;
SET SESSION sql_big_selects = 1;
-- <<<

-- >>> tooling/deletion_jobs/sql/mysql/migration_names.sql
-- Nothing is changed where somebody else's object bears a name that this migration needs. Of ours,
-- tables are known by their comment, views and routines by their definer: run again, it passes.
SET @dj_sql = (
    SELECT coalesce(min(concat('deletion_jobs needs this name: ', n.kind, ' ', n.name)), 'DO 0')
    FROM (
        SELECT
            'table' AS kind,
            t.table_name AS name
        FROM information_schema.tables AS t
        WHERE
            t.table_schema = database()
            AND t.table_name IN (
                'deletion_soft_columns',
                'deletion_node_columns',
                'deletion_node_indexes',
                'deletion_holds',
                'deletion_hold_latches',
                'deletion_walk_links',
                'deletion_soft_keys'
            )
            AND (t.table_name, t.table_comment) NOT IN (
                (
                    'deletion_soft_columns',
                    'One row for each table whose rows can be marked as deleted'
                ),
                (
                    'deletion_node_columns',
                    'Work table of the planner: the columns of the tables of a plan that is'
                    ' being compiled'
                ),
                (
                    'deletion_node_indexes',
                    'Work table of the planner: the indexes of the tables of a plan that is'
                    ' being compiled'
                ),
                (
                    'deletion_holds',
                    'One row for each hold that was placed on a row'
                ),
                (
                    'deletion_hold_latches',
                    'One row, by which holds and the steps of runs wait for each other'
                ),
                (
                    'deletion_walk_links',
                    'One row for each pair of rows of a walk that a reference which no NULL'
                    ' opens ties'
                ),
                (
                    'deletion_soft_keys',
                    'One row for each row that a soft job has met'
                )
            )
        UNION ALL
        SELECT
            'view' AS kind,
            t.table_name AS name
        FROM information_schema.tables AS t
        LEFT JOIN information_schema.views AS v
            ON
                v.table_schema = t.table_schema
                AND v.table_name = t.table_name
                AND v.definer = 'deletion_jobs_owner@localhost'
        WHERE
            t.table_schema = database()
            AND v.table_name IS NULL
            AND t.table_name IN (
                'vw_deletion_marks',
                'vw_deletion_holds',
                'vw_deletion_misfits'
            )
        UNION ALL
        SELECT
            lower(r.routine_type) AS kind,
            r.routine_name AS name
        FROM information_schema.routines AS r
        WHERE
            r.routine_schema = database()
            AND r.definer <> 'deletion_jobs_owner@localhost'
            AND (r.routine_type, r.routine_name) IN (
                ('PROCEDURE', 'restore_deletion'),
                ('PROCEDURE', 'hold_deletion'),
                ('PROCEDURE', 'release_deletion_hold'),
                ('PROCEDURE', 'preview_soft_deletion'),
                ('PROCEDURE', 'set_soft_deletion'),
                ('FUNCTION', 'deletion_match_labels'),
                ('PROCEDURE', 'deletion_take_purge_back'),
                ('FUNCTION', 'deletion_key_changed'),
                ('PROCEDURE', 'deletion_row_key'),
                ('FUNCTION', 'deletion_column_frame'),
                ('FUNCTION', 'deletion_key_places'),
                ('FUNCTION', 'deletion_sql_climb'),
                ('FUNCTION', 'deletion_sql_found'),
                ('FUNCTION', 'deletion_sql_held'),
                ('PROCEDURE', 'deletion_row_seen'),
                ('FUNCTION', 'deletion_sql_keyless'),
                ('FUNCTION', 'deletion_sql_change_rows'),
                ('FUNCTION', 'deletion_sql_find'),
                ('FUNCTION', 'deletion_sql_default'),
                ('FUNCTION', 'deletion_sql_scrub'),
                ('FUNCTION', 'deletion_sql_untouched'),
                ('FUNCTION', 'deletion_table_key'),
                ('FUNCTION', 'deletion_sql_childless'),
                ('FUNCTION', 'deletion_sql_circle'),
                ('FUNCTION', 'deletion_sql_link'),
                ('FUNCTION', 'deletion_sql_part'),
                ('PROCEDURE', 'deletion_plan_kept'),
                ('PROCEDURE', 'deletion_plan_catalog'),
                ('PROCEDURE', 'deletion_read_scrub'),
                ('PROCEDURE', 'deletion_rule_problem'),
                ('FUNCTION', 'deletion_scrub_objection'),
                ('FUNCTION', 'deletion_misfits'),
                ('FUNCTION', 'deletion_misfit_problem'),
                ('PROCEDURE', 'deletion_plan_set_order'),
                ('PROCEDURE', 'deletion_plan_kinds'),
                ('PROCEDURE', 'deletion_break_columns'),
                ('PROCEDURE', 'deletion_plan_links'),
                ('PROCEDURE', 'deletion_write_holds'),
                ('PROCEDURE', 'deletion_write_circles'),
                ('FUNCTION', 'deletion_column_text'),
                ('FUNCTION', 'deletion_soft_kind'),
                ('FUNCTION', 'deletion_soft_problem'),
                ('FUNCTION', 'deletion_has_soft_column'),
                ('FUNCTION', 'deletion_soft_live'),
                ('PROCEDURE', 'deletion_soft_graph'),
                ('FUNCTION', 'deletion_sql_mark'),
                ('FUNCTION', 'deletion_sql_live'),
                ('FUNCTION', 'deletion_sql_restore'),
                ('FUNCTION', 'deletion_sql_spread'),
                ('PROCEDURE', 'deletion_write_soft_plan'),
                ('PROCEDURE', 'deletion_soft_plan'),
                ('FUNCTION', 'deletion_detach_problem'),
                ('PROCEDURE', 'deletion_change_rows'),
                ('PROCEDURE', 'deletion_check_holds'),
                ('PROCEDURE', 'deletion_drain_wide'),
                ('PROCEDURE', 'deletion_drop_soft_keys'),
                ('PROCEDURE', 'deletion_spare_live'),
                ('PROCEDURE', 'deletion_refuse_temporary'),
                ('PROCEDURE', 'deletion_give_up'),
                ('PROCEDURE', 'deletion_held_roots'),
                ('PROCEDURE', 'deletion_held_rows'),
                ('FUNCTION', 'deletion_hold_error'),
                ('FUNCTION', 'deletion_lost_hold'),
                ('FUNCTION', 'deletion_lost_holds'),
                ('FUNCTION', 'deletion_circle_error'),
                ('PROCEDURE', 'deletion_fail_circles'),
                ('PROCEDURE', 'deletion_trace_circle'),
                ('PROCEDURE', 'deletion_part'),
                ('PROCEDURE', 'deletion_place'),
                ('PROCEDURE', 'deletion_note_frame'),
                ('PROCEDURE', 'deletion_note_stack'),
                ('PROCEDURE', 'deletion_open_circle'),
                ('PROCEDURE', 'deletion_mind_holds'),
                ('PROCEDURE', 'deletion_hidden_table'),
                ('FUNCTION', 'deletion_newest_hold'),
                ('PROCEDURE', 'deletion_preview_held'),
                ('PROCEDURE', 'deletion_preview_circle'),
                ('PROCEDURE', 'deletion_climb'),
                ('PROCEDURE', 'deletion_see_holds'),
                ('PROCEDURE', 'deletion_seed_climb'),
                ('PROCEDURE', 'deletion_widen_session'),
                ('PROCEDURE', 'deletion_walk_rings'),
                ('PROCEDURE', 'deletion_walk_defaults'),
                ('PROCEDURE', 'deletion_soft_start'),
                ('PROCEDURE', 'deletion_soft_done'),
                ('PROCEDURE', 'deletion_soft_marks'),
                ('PROCEDURE', 'deletion_soft_mark'),
                ('PROCEDURE', 'deletion_soft_spread'),
                ('PROCEDURE', 'deletion_soft_advance'),
                ('PROCEDURE', 'deletion_restore'),
                ('PROCEDURE', 'deletion_restore_job')
            )
    ) AS n
);
PREPARE dj_stmt FROM @dj_sql;
EXECUTE dj_stmt;
DEALLOCATE PREPARE dj_stmt;
-- <<<

-- With this version go soft deletion, holds, and rules that scrub; rows that they kept stay. Before
-- the routines of before come back: workers rest where a row is held, removals that nobody asked
-- for are cancelled, and what was to be scrubbed blocks its job (JD006) under a rule restrict.
-- Holds, marks, and the receipts of marking and restoring are forgotten: what is marked stays
-- marked, and restore_deletion can take it back no more, not after another upgrade either. Rows
-- that were scrubbed count as set NULL. Every statement can be run again: here DDL commits.
SET @dj_sql = if(
    EXISTS (
        SELECT 1
        FROM information_schema.tables AS t
        WHERE t.table_schema = database() AND t.table_name = 'deletion_holds'
    ),
    'UPDATE deletion_settings AS s '
    'SET s.setting_value = concat_ws(''; '', s.setting_value, '
    '''rolled back to a version without holds, and rows were held'') '
    'WHERE s.setting_name = ''paused_reason'' '
    'AND coalesce(s.setting_value, '''') NOT LIKE ''%rolled back to a version without holds%'' '
    'AND EXISTS ('
    'SELECT 1 FROM deletion_holds AS h WHERE h.released_at IS NULL '
    'AND (h.held_until IS NULL OR h.held_until > utc_timestamp(6)))',
    'DO 0'
);
PREPARE dj_stmt FROM @dj_sql;
EXECUTE dj_stmt;
DEALLOCATE PREPARE dj_stmt;

SET @dj_sql = if(
    EXISTS (
        SELECT 1
        FROM information_schema.columns AS c
        WHERE
            c.table_schema = database() AND c.table_name = 'deletion_rules'
            AND c.column_name = 'scrub'
    ),
    'UPDATE deletion_rules AS r SET r.action = ''restrict'', r.scrub = NULL '
    'WHERE r.action = ''scrub''',
    'DO 0'
);
PREPARE dj_stmt FROM @dj_sql;
EXECUTE dj_stmt;
DEALLOCATE PREPARE dj_stmt;

-- A soft job that ends from here on is done, and comes back for no removal.
SET @dj_sql = if(
    EXISTS (
        SELECT 1
        FROM information_schema.tables AS t
        WHERE t.table_schema = database() AND t.table_name = 'deletion_soft_columns'
    ),
    'UPDATE deletion_soft_columns AS s SET s.purge_after_seconds = NULL',
    'DO 0'
);
PREPARE dj_stmt FROM @dj_sql;
EXECUTE dj_stmt;
DEALLOCATE PREPARE dj_stmt;

SET @dj_sql = if(
    EXISTS (
        SELECT 1
        FROM information_schema.columns AS c
        WHERE
            c.table_schema = database() AND c.table_name = 'deletion_attempts'
            AND c.column_name = 'purge_follows'
    ),
    'SELECT json_arrayagg(q.job_id) INTO @dj_purges '
    'FROM (SELECT DISTINCT a.job_id FROM deletion_attempts AS a WHERE a.purge_follows) AS q',
    'SET @dj_purges = NULL'
);
PREPARE dj_stmt FROM @dj_sql;
EXECUTE dj_stmt;
DEALLOCATE PREPARE dj_stmt;

-- As cancel_deletion does it: what waits is cancelled at once, what runs is asked to stop. A job
-- whose run has ended, and has not told it yet, would come back.
START TRANSACTION;
SELECT json_arrayagg(j.id) INTO @dj_jobs
FROM json_table(@dj_purges, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$')) AS p
INNER JOIN deletion_jobs AS j ON j.id = p.id
WHERE
    j.hard_delete
    AND (
        j.status = 'pending'
        OR (
            j.status = 'running'
            AND (
                SELECT a.outcome
                FROM deletion_attempts AS a
                WHERE a.job_id = j.id
                ORDER BY a.attempt_no DESC
                LIMIT 1
            ) IN ('retry', 'sliced', 'returned', 'lost')
        )
    )
FOR UPDATE OF j;  -- noqa: PRS

INSERT INTO deletion_attempts (
    job_id, attempt_no, ended_at, outcome, error, asked_reason, asked_hard_delete, asked_by,
    asked_at
)
SELECT
    j.id,
    (SELECT max(a.attempt_no) + 1 FROM deletion_attempts AS a WHERE a.job_id = j.id),
    utc_timestamp(6),
    'cancelled',
    'JD003: rolled back to a version without soft deletion',
    j.reason,
    FALSE,
    j.created_by,
    j.created_at
FROM json_table(@dj_jobs, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$')) AS p
INNER JOIN deletion_jobs AS j ON j.id = p.id;

-- Never again for good without being asked.
UPDATE json_table(@dj_jobs, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$')) AS p  -- noqa: PRS
INNER JOIN deletion_jobs AS j ON j.id = p.id
SET
    j.status = 'cancelled',
    j.hard_delete = FALSE,
    j.finished_at = utc_timestamp(6),
    j.error = 'JD003: rolled back to a version without soft deletion';

UPDATE deletion_attempts AS a
INNER JOIN deletion_runs AS r ON r.run_id = a.run_id
INNER JOIN deletion_jobs AS j ON j.id = a.job_id
LEFT JOIN json_table(@dj_purges, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$')) AS p ON p.id = j.id
SET a.cancel_requested_at = coalesce(a.cancel_requested_at, utc_timestamp(6))
WHERE
    a.outcome IS NULL AND NOT a.is_past AND j.status = 'running'
    AND if(r.hard_delete, p.id IS NOT NULL, NOT j.hard_delete);

-- The version of before has no next step for them; its recovery takes their jobs up.
DELETE f
FROM deletion_frames AS f
INNER JOIN deletion_runs AS r ON r.run_id = f.run_id
WHERE NOT r.hard_delete;
UPDATE deletion_runs AS r
SET
    r.phase = 'ended',
    r.outcome = 'returned',
    r.error = 'rolled back to a version without soft deletion',
    r.ended_at = utc_timestamp(6)
WHERE r.ended_at IS NULL AND NOT r.hard_delete;
COMMIT;

-- >>> procedures/mysql/worker/deletion_uncount.sql
-- deletion_uncount
-- Take rows that are gone out of the receipts of what was set: a row counts once, by its end.
--
-- Parameters  p_table_name   the table, as plans name it
--             p_keys         a frame of its rows that were removed
-- Writes      deletion_receipts, deletion_walk_keys     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_uncount;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_uncount(
    IN p_table_name VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_keys LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Take rows that are gone out of the receipts of what was set'
BEGIN
    DECLARE v_set, v_counts JSON;  -- noqa: PRS
    DECLARE v_pos INT DEFAULT 0;

    SELECT json_arrayagg(json_object(
        'j', w.job_id, 'a', json_extract(w.`keys`, '$.action'), 'h', hex(w.key_hash)
    ))
    INTO v_set
    FROM json_table(p_keys, '$[*]' COLUMNS (  -- noqa: CP02
        o JSON PATH '$', j BIGINT UNSIGNED PATH '$.j'
    )) AS k
    STRAIGHT_JOIN deletion_walk_keys AS w FORCE INDEX (PRIMARY)
        ON
            w.walk_id = 0
            AND w.job_id = k.j
            AND w.node_no = -1
            AND w.fate = 'set_null'
            AND w.key_hash
            = unhex(sha2(concat(p_table_name, hex(deletion_key_hash(k.o))), 256));

    IF v_set IS NOT NULL THEN
        -- A run may have set what the next one deletes: their receipts add up.
        WHILE v_pos < 2 DO
            SELECT json_objectagg(q.j, -q.n)
            INTO v_counts
            FROM (
                SELECT t.j, count(*) AS n
                FROM json_table(v_set, '$[*]' COLUMNS (  -- noqa: CP02
                    j BIGINT UNSIGNED PATH '$.j',
                    a VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.a'
                )) AS t
                WHERE t.a = elt(v_pos + 1, 'set_null', 'set_default')
                GROUP BY t.j
            ) AS q;
            CALL deletion_add_receipts(
                @dj_run_id, p_table_name, elt(v_pos + 1, 'set_null', 'set_default'), v_counts
            );
            SET v_pos = v_pos + 1;
        END WHILE;

        DELETE w
        FROM json_table(v_set, '$[*]' COLUMNS (  -- noqa: CP02
            j BIGINT UNSIGNED PATH '$.j', h CHAR(64) PATH '$.h'
        )) AS t
        STRAIGHT_JOIN deletion_walk_keys AS w FORCE INDEX (PRIMARY)
            ON
                w.walk_id = 0
                AND w.job_id = t.j
                AND w.node_no = -1
                AND w.fate = 'set_null'
                AND w.key_hash = unhex(t.h);
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_lock_frame.sql
-- deletion_lock_frame
-- Lock the present frame's rows before their children are emptied, where the plan can use that.
--
-- Writes      nothing; locks the frame's rows      Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_lock_frame;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_lock_frame()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Lock the present frame''s rows before their children are emptied'
BEGIN
    DECLARE v_keys JSON DEFAULT @dj_keys;
    DECLARE v_count INT DEFAULT @dj_count;
    DECLARE v_is_changed BOOLEAN;

    IF @dj_may_sweep AND EXISTS (
        SELECT 1
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = @dj_plan_id AND s.edge_no = @dj_edge_no AND s.kind = 'remove_now'
    ) THEN
        CALL deletion_hold_frame('lock', @dj_edge_no, v_keys, v_count, v_is_changed);

        IF v_is_changed THEN
            -- Of rows that left meanwhile one may be back, and is not locked.
            SET @dj_keys = v_keys, @dj_count = v_count;
        ELSE
            SET @dj_is_locked = TRUE, @dj_locks = concat(@dj_locks, @dj_depth, ',');
        END IF;
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_fingerprint_keys.sql
-- deletion_fingerprint_keys
-- Digest the foreign keys that point at tables.
--
-- Parameters  p_tables         an array of {"s": schema, "t": table}
-- Returns     text, 32 hexadecimal digits: the first half of a fingerprint
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_fingerprint_keys(tables) FROM deletion_plans;

DROP FUNCTION IF EXISTS deletion_fingerprint_keys;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_fingerprint_keys(
    p_tables JSON
) RETURNS VARCHAR(32) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Digest the foreign keys that point at tables'
BEGIN
    DECLARE v_keys LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SELECT if(count(*) = 0, '', hex(bit_xor(unhex(sha2(json_array(
        r.constraint_schema, r.table_name, r.constraint_name, r.delete_rule, r.update_rule,
        r.unique_constraint_name, k.ordinal_position, k.column_name,
        k.referenced_table_schema, k.referenced_table_name, k.referenced_column_name
    ), 256)))))
    INTO v_keys
    FROM
        json_table(
            p_tables, '$[*]' COLUMNS (s VARCHAR(64) PATH '$.s', t VARCHAR(64) PATH '$.t')
        ) AS p
    STRAIGHT_JOIN information_schema.referential_constraints AS r  -- noqa: PRS
        ON r.unique_constraint_schema = p.s AND r.referenced_table_name = p.t
    STRAIGHT_JOIN information_schema.key_column_usage AS k
        ON
            k.constraint_schema = r.constraint_schema
            AND k.table_name = r.table_name
            AND k.constraint_name = r.constraint_name;

    -- The form of the plans as well: those that an earlier version wrote are stale.
    RETURN left(sha2(concat('3', v_keys), 256), 32);
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_fates.sql
-- deletion_fates
-- Answer what a walk has found: how many rows of each table meet which end.
--
-- Parameters  p_walk_id, p_plan_id   the walk
--             p_is_at_least          TRUE: it was cut short
-- Returns     rows as preview_deletion
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_fates;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_fates(
    IN p_walk_id BIGINT,
    IN p_plan_id BIGINT UNSIGNED,
    IN p_is_at_least BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Answer what a walk has found: how many rows of each table meet which end'
BEGIN
    WITH node AS (
        SELECT DISTINCT s.node_no, s.table_name
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = p_plan_id
    ),

    final AS (
        -- A row that is deleted is not counted for what would have been set in it, and one with two
        -- references to set is counted once.
        SELECT
            w.node_no, w.key_hash,
            max(json_contains_path(w.`keys`, 'one', '$.m')) AS is_missing,
            min(w.fate) AS fate
        FROM deletion_walk_keys AS w
        WHERE w.walk_id = p_walk_id AND w.fate <> 'restrict'
        GROUP BY w.node_no, w.key_hash
    )

    SELECT
        n.table_name,
        if(f.is_missing, 'root_not_found', f.fate) AS action,
        NULL AS reference_name,
        sum(NOT f.is_missing) AS row_count,
        p_is_at_least AS is_at_least
    FROM final AS f
    INNER JOIN node AS n ON n.node_no = f.node_no
    GROUP BY n.table_name, if(f.is_missing, 'root_not_found', f.fate)
    UNION ALL
    SELECT s.table_name, 'restrict', s.reference_name, count(*), p_is_at_least
    FROM deletion_walk_keys AS w
    INNER JOIN deletion_plan_steps AS s
        ON s.plan_id = p_plan_id AND s.edge_no = w.edge_no AND s.kind = 'fetch'
    WHERE
        w.walk_id = p_walk_id
        AND w.fate = 'restrict'
        AND NOT EXISTS (
            SELECT 1
            FROM deletion_walk_keys AS d
            WHERE
                d.walk_id = w.walk_id AND d.job_id = w.job_id AND d.node_no = w.node_no
                AND d.fate = 'delete' AND d.key_hash = w.key_hash
        )
    GROUP BY s.table_name, s.reference_name
    ORDER BY 1, 2, 3;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_walk_verdict.sql
-- deletion_walk_verdict
-- Fail the jobs that a finished walk shows cannot end: rows in the way, or rows in a circle.
--
-- Parameters  p_run_id, p_plan_id   the run
-- Writes      deletion_attempts, deletion_jobs, deletion_frames, deletion_walk_keys   Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_walk_verdict;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_walk_verdict(
    IN p_run_id BIGINT UNSIGNED,
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Fail the jobs that a finished walk shows cannot end: rows in the way, or rows in a circle'
BEGIN
    DECLARE v_job_id BIGINT UNSIGNED;
    DECLARE v_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_edge_no INT;
    DECLARE v_table, v_reference VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE c_blocked CURSOR FOR
        SELECT b.job_id, concat('JD006: ', group_concat(  -- noqa: CP01
            b.row_count, if(b.row_count = 1, ' row of ', ' rows of '), b.table_name, ' behind ',
            b.reference_name
            ORDER BY b.table_name, b.reference_name SEPARATOR ', '
        ))
        FROM (
            SELECT w.job_id, s.table_name, s.reference_name, count(*) AS row_count
            FROM deletion_walk_keys AS w
            INNER JOIN deletion_plan_steps AS s
                ON s.plan_id = p_plan_id AND s.edge_no = w.edge_no AND s.kind = 'fetch'
            WHERE
                w.walk_id = p_run_id
                AND w.fate = 'restrict'
                -- A row that the same job removes never blocks it.
                AND NOT EXISTS (
                    SELECT 1
                    FROM deletion_walk_keys AS d
                    WHERE
                        d.walk_id = w.walk_id AND d.job_id = w.job_id AND d.node_no = w.node_no
                        AND d.fate = 'delete' AND d.key_hash = w.key_hash
                )
            GROUP BY w.job_id, s.table_name, s.reference_name
        ) AS b
        GROUP BY b.job_id;
    DECLARE c_cycle CURSOR FOR
        SELECT s.edge_no, s.table_name, s.reference_name
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = p_plan_id AND s.kind = 'cycle'
        ORDER BY s.edge_no;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    OPEN c_blocked;
    FETCH c_blocked INTO v_job_id, v_error;

    WHILE NOT v_is_done DO
        CALL deletion_fail_jobs(p_run_id, json_array(v_job_id), v_error);
        SET v_is_done = FALSE;
        FETCH c_blocked INTO v_job_id, v_error;
    END WHILE;

    CLOSE c_blocked;
    SET v_is_done = FALSE;
    OPEN c_cycle;
    FETCH c_cycle INTO v_edge_no, v_table, v_reference;

    WHILE NOT v_is_done DO
        SET @dj_walk_id = p_run_id;
        CALL deletion_execute(p_plan_id, v_edge_no, 'cycle');

        IF @dj_rows > 0 THEN
            CALL deletion_fail_jobs(p_run_id, @dj_answer, concat(
                'JD007: rows of ', v_table, ' go in a circle by ', v_reference
            ));
        END IF;

        SET v_is_done = FALSE;
        FETCH c_cycle INTO v_edge_no, v_table, v_reference;
    END WHILE;

    CLOSE c_cycle;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_walk_on.sql
-- deletion_walk_on
-- Go on with a check's walk for a moment, and stop jobs that hold more rows than they may.
--
-- Parameters  p_run_id, p_plan_id   the run
--             p_max_rows            most rows that a job may change; NULL: any number
--             p_is_over             OUT TRUE where the walk has ended
-- Writes      deletion_walk_keys, deletion_attempts, deletion_jobs, deletion_frames   Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_walk_on;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_walk_on(
    IN p_run_id BIGINT UNSIGNED,
    IN p_plan_id BIGINT UNSIGNED,
    IN p_max_rows BIGINT,
    OUT p_is_over BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Go on with a check''s walk for a moment, and stop jobs that hold more rows than they may'
BEGIN
    DECLARE v_until DATETIME(6) DEFAULT timestampadd(
        MICROSECOND, 1000 * deletion_setting_int('batch_ms'), utc_timestamp(6)
    );
    DECLARE v_read BIGINT DEFAULT 0;
    DECLARE v_jobs JSON;

    WHILE v_read IS NOT NULL AND utc_timestamp(6) < v_until DO
        CALL deletion_walk(p_run_id, p_plan_id, p_max_rows IS NOT NULL, v_read);

        IF p_max_rows IS NOT NULL THEN
            SELECT json_arrayagg(q.job_id)
            INTO v_jobs
            FROM (
                SELECT w.job_id
                FROM deletion_walk_keys AS w
                WHERE
                    w.walk_id = p_run_id
                    AND w.fate <> 'restrict'
                    AND NOT json_contains_path(w.`keys`, 'one', '$.m')
                GROUP BY w.job_id
                HAVING count(DISTINCT w.node_no, w.key_hash) > p_max_rows
            ) AS q;

            IF v_jobs IS NOT NULL THEN
                CALL deletion_fail_jobs(p_run_id, v_jobs, concat(
                    'JD013: more rows than max_rows allows (', p_max_rows, ')'
                ));
            END IF;
        END IF;
    END WHILE;

    SET p_is_over = v_read IS NULL;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_walk_edge.sql
-- deletion_walk_edge
-- Read, page by page, the rows that hang from a walk's rows by one reference.
--
-- Parameters  p_walk_id, p_plan_id, p_edge_no   the reference; @dj_frame holds the rows
--             p_child_no, p_action              its child and what happens to it
--             p_is_end                          TRUE: nothing is looked at below them
--             p_read                            INOUT number of rows read
-- Writes      deletion_walk_keys                   Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_walk_edge;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_walk_edge(
    IN p_walk_id BIGINT,
    IN p_plan_id BIGINT UNSIGNED,
    IN p_edge_no INT,
    IN p_child_no INT,
    IN p_action VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_is_end BOOLEAN,
    INOUT p_read BIGINT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Read, page by page, the rows that hang from a walk''s rows by one reference'
BEGIN
    -- One answer of the engine is never larger than this.
    DECLARE v_page INT DEFAULT 10000;

    SET @dj_cursor = '{}', @dj_limit = v_page, @dj_rows = v_page;

    WHILE @dj_rows = v_page DO
        CALL deletion_execute(p_plan_id, p_edge_no, 'fetch_more');
        INSERT IGNORE INTO deletion_walk_keys (
            walk_id, job_id, node_no, fate, key_hash, edge_no, `keys`, is_expanded
        )
        SELECT
            p_walk_id, k.j, p_child_no, if(p_action = 'cascade', 'delete', p_action),
            deletion_key_hash(k.o), p_edge_no, k.o, p_is_end
        FROM json_table(@dj_answer, '$[*]' COLUMNS (
            o JSON PATH '$', j BIGINT UNSIGNED PATH '$.j'
        )) AS k;
        SET p_read = p_read + @dj_rows;
        SET @dj_cursor = json_extract(@dj_answer, '$[last]');
    END WHILE;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_walk.sql
-- deletion_walk
-- Read one layer of a walk: the rows that hang from some rows whose children are not yet known.
--
-- Parameters  p_walk_id   the walk                 p_plan_id   its plan
--             p_all       TRUE: every reference (preview, max_rows); FALSE: those the check needs
--             p_read      OUT number of rows read; NULL: the walk has ended
-- Writes      deletion_walk_keys                   Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_walk;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_walk(
    IN p_walk_id BIGINT,
    IN p_plan_id BIGINT UNSIGNED,
    IN p_all BOOLEAN,
    OUT p_read BIGINT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Read one layer of a walk: the rows that hang from some rows whose children are not yet known'  -- noqa: LT05
BEGIN
    DECLARE v_node_no, v_edge_no INT;  -- noqa: PRS
    DECLARE v_frame JSON;
    DECLARE v_child_no INT;
    DECLARE v_is_end BOOLEAN;
    DECLARE v_action VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE c_edge CURSOR FOR
        SELECT s.edge_no, s.node_no, s.action
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = p_plan_id AND s.kind = 'fetch_more' AND s.parent_node_no = v_node_no
            AND (p_all OR s.in_check)
        ORDER BY s.edge_no;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    SET v_node_no = (
        SELECT w.node_no
        FROM deletion_walk_keys AS w
        WHERE w.walk_id = p_walk_id AND NOT w.is_expanded
        LIMIT 1
    );

    IF v_node_no IS NOT NULL THEN
        SET p_read = 0;
        SELECT json_arrayagg(json_object(
            'j', q.job_id, 'n', q.node_no, 'h', hex(q.key_hash), 'o', q.`keys`
        ))
        INTO v_frame
        FROM (
            SELECT w.job_id, w.node_no, w.key_hash, w.`keys`
            FROM deletion_walk_keys AS w
            WHERE w.walk_id = p_walk_id AND NOT w.is_expanded AND w.node_no = v_node_no
            LIMIT 200
        ) AS q;

        UPDATE json_table(v_frame, '$[*]' COLUMNS (
            j BIGINT UNSIGNED PATH '$.j', n INT PATH '$.n', h CHAR(64) PATH '$.h'
        )) AS t
        STRAIGHT_JOIN deletion_walk_keys AS w FORCE INDEX (PRIMARY)
            ON
                w.walk_id = p_walk_id
                AND w.job_id = t.j
                AND w.node_no = t.n
                AND w.fate = 'delete'
                AND w.key_hash = unhex(t.h)
        SET w.is_expanded = TRUE;

        OPEN c_edge;
        FETCH c_edge INTO v_edge_no, v_child_no, v_action;

        WHILE NOT v_is_done DO
            SET @dj_frame = json_extract(v_frame, '$[*].o');
            -- Rows below which nothing is looked at are met and done with.
            SET v_is_end = v_action <> 'cascade' OR NOT EXISTS (
                SELECT 1
                FROM deletion_plan_steps AS b
                WHERE
                    b.plan_id = p_plan_id
                    AND b.kind = 'fetch_more'
                    AND b.parent_node_no = v_child_no
                    AND (p_all OR b.in_check)
            );
            CALL deletion_walk_edge(
                p_walk_id, p_plan_id, v_edge_no, v_child_no, v_action, v_is_end, p_read
            );
            SET v_is_done = FALSE;
            FETCH c_edge INTO v_edge_no, v_child_no, v_action;
        END WHILE;

        CLOSE c_edge;
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_stuck.sql
-- deletion_stuck
-- Raise the error that says why rows of the present frame cannot be removed.
--
-- Errors      JD006 always: the rows that block, or a table whose rows are found and not changed
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_stuck;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_stuck()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Raise the error that says why rows of the present frame cannot be removed'
BEGIN
    DECLARE v_edge_no INT;
    DECLARE v_action VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_table, v_reference VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_unchanged, v_blocking, v_message
        LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE c_edge CURSOR FOR
        SELECT s.edge_no, s.action, s.table_name, s.reference_name
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = @dj_plan_id AND s.parent_node_no = @dj_node_no AND s.kind = 'fetch'
        ORDER BY s.edge_no;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    SET @dj_frame = @dj_keys, @dj_limit = 1000;
    OPEN c_edge;
    FETCH c_edge INTO v_edge_no, v_action, v_table, v_reference;

    WHILE NOT v_is_done DO
        CALL deletion_execute(@dj_plan_id, v_edge_no, 'fetch');

        IF @dj_rows > 0 AND v_action = 'restrict' THEN
            SET v_blocking = concat_ws(', ', v_blocking, concat(
                if(@dj_rows = 1000, 'at least ', ''), @dj_rows,
                if(@dj_rows = 1, ' row of ', ' rows of '), v_table, ' behind ', v_reference
            ));
        ELSEIF @dj_rows > 0 THEN
            SET v_unchanged = v_table;
        END IF;

        SET v_is_done = FALSE;
        FETCH c_edge INTO v_edge_no, v_action, v_table, v_reference;
    END WHILE;

    CLOSE c_edge;
    SET v_message = left(coalesce(v_blocking, concat(
        'rows of ', coalesce(v_unchanged, 'the plan'),
        ' are found and not changed (a trigger keeps them)'
    )), 128);
    SIGNAL SQLSTATE 'JD006' SET MYSQL_ERRNO = 31006, MESSAGE_TEXT = v_message;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_step_failed.sql
-- deletion_step_failed
-- Decide what becomes of a run whose step was rolled back.
--
-- Parameters  p_run_id, p_token            the run
--             p_code, p_errno, p_message   the error
--             p_state                      OUT retry, ended or lost
-- Writes      deletion_runs, deletion_attempts, deletion_jobs     Commits  yes
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_step_failed;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_step_failed(
    IN p_run_id BIGINT UNSIGNED,
    IN p_token CHAR(36) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_code CHAR(5) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_errno INT,
    IN p_message LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    OUT p_state VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Decide what becomes of a run whose step was rolled back'
BEGIN
    DECLARE v_phase VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_retries INT;
    DECLARE v_alone BOOLEAN;
    DECLARE v_jobs JSON;
    DECLARE v_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
        DEFAULT concat(p_code, ': ', p_message);
    -- Lock timeout, deadlock, NOWAIT, a row that somebody added or took away meanwhile.
    DECLARE v_passes BOOLEAN DEFAULT p_code = '40001' OR p_errno IN (1205, 1213, 3572, 1451, 1452);
    DECLARE EXIT HANDLER FOR SQLSTATE 'JD010'
    BEGIN
        ROLLBACK;
        SET p_state = 'lost';
    END;

    CALL deletion_begin();
    CALL deletion_fence(p_run_id, p_token, v_phase);

    SELECT r.retries, r.alone INTO v_retries, v_alone
    FROM deletion_runs AS r
    WHERE r.run_id = p_run_id;

    SET p_state = 'ended';

    IF v_passes AND v_retries < 3 THEN
        UPDATE deletion_runs AS r
        SET
            r.retries = r.retries + 1,
            r.batch_rows = greatest(1, r.batch_rows DIV 2),
            r.error = v_error
        WHERE r.run_id = p_run_id;
        SET p_state = 'retry';
    ELSEIF NOT v_alone THEN
        -- One bad job must not fail its neighbours: each goes alone now.
        SELECT json_arrayagg(a.job_id)
        INTO v_jobs
        FROM deletion_attempts AS a
        WHERE a.run_id = p_run_id;
        CALL deletion_settle(p_run_id, NULL, 'returned', v_error, FALSE, v_jobs);
        CALL deletion_end_run(p_run_id, 'returned', v_error);
    ELSEIF v_passes THEN
        CALL deletion_settle(p_run_id, NULL, 'retry', v_error, TRUE, NULL);
        CALL deletion_end_run(p_run_id, 'retry', v_error);
    ELSE
        CALL deletion_settle(p_run_id, NULL, 'failed', v_error, TRUE, NULL);
        CALL deletion_end_run(p_run_id, 'failed', v_error);
    END IF;

    COMMIT;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_sweep.sql
-- deletion_sweep
-- Delete all childless rows that hang from the present, locked frame, where they fit the batch.
--
-- Parameters  p_edge_no    the reference
--             p_is_swept   OUT FALSE: they do not fit, and nothing was changed
-- Errors      40001 others changed the rows meanwhile: the step is tried again, row by row
-- Writes      the application's table, deletion_receipts     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_sweep;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_sweep(
    IN p_edge_no INT,
    OUT p_is_swept BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Delete all childless rows that hang from the present, locked frame, where they fit the batch'  -- noqa: LT05
BEGIN
    DECLARE v_counted BIGINT;
    DECLARE v_by_job JSON;
    DECLARE v_table VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SET @dj_frame = @dj_keys, @dj_limit = @dj_left + 1;
    CALL deletion_execute(@dj_plan_id, p_edge_no, 'count');
    SET v_counted = @dj_rows, v_by_job = @dj_answer, p_is_swept = v_counted <= @dj_left;

    IF p_is_swept THEN
        IF v_counted > 0 THEN
            CALL deletion_execute(@dj_plan_id, p_edge_no, 'sweep');

            -- Under their parents' lock no row can come; if one went, whose it was nobody counted.
            IF @dj_rows <> v_counted THEN
                SIGNAL SQLSTATE '40001'
                    SET MESSAGE_TEXT = 'rows changed while they were counted';
            END IF;

            SET v_table = (
                SELECT s.table_name
                FROM deletion_plan_steps AS s
                WHERE s.plan_id = @dj_plan_id AND s.edge_no = p_edge_no AND s.kind = 'sweep'
            );
            SET @dj_left = @dj_left - v_counted, @dj_changed = @dj_changed + v_counted;
            SET @dj_here = @dj_here + v_counted;
            CALL deletion_add_receipts(@dj_run_id, v_table, 'delete', v_by_job);
        END IF;

        SET @dj_pos = p_edge_no, @dj_is_dirty = TRUE;
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_set_done.sql
-- deletion_set_done
-- After rows were set: see that none still points where it pointed, and which of them count.
--
-- Parameters  p_edge_no   the reference
--             p_rows      INOUT the rows that were set; those that were not set before
-- Errors      JD006 rows still point where they pointed
-- Writes      deletion_walk_keys                   Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_set_done;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_set_done(
    IN p_edge_no INT,
    INOUT p_rows LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'After rows were set: see that none still points where it pointed, and which of them count'
BEGIN
    DECLARE v_table, v_reference VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_node_no INT;
    DECLARE v_action VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_counted LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SELECT s.table_name, s.reference_name, s.node_no, s.action
    INTO v_table, v_reference, v_node_no, v_action
    FROM deletion_plan_steps AS s
    WHERE s.plan_id = @dj_plan_id AND s.edge_no = p_edge_no AND s.kind = 'fetch';

    -- The number that UPDATE gives depends on the client; the rows themselves do not.
    CALL deletion_execute(@dj_plan_id, p_edge_no, 'lock');

    IF @dj_rows > 0 THEN
        CALL deletion_raise('JD006', 'run_deletion_jobs', concat(
            'rows of ', v_table, ' still point at the deleted key'
        ), v_reference);
    END IF;

    -- A row with two references to set is changed twice and counted once; one that waited for the
    -- rest may still go, and then counts as gone.
    IF EXISTS (
        SELECT 1
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = @dj_plan_id AND s.kind = 'set' AND s.node_no = v_node_no
        HAVING count(*) > 1 OR max(s.waits)
    ) THEN
        SELECT coalesce(json_arrayagg(k.o), json_array())
        INTO v_counted
        FROM json_table(p_rows, '$[*]' COLUMNS (o JSON PATH '$', j BIGINT UNSIGNED PATH '$.j')) AS k
        WHERE NOT EXISTS (
            SELECT 1
            FROM deletion_walk_keys AS w
            WHERE
                w.walk_id = 0 AND w.job_id = k.j AND w.node_no = -1 AND w.fate = 'set_null'
                AND w.key_hash = unhex(sha2(concat(v_table, hex(deletion_key_hash(k.o))), 256))
        );

        INSERT IGNORE INTO deletion_walk_keys (
            walk_id, job_id, node_no, fate, key_hash, edge_no, `keys`, is_expanded
        )
        SELECT
            0, k.j, -1, 'set_null', unhex(sha2(concat(v_table, hex(deletion_key_hash(k.o))), 256)),
            0, json_object('action', v_action), TRUE
        FROM json_table(v_counted, '$[*]' COLUMNS (
            o JSON PATH '$', j BIGINT UNSIGNED PATH '$.j'
        )) AS k;
        SET p_rows = v_counted;
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_remove.sql
-- deletion_remove
-- Remove the present frame's own rows: lock them, look once more, delete the childless.
--
-- Errors      JD006 rows stay and nothing more can be done about them; 40001 rows changed in between  -- noqa: LT05
-- Writes      the application's table, deletion_receipts     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_remove;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_remove()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Remove the present frame''s own rows: lock them, look once more, delete the childless'
removal: BEGIN
    DECLARE v_found, v_rows BIGINT;

    IF json_contains_path(@dj_keys, 'one', '$[0].l') THEN
        CALL deletion_remove_levels();
        LEAVE removal;
    END IF;

    SET @dj_frame = @dj_keys, v_found = @dj_count, v_rows = @dj_count;

    IF NOT @dj_is_locked THEN
        CALL deletion_execute(@dj_plan_id, @dj_edge_no, 'lock');
        SET v_found = @dj_rows;
        CALL deletion_execute(@dj_plan_id, @dj_edge_no, 'look');
        SET v_rows = @dj_rows;
    END IF;

    IF v_rows > 0 AND v_rows < @dj_count THEN
        CALL deletion_execute(@dj_plan_id, @dj_edge_no, 'free');
        SET @dj_frame = @dj_answer, v_rows = @dj_rows;
    END IF;

    IF v_rows > 0 THEN
        CALL deletion_execute(
            @dj_plan_id, @dj_edge_no, if(@dj_is_locked, 'remove_now', 'remove')
        );

        IF @dj_rows <> v_rows THEN
            SIGNAL SQLSTATE '40001' SET MESSAGE_TEXT = 'rows under lock were not there to be deleted';  -- noqa: LT05
        END IF;

        CALL deletion_count(@dj_edge_no, 'delete', v_rows, @dj_frame);
    END IF;

    IF v_rows = v_found THEN
        -- What was not found any more has moved to another parent, or is gone already.
        SET @dj_state = json_set(@dj_state, '$.fan', json_set(
            coalesce(json_extract(@dj_state, '$.fan'), json_object()),
            -- A frame whose keys were all of a cancelled job has none left.
            concat('$."', @dj_node_no, '"'), @dj_here / greatest(1, @dj_count)
        ));
        CALL deletion_pop();
    ELSE
        SET @dj_frame = @dj_keys;
        CALL deletion_execute(@dj_plan_id, @dj_edge_no, 'left');
        SET @dj_keys = @dj_answer, @dj_count = @dj_rows, @dj_is_dirty = TRUE;
        CALL deletion_left_over();
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_recover.sql
-- deletion_recover
-- Take back the jobs of runs whose worker is gone, and those that finish had to leave.
--
-- Writes      deletion_runs, deletion_attempts, deletion_jobs, deletion_frames      Commits  yes
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_recover;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_recover()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Take back the jobs of runs whose worker is gone, and those that finish had to leave'
BEGIN
    DECLARE v_run_id, v_session_id BIGINT UNSIGNED;
    DECLARE v_server_id VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_jobs JSON;
    DECLARE v_is_done, v_is_counted BOOLEAN DEFAULT FALSE;
    DECLARE c_open CURSOR FOR
        SELECT r.run_id FROM deletion_runs AS r WHERE r.ended_at IS NULL ORDER BY r.run_id;
    DECLARE c_left CURSOR FOR
        SELECT r.run_id
        FROM deletion_runs AS r FORCE INDEX (idx_dr_left)
        WHERE r.jobs_open > 0 AND r.ended_at IS NOT NULL
        ORDER BY r.run_id;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    CALL deletion_begin();
    OPEN c_open;
    FETCH c_open INTO v_run_id;

    WHILE NOT v_is_done DO
        SET v_session_id = NULL;
        -- Looked at under the row's lock: a worker's step holds that lock while it works.
        SELECT r.session_id, r.server_id, r.alone AND r.rows_changed = 0
        INTO v_session_id, v_server_id, v_is_counted
        FROM deletion_runs AS r
        WHERE r.run_id = v_run_id AND r.ended_at IS NULL
        FOR UPDATE SKIP LOCKED;  -- noqa: PRS

        IF
            v_session_id IS NOT NULL
            AND NOT deletion_is_alive(v_run_id, v_session_id, v_server_id)
        THEN
            SELECT json_arrayagg(a.job_id)
            INTO v_jobs
            FROM deletion_attempts AS a
            WHERE a.run_id = v_run_id;
            -- A death counts only against a job that was alone and got nowhere: it may be the
            -- poison.
            CALL deletion_settle(
                v_run_id, NULL, 'lost', 'the worker''s session or its server was gone',
                v_is_counted, v_jobs
            );
            CALL deletion_end_run(v_run_id, 'lost', 'the worker''s session was gone');
        END IF;

        SET v_is_done = FALSE;
        FETCH c_open INTO v_run_id;
    END WHILE;

    CLOSE c_open;
    SET v_is_done = FALSE;
    OPEN c_left;
    FETCH c_left INTO v_run_id;

    WHILE NOT v_is_done DO
        -- Where even the outcome could not be written the job runs again and finds what is left.
        CALL deletion_settle(v_run_id, NULL, 'returned', NULL, FALSE, NULL);
        -- Somebody may have taken a job's row away, or given it a status, by hand.
        UPDATE deletion_runs AS r
        SET r.jobs_open = 0
        WHERE
            r.run_id = v_run_id
            AND NOT EXISTS (
                SELECT 1
                FROM deletion_attempts AS a
                INNER JOIN deletion_jobs AS j ON j.id = a.job_id AND j.status = 'running'
                WHERE
                    a.run_id = v_run_id
                    AND a.attempt_no = (
                        SELECT max(b.attempt_no) FROM deletion_attempts AS b WHERE b.job_id = j.id
                    )
            );
        SET v_is_done = FALSE;
        FETCH c_left INTO v_run_id;
    END WHILE;

    CLOSE c_left;
    COMMIT;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_push.sql
-- deletion_push
-- Fetch a frame's worth of keys by one reference and make them the walk's present frame.
--
-- Parameters  p_edge_no   the reference            p_node_no   its child
-- Errors      JD007 the stack is deeper than rows can be that do not go in a circle
-- Writes      deletion_frames                      Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_push;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_push(
    IN p_edge_no INT,
    IN p_node_no INT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Fetch a frame''s worth of keys by one reference and make them the walk''s present frame'
BEGIN
    DECLARE v_keys JSON;
    DECLARE v_count INT;
    DECLARE v_is_changed BOOLEAN;
    DECLARE v_is_self BOOLEAN DEFAULT p_node_no = @dj_node_no;
    DECLARE v_fan DOUBLE DEFAULT json_extract(@dj_state, concat('$.fan."', p_node_no, '"'));

    -- So many that their own children fit the batch as well; a first guess where none were seen.
    SET @dj_limit = cast(if(
        v_fan IS NULL, least(100, @dj_left), greatest(1, floor(0.85 * @dj_left / (1 + v_fan)))
    ) AS UNSIGNED);
    SET @dj_frame = @dj_keys, @dj_cursor = coalesce(@dj_read, '{}');
    -- Rows may stay that wait for others: then the next page comes after them.
    CALL deletion_execute(@dj_plan_id, p_edge_no, CASE
        WHEN @dj_waits THEN 'fetch_more'
        WHEN v_is_self AND json_contains_path(@dj_keys, 'one', '$[0].l') THEN 'fetch_levels'
        ELSE 'fetch'
    END);

    IF @dj_rows = 0 THEN
        SET @dj_pos = p_edge_no, @dj_read = NULL, @dj_is_dirty = TRUE;
    ELSE
        IF @dj_waits THEN
            SET @dj_read = json_extract(@dj_answer, '$[last]'), @dj_is_dirty = TRUE;
        END IF;

        -- Rows of the frame may go with those that hang from them in the same table.
        IF v_is_self THEN
            SET @dj_locks = replace(@dj_locks, concat(',', @dj_depth, ','), ',');
        END IF;

        CALL deletion_save_frame();
        SET @dj_depth = @dj_depth + 1, @dj_node_no = p_node_no, @dj_edge_no = p_edge_no;
        SET @dj_keys = @dj_answer, @dj_count = @dj_rows, @dj_pos = 0, @dj_read = NULL;
        SET @dj_pass = @dj_changed, @dj_idle = 0, @dj_here = 0, @dj_is_dirty = TRUE;
        SET @dj_is_locked = FALSE;

        -- A chain would be walked a row a frame: a narrow frame takes in what hangs from it.
        IF v_is_self AND NOT @dj_waits AND @dj_count * 20 < least(200, @dj_left) THEN
            CALL deletion_expand();
        END IF;

        -- Children that fit this transaction are emptied under their parents' lock: then no
        -- second look is needed.
        IF
            @dj_count * (1 + v_fan) < @dj_left
            AND NOT json_contains_path(@dj_keys, 'one', '$[0].l')
        THEN
            CALL deletion_lock_frame();
        END IF;

        -- From here on a row that moves would leave its children behind, deleted.
        IF NOT @dj_is_locked THEN
            SET v_keys = @dj_keys, v_count = @dj_count;
            CALL deletion_hold_frame('hold', p_edge_no, v_keys, v_count, v_is_changed);

            IF v_is_changed THEN
                SET @dj_keys = v_keys, @dj_count = v_count;
            END IF;
        END IF;

        IF @dj_depth > 100000 THEN
            CALL deletion_raise(
                'JD007', 'run_deletion_jobs', 'rows refer to each other in a circle', (
                SELECT s.table_name
                FROM deletion_plan_steps AS s
                WHERE s.plan_id = @dj_plan_id AND s.edge_no = p_edge_no AND s.kind = 'fetch'
            ));
        END IF;
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_remove_levels.sql
-- deletion_remove_levels
-- Remove all rows of a frame of several levels: lock them, look, delete the deepest level first.
--
-- Errors      40001 rows changed in between
-- Writes      the application's table, deletion_receipts     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_remove_levels;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_remove_levels()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Remove all rows of a frame of several levels: lock them, look, delete the deepest level first'  -- noqa: LT05
BEGIN
    DECLARE v_found, v_rows BIGINT DEFAULT 0;
    DECLARE v_level INT DEFAULT (
        SELECT max(k.l)
        FROM json_table(@dj_keys, '$[*]' COLUMNS (l INT PATH '$.l')) AS k  -- noqa: CP02
    );

    SET @dj_frame = @dj_keys;
    CALL deletion_execute(@dj_plan_id, @dj_edge_no, 'lock');
    SET v_found = @dj_rows;
    CALL deletion_execute(@dj_plan_id, @dj_edge_no, 'look_levels');

    IF @dj_rows > 0 THEN
        CALL deletion_left_over();
    ELSE
        WHILE v_level >= 0 DO
            SET @dj_level = v_level, v_level = v_level - 1;
            CALL deletion_execute(@dj_plan_id, @dj_edge_no, 'remove_level');
            SET v_rows = v_rows + @dj_rows;
        END WHILE;

        IF v_rows <> v_found THEN
            SIGNAL SQLSTATE '40001'
                SET MESSAGE_TEXT = 'rows under lock were not there to be deleted';
        END IF;

        CALL deletion_count(@dj_edge_no, 'delete', v_rows, @dj_keys);
        CALL deletion_pop();
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_expand.sql
-- deletion_expand
-- Take what hangs from the present, narrow frame, by the same self-reference, into it.
--
-- Writes      nothing; locks the frame's rows      Commits  no
-- Execute     the owner only
--
-- Its rows go level by level, since one statement would meet parents before their children; each
-- level reads the frame: so it is kept small.

DROP PROCEDURE IF EXISTS deletion_expand;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_expand()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Take what hangs from the present, narrow frame, by the same self-reference, into it'
BEGIN
    DECLARE v_keys JSON;
    DECLARE v_count INT;
    DECLARE v_is_changed BOOLEAN;

    IF EXISTS (
        SELECT 1
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = @dj_plan_id AND s.edge_no = @dj_edge_no AND s.kind = 'expand'
    ) THEN
        SET @dj_frame = @dj_keys, @dj_limit = least(200, @dj_left);
        CALL deletion_execute(@dj_plan_id, @dj_edge_no, 'expand');
        SET v_keys = @dj_answer, v_count = @dj_rows;

        IF v_count > @dj_count THEN
            CALL deletion_hold_frame('hold', @dj_edge_no, v_keys, v_count, v_is_changed);

            -- What hangs from a row that moved is among them: they are fetched level by level.
            IF NOT v_is_changed THEN
                SET @dj_keys = v_keys, @dj_count = v_count;
            END IF;
        END IF;
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_pop.sql
-- deletion_pop
-- Drop the walk's present frame and go on with the one below it.
--
-- Writes      deletion_frames                      Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_pop;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_pop()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Drop the walk''s present frame and go on with the one below it'
BEGIN
    DELETE FROM deletion_frames WHERE run_id = @dj_run_id AND depth = @dj_depth;
    SET @dj_locks = replace(@dj_locks, concat(',', @dj_depth, ','), ',');
    CALL deletion_load_frame();
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_plan_for.sql
-- deletion_plan_for
-- Find the plan by which jobs are worked, compiling it where it is missing or stale.
--
-- Parameters  p_entity_table   the target, as the jobs name it      p_hard   the mode
--             p_plan_id        OUT the plan
--             p_error          OUT the error for the jobs where none can run ("JD004: ..")
-- Writes      deletion_plans, deletion_plan_steps  Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_plan_for;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_plan_for(
    IN p_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_hard BOOLEAN,
    OUT p_plan_id BIGINT UNSIGNED,
    OUT p_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Find the plan by which jobs are worked, compiling it where it is missing or stale'
BEGIN
    IF NOT EXISTS (SELECT 1 FROM deletion_targets AS t WHERE t.entity_table = p_entity_table) THEN
        SET p_error = concat('JD004: the table is no deletion target (', p_entity_table, ')');
    ELSEIF NOT p_hard THEN
        SET p_error = concat('JD011: the target has no soft-delete column (', p_entity_table, ')');
    ELSE
        SET p_plan_id = deletion_fresh_plan(p_entity_table, p_hard);
    END IF;

    IF
        p_error IS NULL AND p_plan_id IS NULL AND deletion_setting('recompile') = 'false'
        AND EXISTS (
            SELECT 1
            FROM deletion_plans AS p
            WHERE p.entity_table = p_entity_table AND p.hard_delete = p_hard
        )
    THEN
        SET p_error = concat(
            'JD009: the catalog has changed since the plan was compiled (', p_entity_table, ')'
        );
    END IF;

    IF p_error IS NULL AND p_plan_id IS NULL THEN
        CALL deletion_try_compile(p_entity_table, p_hard, p_plan_id, p_error);
    END IF;

    IF p_error IS NULL THEN
        SET p_error = (
            SELECT concat(p.error_code, ': ', p.error)
            FROM deletion_plans AS p
            WHERE p.plan_id = p_plan_id
        );
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_missing_privilege.sql
-- deletion_missing_privilege
-- Say which statement of a plan the server refuses: a right is missing, or the plan does not fit.
--
-- Parameters  p_plan_id   the plan
--             p_error     OUT the engine's code and message; NULL: all can be run
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- Preparing a statement checks the rights on its tables and columns, and touches no row.

DROP PROCEDURE IF EXISTS deletion_missing_privilege;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_missing_privilege(
    IN p_plan_id BIGINT UNSIGNED,
    OUT p_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Say which statement of a plan the server refuses: a right is missing, or the plan does not fit'  -- noqa: LT05
BEGIN
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;  -- noqa: PRS
    DECLARE v_sql LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE c_step CURSOR FOR
        SELECT s.sql_text FROM deletion_plan_steps AS s WHERE s.plan_id = p_plan_id
        ORDER BY s.step_no;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    OPEN c_step;
    FETCH c_step INTO v_sql;

    WHILE NOT v_is_done AND p_error IS NULL DO
        BEGIN
            DECLARE v_number INT;
            DECLARE v_code CHAR(5) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
            DECLARE v_message LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
            DECLARE EXIT HANDLER FOR SQLEXCEPTION
            BEGIN
                GET STACKED DIAGNOSTICS v_number = NUMBER;
                GET STACKED DIAGNOSTICS CONDITION v_number
                    v_code = RETURNED_SQLSTATE, v_message = MESSAGE_TEXT;
                SET p_error = concat(v_code, ': ', v_message);
            END;
            SET @dj_sql = v_sql;
            PREPARE dj_stmt FROM @dj_sql;
            DEALLOCATE PREPARE dj_stmt;
        END;
        FETCH c_step INTO v_sql;
    END WHILE;

    CLOSE c_step;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_load_walk.sql
-- deletion_load_walk
-- Set the walk's registers to where a run stands.
--
-- Parameters  p_run_id   the run, fenced
-- Writes      deletion_frames                      Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_load_walk;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_load_walk(
    IN p_run_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Set the walk''s registers to where a run stands'
BEGIN
    SELECT
        r.run_id, r.plan_id, r.batch_rows, r.batch_rows AS rows_left, r.rows_changed, r.state,
        p.has_waits,
        -- Where rows went while they were counted they may do so again, and each step be lost.
        r.error IS NULL,
        if(r.job_count = 1, (
            SELECT max(a.job_id) FROM deletion_attempts AS a WHERE a.run_id = r.run_id
        ), NULL)
    INTO
        @dj_run_id, @dj_plan_id, @dj_batch, @dj_left, @dj_changed, @dj_state, @dj_waits,
        @dj_may_sweep, @dj_job_id
    FROM deletion_runs AS r
    INNER JOIN deletion_plans AS p ON p.plan_id = r.plan_id
    WHERE r.run_id = p_run_id;

    SET @dj_locks = ',';
    CALL deletion_hold_frames();
    CALL deletion_load_frame();
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_left_over.sql
-- deletion_left_over
-- Decide what becomes of a frame some of whose rows could not be removed.
--
-- Errors      JD006 nothing more can be done about the rows
-- Writes      deletion_frames                      Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_left_over;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_left_over()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Decide what becomes of a frame some of whose rows could not be removed'
BEGIN
    DECLARE v_is_popped BOOLEAN DEFAULT FALSE;

    IF @dj_changed > @dj_pass THEN
        -- Something went in this pass, so more may go in the next.
        SET @dj_idle = 0;
    ELSEIF @dj_waits AND @dj_edge_no <> 0 THEN
        -- Rows wait for others that hang from elsewhere in the closure: those come first.
        SET v_is_popped = TRUE;
        CALL deletion_pop();
    ELSEIF @dj_waits AND NOT json_contains_path(@dj_state, 'one', '$.set') THEN
        -- All that could go is gone: what still refers to rows of the closure survives, and is set.
        SET @dj_state = json_set(@dj_state, '$.set', TRUE), @dj_idle = 0;
    ELSEIF @dj_idle = 0 THEN
        -- A child may have come between its reference's pass and the lock: look once more.
        SET @dj_idle = 1;
    ELSE
        CALL deletion_stuck();
    END IF;

    IF NOT v_is_popped THEN
        SET @dj_is_locked = FALSE, @dj_locks = replace(@dj_locks, concat(',', @dj_depth, ','), ',');
        SET @dj_pos = 0, @dj_read = NULL, @dj_pass = @dj_changed, @dj_is_dirty = TRUE;
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_is_alive.sql
-- deletion_is_alive
-- Say whether a run's worker still works: its session holds the run's lock, and is in a call.
--
-- Parameters  p_run_id       the run
--             p_session_id   the session that it recorded     p_server_id   the server of that
-- Returns     boolean
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_is_alive;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_is_alive(
    p_run_id BIGINT UNSIGNED,
    p_session_id BIGINT UNSIGNED,
    p_server_id VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS BOOLEAN
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Say whether a run''s worker still works: its session holds the run''s lock, and is in a call'  -- noqa: LT05
BEGIN
    RETURN coalesce(
        p_server_id = @@GLOBAL.server_uuid
        -- Our own session is between runs whenever it asks.
        AND p_session_id <> connection_id()
        AND p_session_id = is_used_lock(deletion_lock_name('run', p_run_id))
        -- A pooled session may keep the lock after a KILL QUERY: then it sleeps.
        AND EXISTS (
            SELECT 1
            FROM performance_schema.threads AS t
            WHERE t.processlist_id = p_session_id AND t.processlist_command <> 'Sleep'
        ),
        FALSE
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_guard.sql
-- deletion_guard
-- Hold a plan's tables against DDL until the step commits, and say whether the plan still fits.
--
-- Parameters  p_plan_id   the plan
--             p_all       TRUE: compare everything; FALSE: the foreign keys alone
--             p_fits      OUT FALSE where foreign keys have changed since the plan was compiled
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_guard;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_guard(
    IN p_plan_id BIGINT UNSIGNED,
    IN p_all BOOLEAN,
    OUT p_fits BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Hold a plan''s tables against DDL until the step commits, and say whether the plan still fits'  -- noqa: LT05
BEGIN
    -- Gone, or gone from where it was: table, schema or column.
    DECLARE EXIT HANDLER FOR 1146, 1049, 1054 SET p_fits = FALSE;  -- noqa: PRS

    -- A new foreign key needs a lock that this one excludes: what is compared next holds.
    CALL deletion_execute(p_plan_id, 0, 'guard');
    SET p_fits = (
        SELECT
            if(
                p_all,
                p.fingerprint = deletion_fingerprint(p.entity_table, p.tables),
                left(p.fingerprint, 32) = deletion_fingerprint_keys(p.tables)
            )
        FROM deletion_plans AS p
        WHERE p.plan_id = p_plan_id
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_execute.sql
-- deletion_execute
-- Execute one stored statement of a plan, with bound values.
--
-- Parameters  p_plan_id, p_edge_no, p_kind   the step
-- Writes      what the step says                   Commits  no
-- Execute     the owner only
--
-- Binds @dj_frame (keys, roots), @dj_limit, @dj_cursor, @dj_level and @dj_walk_id as the kind of
-- step takes them; answers in @dj_answer and @dj_rows.

DROP PROCEDURE IF EXISTS deletion_execute;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_execute(
    IN p_plan_id BIGINT UNSIGNED,
    IN p_edge_no INT,
    IN p_kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Execute one stored statement of a plan, with bound values'
BEGIN
    SET @dj_sql = (
        SELECT s.sql_text
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = p_plan_id AND s.edge_no = p_edge_no AND s.kind = p_kind
    );
    SET @dj_answer = NULL, @dj_rows = 0;
    PREPARE dj_stmt FROM @dj_sql;

    CASE
        WHEN p_kind = 'fetch_levels' THEN
            EXECUTE dj_stmt USING @dj_frame, @dj_frame, @dj_limit;
        WHEN p_kind = 'look_levels' THEN EXECUTE dj_stmt USING @dj_frame, @dj_frame;
        WHEN p_kind = 'remove_level' THEN
            EXECUTE dj_stmt USING @dj_frame, @dj_level;
            SET @dj_rows = row_count();
        WHEN p_kind IN ('fetch', 'expand', 'count', 'drain') THEN
            EXECUTE dj_stmt USING @dj_frame, @dj_limit;
            SET @dj_rows = if(p_kind = 'drain', row_count(), @dj_rows);
        WHEN p_kind IN ('sweep', 'remove', 'remove_now', 'set') THEN
            EXECUTE dj_stmt USING @dj_frame;
            SET @dj_rows = row_count();
        WHEN p_kind = 'fetch_more' THEN EXECUTE dj_stmt USING @dj_cursor, @dj_frame, @dj_limit;
        WHEN p_kind = 'size' THEN EXECUTE dj_stmt USING @dj_limit;
        WHEN p_kind = 'cycle' THEN EXECUTE dj_stmt USING @dj_walk_id;
        WHEN p_kind = 'guard' THEN EXECUTE dj_stmt;
        ELSE EXECUTE dj_stmt USING @dj_frame;
    END CASE;

    DEALLOCATE PREPARE dj_stmt;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_end_run.sql
-- deletion_end_run
-- Close a run: its frames and scratch rows go, its row says how it ended.
--
-- Parameters  p_run_id   the run       p_outcome   done, failed, retry, sliced, returned or lost
--             p_error    what went wrong; NULL: nothing
-- Writes      deletion_runs, deletion_frames, deletion_walk_keys     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_end_run;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_end_run(
    IN p_run_id BIGINT UNSIGNED,
    IN p_outcome VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Close a run: its frames and scratch rows go, its row says how it ended'
BEGIN
    DELETE FROM deletion_frames WHERE run_id = p_run_id;
    DELETE FROM deletion_walk_keys WHERE walk_id = p_run_id;
    UPDATE deletion_runs AS r
    SET r.phase = 'ended', r.outcome = p_outcome, r.error = p_error, r.ended_at = utc_timestamp(6)
    WHERE r.run_id = p_run_id;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_drop_jobs.sql
-- deletion_drop_jobs
-- Take some jobs' keys out of a run's frames and scratch rows.
--
-- Parameters  p_run_id   the run       p_jobs   JSON array of the jobs
-- Writes      deletion_frames, deletion_walk_keys  Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_drop_jobs;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_drop_jobs(
    IN p_run_id BIGINT UNSIGNED,
    IN p_jobs JSON
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Take some jobs'' keys out of a run''s frames and scratch rows'
BEGIN
    DELETE w  -- noqa: PRS
    FROM json_table(p_jobs, '$[*]' COLUMNS (j BIGINT UNSIGNED PATH '$')) AS e
    STRAIGHT_JOIN deletion_walk_keys AS w FORCE INDEX (PRIMARY)
        ON w.walk_id = p_run_id AND w.job_id = e.j;

    UPDATE deletion_frames AS f
    SET
        f.`keys` = (
            SELECT coalesce(json_arrayagg(k.o), json_array())
            FROM json_table(f.`keys`, '$[*]' COLUMNS (o JSON PATH '$', j JSON PATH '$.j')) AS k
            WHERE NOT json_contains(p_jobs, k.j)
        ),
        -- What this frame left out may hang from a neighbour's row too: pass over everything again.
        f.edge_pos = 0,
        f.fetch_cursor = NULL,
        f.rows_at_pass = -1
    WHERE f.run_id = p_run_id;

    UPDATE deletion_frames AS f
    SET f.key_count = json_length(f.`keys`)
    WHERE f.run_id = p_run_id;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_count.sql
-- deletion_count
-- Count rows that a statement has changed: for the batch, the run and the jobs' receipts.
--
-- Parameters  p_edge_no   the reference that they were found by; 0: the target's own rows
--             p_action    delete, set_null or set_default
--             p_rows      their number
--             p_counted   the rows to count by job, as frames keep them; of a lone job not looked at  -- noqa: LT05
-- Writes      deletion_receipts                    Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_count;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_count(
    IN p_edge_no INT,
    IN p_action VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_rows BIGINT,
    IN p_counted LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Count rows that a statement has changed: for the batch, the run and the jobs'' receipts'
BEGIN
    DECLARE v_table VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin DEFAULT (
        SELECT s.table_name
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = @dj_plan_id AND s.edge_no = p_edge_no AND s.kind = if(p_edge_no = 0, 'lock', 'fetch')  -- noqa: LT05
    );

    DECLARE v_by_job JSON;

    IF p_rows > 0 THEN
        SET @dj_left = @dj_left - p_rows, @dj_changed = @dj_changed + p_rows;
        SET @dj_is_dirty = TRUE;

        IF @dj_waits AND p_action = 'delete' AND p_counted IS NOT NULL THEN
            CALL deletion_uncount(v_table, p_counted);
        END IF;

        IF @dj_job_id IS NOT NULL AND p_action = 'delete' THEN
            SET v_by_job = json_object(@dj_job_id, p_rows);
        ELSE
            SELECT json_objectagg(q.j, q.n)
            INTO v_by_job
            FROM (
                SELECT k.j, count(*) AS n
                FROM json_table(p_counted, '$[*]' COLUMNS (j BIGINT UNSIGNED PATH '$.j')) AS k
                GROUP BY k.j
            ) AS q;
        END IF;

        CALL deletion_add_receipts(@dj_run_id, v_table, p_action, v_by_job);
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_check.sql
-- deletion_check
-- Look, before the first row is touched, at whatever can be known to fail; a bounded step.
--
-- Parameters  p_run_id   the run, fenced
--             p_state    OUT more, or ended where no job is left
-- Writes      deletion_runs, deletion_frames, deletion_walk_keys, deletion_attempts,
--             deletion_jobs                        Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_check;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_check(
    IN p_run_id BIGINT UNSIGNED,
    OUT p_state VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Look, before the first row is touched, at whatever can be known to fail; a bounded step'
BEGIN
    DECLARE v_plan_id BIGINT UNSIGNED;
    DECLARE v_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_can_block, v_is_walking, v_is_over BOOLEAN;
    DECLARE v_max_rows BIGINT;

    SELECT
        r.plan_id,
        p.can_block,
        coalesce(t.max_rows, deletion_setting_int('max_rows')),
        json_contains_path(r.state, 'one', '$.walk')
    INTO v_plan_id, v_can_block, v_max_rows, v_is_walking
    FROM deletion_runs AS r
    INNER JOIN deletion_plans AS p ON p.plan_id = r.plan_id
    INNER JOIN deletion_targets AS t ON t.entity_table = r.entity_table
    WHERE r.run_id = p_run_id;

    SET p_state = 'more';

    IF NOT v_is_walking THEN
        CALL deletion_missing_privilege(v_plan_id, v_error);

        IF v_error IS NULL THEN
            CALL deletion_unindexed(v_plan_id, v_error);
        END IF;

        IF v_error IS NULL THEN
            CALL deletion_find_roots(p_run_id, v_plan_id);
        ELSE
            CALL deletion_settle(p_run_id, NULL, 'failed', v_error, TRUE, NULL);
            CALL deletion_end_run(p_run_id, 'failed', v_error);
            SET p_state = 'ended';
        END IF;

        IF v_error IS NULL AND (v_can_block OR v_max_rows IS NOT NULL) THEN
            CALL deletion_seed_walk(
                p_run_id, (SELECT f.`keys` FROM deletion_frames AS f WHERE f.run_id = p_run_id)
            );
            UPDATE deletion_runs AS r SET r.state = '{"walk": true}' WHERE r.run_id = p_run_id;
            SET v_is_walking = TRUE;
        END IF;
    END IF;

    IF p_state = 'more' AND v_is_walking THEN
        CALL deletion_walk_on(p_run_id, v_plan_id, v_max_rows, v_is_over);
    END IF;

    IF v_is_over AND v_is_walking THEN
        CALL deletion_walk_verdict(p_run_id, v_plan_id);
        DELETE FROM deletion_walk_keys WHERE walk_id = p_run_id;
    END IF;

    IF
        p_state = 'more'
        AND NOT EXISTS (
            SELECT 1 FROM deletion_frames AS f WHERE f.run_id = p_run_id AND f.key_count > 0
        )
    THEN
        CALL deletion_end_run(p_run_id, 'failed', NULL);
        SET p_state = 'ended';
    ELSEIF p_state = 'more' AND (v_is_over OR NOT v_is_walking) THEN
        UPDATE deletion_runs AS r
        INNER JOIN deletion_plans AS p ON p.plan_id = r.plan_id
        SET
            r.phase = 'advance',
            r.state = if(p.fan_out IS NULL, json_object(), json_object('fan', p.fan_out))
        WHERE r.run_id = p_run_id;
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_change.sql
-- deletion_change
-- Delete, or set, rows that hang from the present frame: found, locked, counted by job, changed.
--
-- Parameters  p_edge_no   the reference            p_action   cascade, set_null or set_default
-- Errors      JD006 rows still point where they pointed; 40001 rows changed in between
-- Writes      the application's table, deletion_receipts, deletion_walk_keys     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_change;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_change(
    IN p_edge_no INT,
    IN p_action VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Delete, or set, rows that hang from the present frame: found, locked, counted by job, changed'  -- noqa: LT05
BEGIN
    DECLARE v_found, v_rows BIGINT;
    DECLARE v_counted LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SET @dj_frame = @dj_keys, @dj_limit = @dj_left;
    CALL deletion_execute(@dj_plan_id, p_edge_no, 'fetch');
    SET v_found = @dj_rows, @dj_frame = @dj_answer;

    IF v_found > 0 THEN
        CALL deletion_execute(@dj_plan_id, p_edge_no, 'lock');
        SET v_rows = @dj_rows, v_counted = @dj_answer;

        -- A row that is not there any more may have another key now: look before its parent goes.
        IF v_rows < v_found THEN
            SET @dj_is_locked = FALSE;
            SET @dj_locks = replace(@dj_locks, concat(',', @dj_depth, ','), ',');
        END IF;

        SET @dj_frame = v_counted;
        CALL deletion_execute(@dj_plan_id, p_edge_no, if(p_action = 'cascade', 'remove', 'set'));

        IF p_action = 'cascade' AND @dj_rows <> v_rows THEN
            SIGNAL SQLSTATE '40001'
                SET MESSAGE_TEXT = 'rows under lock were not there to be deleted';
        END IF;

        IF p_action <> 'cascade' THEN
            CALL deletion_set_done(p_edge_no, v_counted);
        END IF;

        CALL deletion_count(
            p_edge_no, if(p_action = 'cascade', 'delete', p_action), v_rows, v_counted
        );
        SET @dj_here = @dj_here + v_rows;
    END IF;

    IF v_found < @dj_limit THEN
        SET @dj_pos = p_edge_no, @dj_is_dirty = TRUE;
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_carry_over.sql
-- deletion_carry_over
-- Give a run's jobs the state that their ended attempts ask for.
--
-- Parameters  p_run_id   the run
-- Writes      deletion_jobs, deletion_runs, deletion_walk_keys     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_carry_over;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_carry_over(
    IN p_run_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Give a run''s jobs the state that their ended attempts ask for'
BEGIN
    DECLARE v_ended, v_verdict JSON;  -- noqa: PRS
    DECLARE v_max_attempts INT DEFAULT deletion_setting_int('max_attempts');
    DECLARE v_backoff BIGINT DEFAULT deletion_setting_int('backoff_seconds');
    DECLARE v_backoff_max BIGINT DEFAULT deletion_setting_int('backoff_max_seconds');

    -- A row that a caller holds stays as it is; recovery takes it up when it is free.
    SELECT json_arrayagg(json_object('j', j.id, 'n', a.attempt_no))
    INTO v_ended
    FROM deletion_attempts AS a FORCE INDEX (idx_da_run)
    STRAIGHT_JOIN deletion_jobs AS j FORCE INDEX (PRIMARY)
        ON j.id = a.job_id AND j.status = 'running'
    WHERE a.run_id = p_run_id AND a.outcome IS NOT NULL
    FOR UPDATE OF j SKIP LOCKED;  -- noqa: PRS

    -- Read first, then written: an UPDATE would lock what it reads beside its own rows.
    SELECT json_arrayagg(json_object(
        'j', v.j, 'outcome', v.outcome, 'error', v.error, 'status', CASE
            -- A harder mode was asked for meanwhile: the job is due again.
            WHEN v.outcome = 'done' AND v.is_harder THEN 'pending'
            WHEN v.outcome IN ('done', 'failed', 'cancelled') THEN v.outcome
            WHEN v.is_counted AND v.counted >= v_max_attempts THEN 'failed'
            ELSE 'pending'
        END,
        'counted', v.counted, 'is_counted', v.is_counted, 'alone', v.alone_next
    ))
    INTO v_verdict
    FROM (
        SELECT
            e.j, a.outcome, a.error, a.alone_next, a.is_counted,
            j.hard_delete AND NOT r.hard_delete AS is_harder,
            (
                SELECT count(*)
                FROM deletion_attempts AS c
                WHERE c.job_id = e.j AND NOT c.is_past AND c.is_counted
            ) AS counted
        FROM json_table(v_ended, '$[*]' COLUMNS (
            j BIGINT UNSIGNED PATH '$.j', n INT PATH '$.n'
        )) AS e
        STRAIGHT_JOIN deletion_attempts AS a FORCE INDEX (PRIMARY)
            ON a.job_id = e.j AND a.attempt_no = e.n
        STRAIGHT_JOIN deletion_runs AS r ON r.run_id = a.run_id
        STRAIGHT_JOIN deletion_jobs AS j FORCE INDEX (PRIMARY) ON j.id = e.j
        -- An older attempt has nothing to say of a job that is running again.
        WHERE NOT EXISTS (
            SELECT 1
            FROM deletion_attempts AS later
            WHERE later.job_id = e.j AND later.attempt_no > e.n
        )
    ) AS v;

    UPDATE json_table(v_verdict, '$[*]' COLUMNS (
        j BIGINT UNSIGNED PATH '$.j',
        outcome VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.outcome',
        error TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.error',
        status VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.status',
        counted INT PATH '$.counted',
        is_counted BOOLEAN PATH '$.is_counted',
        alone BOOLEAN PATH '$.alone'
    )) AS v
    STRAIGHT_JOIN deletion_jobs AS j FORCE INDEX (PRIMARY) ON j.id = v.j
    SET
        j.finished_at = if(v.status = 'pending', NULL, utc_timestamp(6)),
        j.error = if(
            v.status = 'failed' AND v.outcome <> 'failed',
            concat(v.error, ' (gave up after ', v.counted, ' attempts)'),
            v.error
        ),
        j.scheduled_at = CASE
            WHEN v.status <> 'pending' THEN j.scheduled_at
            WHEN v.outcome = 'done' THEN NULL
            -- Whoever died is taken up at once; max_attempts bounds how often.
            WHEN v.outcome = 'retry' THEN timestampadd(
                SECOND, least(v_backoff_max, v_backoff * pow(2, least(v.counted - 1, 20))),
                utc_timestamp(6)
            )
            -- A heavy job goes to the back of the queue.
            WHEN v.outcome = 'sliced' AND v.alone THEN utc_timestamp(6)
            ELSE j.scheduled_at
        END,
        j.status = v.status;

    UPDATE deletion_runs AS r
    SET r.jobs_open = r.jobs_open - coalesce(json_length(v_verdict), 0)
    WHERE r.run_id = p_run_id;

    -- What was counted once is needed no more when the job has ended.
    DELETE w
    FROM json_table(v_verdict, '$[*]' COLUMNS (
        j BIGINT UNSIGNED PATH '$.j',
        status VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.status'
    )) AS e
    STRAIGHT_JOIN deletion_walk_keys AS w FORCE INDEX (PRIMARY)
        ON w.walk_id = 0 AND w.job_id = e.j AND e.status <> 'pending';
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_advance_run.sql
-- deletion_advance_run
-- Do one step of a run that is past its check: walk on, or end it when all is done or time is up.
--
-- Parameters  p_run_id   the run, fenced
--             p_until    when the worker's call should end
--             p_state    OUT more or ended
-- Writes      the application's tables, all tables of a run, deletion_plans     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_advance_run;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_advance_run(
    IN p_run_id BIGINT UNSIGNED,
    IN p_until DATETIME(6),
    OUT p_state VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Do one step of a run that is past its check: walk on, or end it when all is done or time is up'  -- noqa: LT05
BEGIN
    DECLARE v_cancelled JSON;
    DECLARE v_fits, v_is_empty BOOLEAN;
    DECLARE v_plan_id BIGINT UNSIGNED;
    DECLARE v_started_at DATETIME(6);
    DECLARE v_step_count BIGINT;

    SELECT json_arrayagg(a.job_id)
    INTO v_cancelled
    FROM deletion_attempts AS a
    WHERE a.run_id = p_run_id AND a.outcome IS NULL AND a.cancel_requested_at IS NOT NULL;

    IF v_cancelled IS NOT NULL THEN
        CALL deletion_settle(p_run_id, v_cancelled, 'cancelled', NULL, FALSE, NULL);
        CALL deletion_drop_jobs(p_run_id, v_cancelled);
    END IF;

    SELECT r.plan_id, r.started_at, r.step_count
    INTO v_plan_id, v_started_at, v_step_count
    FROM deletion_runs AS r
    WHERE r.run_id = p_run_id;

    SET p_state = 'ended';
    -- Everything was compared at the claim; a long run looks again at all of it now and then.
    CALL deletion_guard(v_plan_id, v_step_count % 20 = 0, v_fits);

    IF NOT v_fits THEN
        CALL deletion_settle(p_run_id, NULL, 'returned', NULL, FALSE, NULL);
        CALL deletion_end_run(
            p_run_id, 'returned', 'the catalog changed; the plan is compiled anew'
        );
    ELSE
        CALL deletion_advance(p_run_id, v_is_empty);

        IF v_is_empty THEN
            CALL deletion_settle(p_run_id, NULL, 'done', NULL, FALSE, NULL);
            CALL deletion_end_run(p_run_id, 'done', NULL);
            CALL deletion_keep_fan_out(p_run_id, v_plan_id);
        ELSEIF
            deletion_setting('paused_reason') IS NOT NULL
            OR (
                -- A run that has changed nothing yet is still on its way down: dissolved now, it
                -- would begin at its roots again and never arrive where a chain is deep.
                @dj_changed > 0
                AND (
                    utc_timestamp(6) >= p_until
                    OR (
                        utc_timestamp(6) > timestampadd(
                            MICROSECOND, 1000 * deletion_setting_int('slice_ms'), v_started_at
                        )
                        AND deletion_others_due()
                    )
                )
            )
        THEN
            CALL deletion_slice(p_run_id);
        ELSE
            SET p_state = 'more';
        END IF;
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_advance.sql
-- deletion_advance
-- Walk on: as many moves of the stack as fit the run's batch, in the caller's transaction.
--
-- Parameters  p_run_id     the run, fenced
--             p_is_empty   OUT TRUE where the stack is empty: the jobs' rows are gone
-- Writes      the application's tables, deletion_frames, deletion_receipts, deletion_runs
-- Commits     no
-- Execute     the owner only
--
-- The walk's registers: of the run @dj_run_id, @dj_plan_id, @dj_batch, @dj_left (rows that this
-- transaction may still change), @dj_changed, @dj_state, @dj_job_id (the only job; NULL: several),
-- @dj_waits, @dj_may_sweep and @dj_locks (the depths of the frames that this transaction locked);
-- of the present frame @dj_depth (NULL: the stack is empty), @dj_node_no, @dj_edge_no, @dj_keys,
-- @dj_count, @dj_pos, @dj_read, @dj_pass, @dj_idle, @dj_here, @dj_is_locked, and @dj_is_dirty: not
-- stored as it is.

DROP PROCEDURE IF EXISTS deletion_advance;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_advance(
    IN p_run_id BIGINT UNSIGNED,
    OUT p_is_empty BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Walk on: as many moves of the stack as fit the run''s batch, in the caller''s transaction'
BEGIN
    DECLARE v_edge_no, v_node_no INT;
    DECLARE v_action VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_is_leaf, v_drains, v_sweeps, v_is_swept BOOLEAN;
    DECLARE v_passed INT DEFAULT 0;
    DECLARE v_goes_on BOOLEAN DEFAULT TRUE;
    DECLARE v_until DATETIME(6) DEFAULT timestampadd(
        MICROSECOND, 1000 * deletion_setting_int('batch_ms'), utc_timestamp(6)
    );
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_edge_no = NULL;

    CALL deletion_load_walk(p_run_id);

    -- Roots that go in this transaction with all below them are locked first: then no reference
    -- that was emptied has to be looked at once more.
    IF
        @dj_edge_no = 0
        AND @dj_pos = 0
        AND @dj_count * (1 + cast(json_extract(@dj_state, '$.fan."0"') AS DOUBLE)) <= @dj_left
        AND NOT json_contains_path(@dj_keys, 'one', '$[*].m')
    THEN
        CALL deletion_lock_frame();
    END IF;

    WHILE v_goes_on AND @dj_depth IS NOT NULL DO
        -- The next reference of the frame's table that has something to do in this phase.
        SELECT
            s.edge_no, s.node_no, s.action, s.is_leaf,
            s.edge_no IN (
                SELECT d.edge_no
                FROM deletion_plan_steps AS d
                WHERE d.plan_id = @dj_plan_id AND d.kind = 'drain'
            ),
            s.edge_no IN (
                SELECT d.edge_no
                FROM deletion_plan_steps AS d
                WHERE d.plan_id = @dj_plan_id AND d.kind = 'sweep'
            )
        INTO v_edge_no, v_node_no, v_action, v_is_leaf, v_drains, v_sweeps
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = @dj_plan_id
            AND s.parent_node_no = @dj_node_no
            AND s.kind = 'fetch'
            AND s.edge_no > @dj_pos
            AND s.action <> 'restrict'
            AND (
                s.action = 'cascade'
                OR NOT s.waits
                OR json_contains_path(@dj_state, 'one', '$.set')
            )
        ORDER BY s.edge_no
        LIMIT 1;

        IF v_edge_no IS NULL THEN
            -- A frame goes in one transaction: what is left of this one may be too little.
            IF @dj_left < @dj_count THEN
                SET v_goes_on = FALSE;
            ELSE
                CALL deletion_remove();
            END IF;
        ELSEIF v_action = 'cascade' AND NOT v_is_leaf THEN
            -- So may be what is left for the children of the rows that would be fetched.
            IF @dj_left * 2 < @dj_batch THEN
                SET v_goes_on = FALSE;
            ELSE
                CALL deletion_push(v_edge_no, v_node_no);
            END IF;
        ELSEIF @dj_left = 0 THEN
            SET v_goes_on = FALSE;
        ELSEIF v_sweeps AND @dj_is_locked AND @dj_may_sweep AND v_edge_no <> v_passed THEN
            CALL deletion_sweep(v_edge_no, v_is_swept);
            -- Too many of them: they go in batches.
            SET v_passed = if(v_is_swept, 0, v_edge_no);
        ELSEIF v_drains AND @dj_job_id IS NOT NULL THEN
            CALL deletion_drain(v_edge_no);
        ELSE
            CALL deletion_change(v_edge_no, v_action);
        END IF;

        SET v_goes_on = v_goes_on AND utc_timestamp(6) < v_until;
    END WHILE;

    SET p_is_empty = @dj_depth IS NULL;
    CALL deletion_save_walk();
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_add_receipts.sql
-- deletion_add_receipts
-- Add to a run's receipts what one statement changed.
--
-- Parameters  p_run_id       the run
--             p_table_name   the table, as plans name it
--             p_action       delete, set_null, set_default or root_not_found
--             p_by_job       JSON object: job -> number of rows; NULL: none
-- Writes      deletion_receipts                    Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_add_receipts;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_add_receipts(
    IN p_run_id BIGINT UNSIGNED,
    IN p_table_name VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_action VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_by_job JSON
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Add to the receipts of a run what one statement changed'
BEGIN
    -- Nobody else writes the receipts of a run: what is read here stays.
    DECLARE v_counts JSON DEFAULT (
        SELECT r.row_counts
        FROM deletion_receipts AS r
        WHERE r.run_id = p_run_id AND r.table_name = p_table_name AND r.action = p_action
    );
    DECLARE v_path VARCHAR(32) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    IF v_counts IS NULL AND p_by_job IS NOT NULL THEN
        INSERT INTO deletion_receipts (run_id, table_name, action, row_counts)
        VALUES (p_run_id, p_table_name, p_action, p_by_job);
    ELSEIF p_by_job IS NOT NULL THEN
        IF json_length(p_by_job) = 1 THEN
            SET v_path = concat(
                '$."', json_unquote(json_extract(json_keys(p_by_job), '$[0]')), '"'
            );
            SET v_counts = json_set(
                v_counts, v_path,
                cast(coalesce(json_extract(v_counts, v_path), 0) AS SIGNED)
                + cast(json_extract(p_by_job, v_path) AS SIGNED)
            );
        ELSE
            SELECT json_objectagg(q.job, q.row_count)
            INTO v_counts
            FROM (
                SELECT b.job, cast(sum(b.row_count) AS SIGNED) AS row_count
                FROM (
                    SELECT
                        o.job,
                        cast(json_extract(v_counts, concat('$."', o.job, '"')) AS SIGNED)
                        AS row_count
                    FROM json_table(json_keys(v_counts), '$[*]' COLUMNS (  -- noqa: CP02
                        job VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'  -- noqa: PRS,LT05
                    )) AS o
                    UNION ALL
                    SELECT
                        n.job, cast(json_extract(p_by_job, concat('$."', n.job, '"')) AS SIGNED)
                    FROM json_table(json_keys(p_by_job), '$[*]' COLUMNS (  -- noqa: CP02
                        job VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'  -- noqa: PRS,LT05
                    )) AS n
                ) AS b
                GROUP BY b.job
            ) AS q;
        END IF;

        UPDATE deletion_receipts AS r
        SET r.row_counts = v_counts, r.updated_at = utc_timestamp(6)
        WHERE r.run_id = p_run_id AND r.table_name = p_table_name AND r.action = p_action;
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_current_plan.sql
-- deletion_current_plan
-- Find the plan of a target that somebody names, compiling it where it is missing or stale.
--
-- Parameters  p_table     the target                p_verb   the verb that was called
--             p_plan_id   OUT the plan, one that can be run
-- Errors      JD002 NULL; JD004 the table is no target; JD005, JD007 as the plan's
-- Writes      deletion_plans, deletion_plan_steps  Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_current_plan;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_current_plan(
    IN p_table LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_verb VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    OUT p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Find the plan of a target that somebody names, compiling it where it is missing or stale'
BEGIN
    DECLARE v_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_code CHAR(5) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SET v_entity_table = deletion_target_name(p_table);

    IF p_table IS NULL THEN
        CALL deletion_raise('JD002', p_verb, 'p_table is NULL', NULL);
    ELSEIF v_entity_table IS NULL THEN
        CALL deletion_raise('JD004', p_verb, 'table is no target', p_table);
    END IF;

    CALL deletion_compile(v_entity_table, TRUE, p_plan_id);

    SELECT p.error_code, p.error
    INTO v_code, v_error
    FROM deletion_plans AS p
    WHERE p.plan_id = p_plan_id;

    IF v_code IS NOT NULL THEN
        CALL deletion_raise(v_code, p_verb, left(v_error, 120 - char_length(p_verb)), NULL);
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_compile.sql
-- deletion_compile
-- Compile a target's plan and make it the current one.
--
-- Parameters  p_entity_table   the target, as it is registered
--             p_hard           the mode: TRUE removes rows
--             p_plan_id        OUT the plan; one that cannot run carries error_code and error
-- Errors      JD004 the table is no target
-- Writes      deletion_plans, deletion_plan_steps  Commits  no
-- Execute     the owner only
-- Example     CALL deletion_compile('users', TRUE, @dj_plan);

DROP PROCEDURE IF EXISTS deletion_compile;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_compile(
    IN p_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_hard BOOLEAN,
    OUT p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Compile a target''s plan and make it the current one'
BEGIN
    DECLARE v_code CHAR(5) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_tables JSON;
    DECLARE v_turn VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_length BIGINT DEFAULT @@SESSION.group_concat_max_len;

    IF NOT EXISTS (SELECT 1 FROM deletion_targets AS t WHERE t.entity_table = p_entity_table) THEN
        CALL deletion_raise('JD004', 'deletion_compile', 'table is no target', p_entity_table);
    END IF;

    -- Two workers that find the same plan stale compile it one after the other. Not by the target's
    -- row: enqueue reads that under a lock, and never waits for a worker.
    SET v_turn = (
        SELECT s.setting_name
        FROM deletion_settings AS s
        WHERE s.setting_name = 'recompile'
        FOR UPDATE
    );
    SET p_plan_id = deletion_fresh_plan(p_entity_table, p_hard);

    IF p_plan_id IS NULL THEN
        UPDATE deletion_plans AS p
        SET p.superseded_at = utc_timestamp(6)
        WHERE
            p.entity_table = p_entity_table AND p.hard_delete = p_hard AND p.superseded_at IS NULL;

        INSERT INTO deletion_plans (
            entity_table, hard_delete, fingerprint, tables, can_block, has_waits
        )
        VALUES (p_entity_table, p_hard, '', json_array(), FALSE, FALSE);

        SET p_plan_id = last_insert_id();
        SET SESSION group_concat_max_len = 16777216;
        CALL deletion_plan_graph(p_plan_id, p_entity_table, v_code, v_error);

        IF v_code IS NULL THEN
            CALL deletion_write_plan(p_plan_id);
        END IF;

        SET v_tables = (
            SELECT coalesce(
                json_arrayagg(json_object('s', n.table_schema, 't', n.table_name)), json_array()
            )
            FROM deletion_plan_nodes AS n
            WHERE n.plan_id = p_plan_id
        );

        UPDATE deletion_plans AS p
        SET
            p.tables = v_tables,
            p.fingerprint = deletion_fingerprint(p_entity_table, v_tables),
            p.error_code = v_code,
            p.error = v_error,
            p.can_block = EXISTS (  -- noqa: CP03,LT06
                SELECT 1
                FROM deletion_plan_edges AS e
                WHERE
                    e.plan_id = p_plan_id
                    AND (
                        e.in_check
                        OR e.is_refused
                        OR (e.action = 'cascade' AND e.parent_node_no = e.child_node_no)
                    )
            ),
            p.has_waits = EXISTS (  -- noqa: CP03,LT06
                SELECT 1 FROM deletion_plan_edges AS e WHERE e.plan_id = p_plan_id AND e.waits
            )
        WHERE p.plan_id = p_plan_id;

        DELETE FROM deletion_plan_edges WHERE plan_id = p_plan_id;
        DELETE FROM deletion_plan_nodes WHERE plan_id = p_plan_id;
        SET SESSION group_concat_max_len = v_length;
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_write_plan.sql
-- deletion_write_plan
-- Store a compiled plan: each step with its finished SQL.
--
-- Parameters  p_plan_id   the plan, its references numbered and described
-- Writes      deletion_plan_steps                  Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_write_plan;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_write_plan(
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Store a compiled plan: each step with its finished SQL'
BEGIN
    DECLARE v_edge_no, v_count, v_step_no INT DEFAULT 0;
    DECLARE v_waits BOOLEAN;

    SET v_count = (SELECT count(*) FROM deletion_plan_edges AS e WHERE e.plan_id = p_plan_id);
    -- Where foreign keys alone lead on, and no row waits for another, what is emptied under its
    -- parents' lock stays empty: no second look is needed (remove_now).
    SET v_waits = coalesce((
        SELECT max(e.waits) FROM deletion_plan_edges AS e WHERE e.plan_id = p_plan_id
    ), FALSE);

    INSERT INTO deletion_plan_steps (
        plan_id, step_no, kind, node_no, edge_no, table_name, is_leaf, waits, in_check, index_name,
        sql_text
    )
    SELECT
        p_plan_id, k.step_no, k.kind, 0, 0, n.display_name, FALSE, FALSE, FALSE, 'key',
        CASE k.kind
            WHEN 'guard' THEN deletion_sql_guard(p_plan_id)
            WHEN 'roots' THEN deletion_sql_roots(p_plan_id)
            ELSE deletion_sql_rows(p_plan_id, 0, k.kind)
        END
    FROM deletion_plan_nodes AS n
    CROSS JOIN json_table(
        '["guard", "roots", "hold", "lock", "look", "free", "remove", "remove_now", "left"]',
        '$[*]' COLUMNS (  -- noqa: CP02
            step_no FOR ORDINALITY,  -- noqa: PRS
            kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'
        )
    ) AS k
    WHERE
        n.plan_id = p_plan_id
        AND n.node_no = 0
        AND (
            k.kind <> 'remove_now'
            OR NOT (
                v_waits
                OR EXISTS (
                    SELECT 1
                    FROM deletion_plan_edges AS b
                    WHERE
                        b.plan_id = p_plan_id
                        AND b.parent_node_no = 0
                        AND (b.action <> 'cascade' OR b.is_declared)
                )
            )
        );

    WHILE v_edge_no < v_count DO
        SET v_edge_no = v_edge_no + 1;
        SET v_step_no = (
            SELECT max(s.step_no) FROM deletion_plan_steps AS s WHERE s.plan_id = p_plan_id
        );

        INSERT INTO deletion_plan_steps (
            plan_id, step_no, kind, node_no, parent_node_no, edge_no, table_name, reference_name,
            action, is_leaf, waits, in_check, index_name, sql_text
        )
        SELECT
            p_plan_id,
            v_step_no + row_number() OVER (ORDER BY k.place),
            k.kind, e.child_node_no, e.parent_node_no, e.edge_no, n.display_name, e.reference_name,
            e.action, e.is_leaf, e.waits, e.in_check, e.index_name,
            CASE k.kind
                WHEN 'fetch' THEN deletion_sql_fetch(p_plan_id, e.edge_no, FALSE)
                WHEN 'fetch_more' THEN deletion_sql_fetch(p_plan_id, e.edge_no, TRUE)
                WHEN 'drain' THEN deletion_sql_drain(p_plan_id, e.edge_no)
                WHEN 'expand' THEN deletion_sql_levels(p_plan_id, e.edge_no, k.kind)
                WHEN 'fetch_levels' THEN deletion_sql_levels(p_plan_id, e.edge_no, k.kind)
                WHEN 'look_levels' THEN deletion_sql_levels(p_plan_id, e.edge_no, k.kind)
                WHEN 'remove_level' THEN deletion_sql_levels(p_plan_id, e.edge_no, k.kind)
                WHEN 'count' THEN deletion_sql_sweep(p_plan_id, e.edge_no, k.kind)
                WHEN 'sweep' THEN deletion_sql_sweep(p_plan_id, e.edge_no, k.kind)
                WHEN 'cycle' THEN deletion_sql_cycle(p_plan_id, e.edge_no)
                WHEN 'size' THEN concat(
                    'SELECT COUNT(*) INTO @dj_rows FROM (SELECT 1 FROM ', n.sql_name, ' LIMIT ?) AS q'  -- noqa: LT05
                )
                ELSE deletion_sql_rows(p_plan_id, e.edge_no, k.kind)
            END
        FROM deletion_plan_edges AS e
        INNER JOIN deletion_plan_nodes AS n
            ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
        INNER JOIN json_table(
            '["fetch", "fetch_more", "size", "cycle", "drain", "count", "sweep", "hold", "lock",
            "look", "free", "remove", "remove_now", "left", "set", "expand", "fetch_levels",
            "look_levels", "remove_level"]',
            '$[*]' COLUMNS (  -- noqa: CP02
                place FOR ORDINALITY,  -- noqa: PRS
                kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'
            )
        ) AS k
            ON CASE
                WHEN k.kind IN ('fetch', 'fetch_more') THEN TRUE
                WHEN k.kind = 'size' THEN e.index_name IS NULL
                WHEN k.kind = 'cycle' THEN
                    e.is_refused
                    OR (
                        e.action IN ('cascade', 'restrict')
                        AND e.child_node_no = e.parent_node_no
                    )
                WHEN k.kind = 'set' THEN e.action IN ('set_null', 'set_default')
                WHEN k.kind = 'lock' THEN e.action <> 'restrict'
                WHEN k.kind = 'remove' THEN e.action = 'cascade'
                -- Rows that are set before they go have to be known one by one.
                WHEN k.kind = 'drain' THEN e.is_leaf AND NOT EXISTS (
                    SELECT 1
                    FROM deletion_plan_edges AS w
                    WHERE
                        w.plan_id = e.plan_id
                        AND w.child_node_no = e.child_node_no
                        AND w.waits
                        AND w.action <> 'restrict'
                )
                WHEN k.kind IN ('expand', 'fetch_levels', 'look_levels', 'remove_level') THEN
                    e.action = 'cascade'
                    AND e.parent_node_no = e.child_node_no
                    AND e.index_name IS NOT NULL
                    AND NOT v_waits
                WHEN k.kind IN ('count', 'sweep') THEN
                    e.is_leaf AND NOT e.is_declared AND e.index_name IS NOT NULL AND NOT v_waits
                WHEN k.kind = 'remove_now' THEN
                    e.action = 'cascade' AND NOT e.is_leaf AND NOT v_waits AND NOT EXISTS (
                        SELECT 1
                        FROM deletion_plan_edges AS b
                        WHERE
                            b.plan_id = e.plan_id
                            AND b.parent_node_no = e.child_node_no
                            AND (b.action <> 'cascade' OR b.is_declared)
                    )
                -- What has no children is not looked at again before it goes.
                ELSE e.action = 'cascade' AND NOT e.is_leaf
            END
        WHERE e.plan_id = p_plan_id AND e.edge_no = v_edge_no;
    END WHILE;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_plan_graph.sql
-- deletion_plan_graph
-- Read the catalog from a target on: the tables and references of its plan, in order.
--
-- Parameters  p_plan_id, p_entity_table   the plan and its target
--             p_code, p_error             OUT why the plan cannot be run; NULL: it can
-- Writes      deletion_plan_nodes, deletion_plan_edges     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_plan_graph;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_plan_graph(
    IN p_plan_id BIGINT UNSIGNED,
    IN p_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    OUT p_code CHAR(5) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    OUT p_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Read the catalog from a target on: the tables and references of its plan, in order'
BEGIN
    DECLARE v_node_no INT DEFAULT 0;
    DECLARE v_schema, v_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_key JSON;

    SELECT t.table_schema, t.table_name, t.key_columns
    INTO v_schema, v_table, v_key
    FROM deletion_targets AS t
    WHERE t.entity_table = p_entity_table;

    CALL deletion_plan_node(p_plan_id, v_schema, v_table, v_key, TRUE);

    WHILE v_node_no IS NOT NULL DO
        CALL deletion_references_to(p_plan_id, v_node_no);
        -- A table's rows go with their parents' where a reference to those cascades.
        CALL deletion_plan_children(p_plan_id, v_node_no, TRUE);
        UPDATE deletion_plan_nodes AS n
        SET n.is_expanded = TRUE
        WHERE n.plan_id = p_plan_id AND n.node_no = v_node_no;
        SET v_node_no = (
            SELECT min(n.node_no)
            FROM deletion_plan_nodes AS n
            WHERE n.plan_id = p_plan_id AND NOT n.is_expanded
        );
    END WHILE;

    DELETE FROM deletion_plan_edges WHERE plan_id = p_plan_id AND action = 'keep';
    CALL deletion_plan_children(p_plan_id, NULL, FALSE);

    UPDATE deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS n
        ON
            n.plan_id = e.plan_id
            AND n.table_schema = e.child_schema
            AND n.table_name = e.child_table
    SET e.child_node_no = n.node_no
    WHERE e.plan_id = p_plan_id;

    CALL deletion_plan_problem(p_plan_id, p_error);

    IF p_error IS NULL THEN
        CALL deletion_plan_ranks(p_plan_id);
        CALL deletion_plan_cycle(p_plan_id, p_error);
        SET p_code = if(p_error IS NULL, NULL, 'JD007');
    ELSE
        SET p_code = 'JD005';
    END IF;

    IF p_error IS NULL THEN
        CALL deletion_plan_columns(p_plan_id);
        CALL deletion_plan_edges(p_plan_id);
        SELECT concat(
            'columns of different types: ',
            group_concat(e.reference_name SEPARATOR ', ')  -- noqa: CP01
        )
        INTO p_error
        FROM deletion_plan_edges AS e
        WHERE e.plan_id = p_plan_id AND e.on_frame IS NULL;
        SET p_code = if(p_error IS NULL, NULL, 'JD005');
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_plan_edges.sql
-- deletion_plan_edges
-- Number a plan's references in the order of work, and mark what each of them means for the run.
--
-- Parameters  p_plan_id   the plan, its tables ranked and described
-- Writes      deletion_plan_edges                  Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_plan_edges;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_plan_edges(
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Number a plan''s references in the order of work, and mark what each of them means for the run'  -- noqa: LT05
BEGIN
    DECLARE v_concerned, v_entered, v_above, v_parents, v_sets JSON;
    DECLARE v_edge_no, v_count INT DEFAULT 0;

    -- References of one table stand together: those that cascade, children first, then those that
    -- are set, then those that only block.
    UPDATE deletion_plan_edges AS e
    INNER JOIN (
        SELECT
            o.parent_node_no, o.child_schema, o.child_table, o.reference_name,
            row_number() OVER (
                ORDER BY
                    o.parent_node_no,
                    CASE o.action WHEN 'cascade' THEN 0 WHEN 'restrict' THEN 2 ELSE 1 END,
                    n.table_rank IS NULL, n.table_rank, n.display_name, o.reference_name
            ) AS new_no
        FROM deletion_plan_edges AS o
        INNER JOIN deletion_plan_nodes AS n
            ON n.plan_id = o.plan_id AND n.node_no = o.child_node_no
        WHERE o.plan_id = p_plan_id
    ) AS q
        ON
            q.parent_node_no = e.parent_node_no
            AND q.child_schema = e.child_schema
            AND q.child_table = e.child_table
            AND q.reference_name = e.reference_name
    SET e.edge_no = q.new_no
    WHERE e.plan_id = p_plan_id;

    -- Tables whose rows the check must know: those behind which something could block, and all
    -- tables on the way from the target to them.
    WITH RECURSIVE concerned (node_no) AS (
        SELECT e.parent_node_no
        FROM deletion_plan_edges AS e
        WHERE
            e.plan_id = p_plan_id
            AND (
                e.action = 'restrict'
                OR e.is_refused
            )
        UNION DISTINCT
        SELECT e.child_node_no
        FROM deletion_plan_edges AS e
        INNER JOIN deletion_plan_nodes AS n
            ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no AND n.in_closure
        WHERE e.plan_id = p_plan_id AND e.action = 'restrict'
        UNION DISTINCT
        SELECT e.parent_node_no
        FROM concerned AS c
        INNER JOIN deletion_plan_edges AS e
            ON e.plan_id = p_plan_id AND e.child_node_no = c.node_no AND e.action = 'cascade'
    )

    SELECT json_arrayagg(c.node_no) INTO v_concerned FROM concerned AS c;

    -- Of a table that refers to itself the rows that something else leads to: a row has one parent
    -- by that reference, so a circle is met by climbing from them, or there is none.
    WITH RECURSIVE entered (node_no, is_above) AS (
        SELECT e.child_node_no, FALSE
        FROM deletion_plan_edges AS e
        WHERE
            e.plan_id = p_plan_id
            AND e.action = 'cascade'
            AND e.parent_node_no = e.child_node_no
        UNION DISTINCT
        SELECT e.parent_node_no, TRUE
        FROM entered AS n
        INNER JOIN deletion_plan_edges AS e
            ON
                e.plan_id = p_plan_id
                AND e.child_node_no = n.node_no
                AND e.action = 'cascade'
                AND e.parent_node_no <> e.child_node_no
    )

    SELECT json_arrayagg(n.node_no), json_arrayagg(if(n.is_above, n.node_no, NULL))
    INTO v_entered, v_above
    FROM entered AS n;

    SELECT json_arrayagg(e.parent_node_no)
    INTO v_parents
    FROM deletion_plan_edges AS e
    WHERE e.plan_id = p_plan_id;

    -- Rows with two references to set are changed twice and counted once.
    SELECT json_arrayagg(q.child_node_no)
    INTO v_sets
    FROM (
        SELECT e.child_node_no
        FROM deletion_plan_edges AS e
        WHERE e.plan_id = p_plan_id AND e.action IN ('set_null', 'set_default')
        GROUP BY e.child_node_no
        HAVING count(*) > 1
    ) AS q;

    UPDATE deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS n
        ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
    SET
        e.waits = e.action <> 'cascade' AND n.in_closure,
        e.is_leaf = e.action = 'cascade' AND NOT json_contains(v_parents, cast(n.node_no AS JSON)),
        e.in_check = e.action = 'restrict' OR (
            e.action = 'cascade'
            AND (
                coalesce(json_contains(v_concerned, cast(n.node_no AS JSON)), FALSE)
                OR coalesce(json_contains(
                    if(e.parent_node_no = e.child_node_no, v_above, v_entered),
                    cast(n.node_no AS JSON)
                ), FALSE)
            )
        ),
        e.is_once = e.action IN ('set_null', 'set_default')
        AND coalesce(json_contains(v_sets, cast(n.node_no AS JSON)), FALSE),
        e.index_name = deletion_edge_index(
            e.child_schema, e.child_table, e.child_columns, e.discriminator_column
        )
    WHERE e.plan_id = p_plan_id;

    SET v_count = (SELECT count(*) FROM deletion_plan_edges AS e WHERE e.plan_id = p_plan_id);

    WHILE v_edge_no < v_count DO
        SET v_edge_no = v_edge_no + 1;
        CALL deletion_plan_edge(p_plan_id, v_edge_no);
    END WHILE;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_plan_edge.sql
-- deletion_plan_edge
-- Write the conditions by which a reference is followed.
--
-- Parameters  p_plan_id, p_edge_no   the reference
-- Writes      deletion_plan_edges; on_frame stays NULL where its columns do not compare
-- Commits     no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_plan_edge;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_plan_edge(
    IN p_plan_id BIGINT UNSIGNED,
    IN p_edge_no INT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write the conditions by which a reference is followed'
BEGIN
    DECLARE v_pos, v_count INT DEFAULT 0;
    DECLARE v_child_columns, v_parent_columns, v_parent, v_node, v_child, v_other, v_pointers JSON;
    DECLARE v_schema, v_table, v_parent_schema, v_parent_table, v_discriminator, v_column
        VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_value, v_name, v_to, v_from LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_action VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_is_self, v_is_declared, v_is_root BOOLEAN;
    DECLARE v_on_frame, v_on_parent, v_set LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
        DEFAULT '';

    SELECT
        e.child_columns, e.parent_columns, p.frame_columns, n.frame_columns AS child_frame_columns,
        e.child_schema, e.child_table, p.table_schema, p.table_name, e.discriminator_column, e.discriminator_value,  -- noqa: LT05
        e.action, e.is_declared, e.parent_node_no = e.child_node_no, e.parent_node_no = 0,
        json_length(e.child_columns)
    INTO
        v_child_columns, v_parent_columns, v_parent, v_node, v_schema,
        v_table, v_parent_schema, v_parent_table, v_discriminator, v_value,
        v_action, v_is_declared, v_is_self, v_is_root, v_count
    FROM deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS p ON p.plan_id = e.plan_id AND p.node_no = e.parent_node_no
    INNER JOIN deletion_plan_nodes AS n ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
    WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no;

    SET v_pointers = json_array();

    WHILE v_pos < v_count DO
        SET v_column = json_unquote(json_extract(v_child_columns, concat('$[', v_pos, ']')));
        SET v_child = deletion_frame_column(v_schema, v_table, v_column, concat('p', v_pos + 1));
        SET v_pointers = json_array_append(v_pointers, '$', v_child);
        SET v_column = json_unquote(json_extract(v_parent_columns, concat('$[', v_pos, ']')));
        SET v_other = (
            SELECT f.o
            FROM json_table(v_parent, '$[*]' COLUMNS (  -- noqa: CP02
                o JSON PATH '$',  -- noqa: PRS
                name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.column'
            )) AS f
            WHERE f.name = v_column
        );
        -- Values of two families, or under two collations, compare by rules of neither.
        SET v_name = if(
            json_extract(v_other, '$.family') = json_extract(v_child, '$.family')
            AND json_extract(v_other, '$.collation') <=> json_extract(v_child, '$.collation'),
            json_unquote(json_extract(v_child, '$.name')),
            NULL
        );
        SET v_from = concat(
            json_unquote(json_extract(v_other, '$.get[0]')), 't.',
            json_unquote(json_extract(v_other, '$.f')),
            json_unquote(json_extract(v_other, '$.get[1]'))
        );
        SET v_to = json_unquote(json_extract(v_other, '$.name'));
        SET v_on_frame = concat(
            v_on_frame, if(v_pos = 0, '', ' AND '), 'c.', v_name, ' = ', v_from
        );
        SET v_on_parent = concat(
            v_on_parent, if(v_pos = 0, '', ' AND '), 'c.', v_name, ' = x.', v_to
        );
        SET v_set = concat(
            v_set, if(v_pos = 0, '', ', '), 'x.', v_name, ' = ',
            if(v_action = 'set_default', 'DEFAULT', 'NULL')
        );
        SET v_pos = v_pos + 1;
    END WHILE;

    IF v_discriminator IS NOT NULL THEN
        SET v_discriminator = deletion_sql_literal(v_schema, v_table, v_discriminator, v_value);
    END IF;

    SET v_set = if(v_action IN ('set_null', 'set_default'), v_set, NULL);

    UPDATE deletion_plan_edges AS e
    SET
        e.frame_columns = v_pointers,
        e.discriminator = v_discriminator,
        e.set_list = v_set,
        e.on_frame = concat(
            v_on_frame,
            coalesce(concat(' AND c.', v_discriminator), ''),
            -- A row that refers to itself is not its own child.
            if(
                v_is_self,
                concat(
                    ' AND NOT (', deletion_sql_list(deletion_key_part(v_node), 'own', ' AND '), ')'
                ),
                ''
            ),
            -- Only a declared reference can hold rows of a root that is not there; and should the
            -- root come back meanwhile, rows that hang from it by a foreign key are another story.
            if(v_is_root AND NOT v_is_declared, ' AND t.m IS NULL', '')
        ),
        e.on_parent = concat(
            v_on_parent,
            coalesce(concat(' AND c.', v_discriminator), ''),
            if(
                v_is_self,
                concat(
                    ' AND NOT (', deletion_sql_list(deletion_key_part(v_node), 'same', ' AND '), ')'
                ),
                ''
            )
        ),
        e.found_by = concat(
            deletion_sql_list(v_pointers, 'found', ' AND '),
            coalesce(concat(' AND x.', v_discriminator), '')
        )
    WHERE
        e.plan_id = p_plan_id
        AND e.edge_no = p_edge_no
        AND (v_discriminator IS NOT NULL OR e.discriminator_column IS NULL)
        AND coalesce(e.parent_index, if(
            v_is_declared,
            deletion_unique_index(v_parent_schema, v_parent_table, v_parent_columns),
            NULL
        )) IS NOT NULL;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_plan_columns.sql
-- deletion_plan_columns
-- Describe the columns that the frames of each of a plan's tables carry.
--
-- Parameters  p_plan_id   the plan
-- Writes      deletion_plan_nodes: frame_columns   Commits  no
-- Execute     the owner only
--
-- Its key, k1 and on; then what references point at and is no part of the key, u1 and on.

DROP PROCEDURE IF EXISTS deletion_plan_columns;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_plan_columns(
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Describe the columns that the frames of each of a plan''s tables carry'
BEGIN
    DECLARE v_node_no, v_pos INT;
    DECLARE v_keys, v_columns JSON;
    DECLARE v_schema, v_table, v_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE c_column CURSOR FOR
        SELECT n.node_no, n.table_schema, n.table_name, k.pos, k.name
        FROM deletion_plan_nodes AS n
        CROSS JOIN json_table(n.key_columns, '$[*]' COLUMNS (  -- noqa: CP02
            pos FOR ORDINALITY, name VARCHAR(64) CHARACTER SET utf8mb4 PATH '$'  -- noqa: PRS
        )) AS k
        WHERE n.plan_id = p_plan_id
        UNION DISTINCT
        SELECT n.node_no, n.table_schema, n.table_name, 1000, u.name
        FROM deletion_plan_nodes AS n
        INNER JOIN deletion_plan_edges AS e
            ON e.plan_id = n.plan_id AND e.parent_node_no = n.node_no
        CROSS JOIN json_table(e.parent_columns, '$[*]' COLUMNS (  -- noqa: CP02
            name VARCHAR(64) CHARACTER SET utf8mb4 PATH '$'  -- noqa: PRS
        )) AS u
        WHERE
            n.plan_id = p_plan_id
            AND NOT json_contains(n.key_columns, json_quote(u.name))
        ORDER BY 1, 4, 5;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    UPDATE deletion_plan_nodes AS n
    SET n.frame_columns = json_array()
    WHERE n.plan_id = p_plan_id;

    OPEN c_column;
    FETCH c_column INTO v_node_no, v_schema, v_table, v_pos, v_name;

    WHILE NOT v_is_done DO
        UPDATE deletion_plan_nodes AS n
        SET n.frame_columns = json_array_append(
            n.frame_columns,
            '$',
            coalesce(
                deletion_frame_column(v_schema, v_table, v_name, if(
                    v_pos < 1000,
                    concat('k', v_pos),
                    concat('u', 1 + json_length(n.frame_columns) - json_length(n.key_columns))
                )),
                -- Of a type that keys cannot have: the reference to it is refused later.
                json_object('column', v_name)
            )
        )
        WHERE n.plan_id = p_plan_id AND n.node_no = v_node_no;
        SET v_is_done = FALSE;
        FETCH c_column INTO v_node_no, v_schema, v_table, v_pos, v_name;
    END WHILE;

    CLOSE c_column;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_plan_cycle.sql
-- deletion_plan_cycle
-- Say which tables of a plan refer to each other in a circle, by what has to go first.
--
-- Parameters  p_plan_id   the plan, its tables ranked
--             p_error     OUT the tables with their references; NULL: there is no circle
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_plan_cycle;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_plan_cycle(
    IN p_plan_id BIGINT UNSIGNED,
    OUT p_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Say which tables of a plan refer to each other in a circle, by what has to go first'
BEGIN
    -- Every table above a circle is without a rank as well; only what leads back is in one.
    WITH RECURSIVE lasting AS (
        SELECT e.parent_node_no, e.child_node_no, e.reference_name, c.display_name
        FROM deletion_plan_edges AS e
        INNER JOIN deletion_plan_nodes AS c
            ON
                c.plan_id = e.plan_id
                AND c.node_no = e.child_node_no
                AND c.in_closure
                AND c.table_rank IS NULL
        WHERE
            e.plan_id = p_plan_id
            AND e.action IN ('cascade', 'restrict')
            AND e.parent_node_no <> e.child_node_no
    ),

    below (parent_node_no, child_node_no, met_node_no) AS (
        SELECT f.parent_node_no, f.child_node_no, f.child_node_no AS met_node_no
        FROM lasting AS f
        UNION DISTINCT
        SELECT b.parent_node_no, b.child_node_no, f.child_node_no AS met_node_no
        FROM below AS b
        INNER JOIN lasting AS f ON f.parent_node_no = b.met_node_no
    ),

    circular AS (
        SELECT f.display_name, f.reference_name
        FROM lasting AS f
        INNER JOIN below AS b
            ON
                b.parent_node_no = f.parent_node_no
                AND b.child_node_no = f.child_node_no
                AND b.met_node_no = f.parent_node_no
        UNION ALL
        -- With one self-reference a row has one parent at most, and the check finds row circles.
        SELECT c.display_name, e.reference_name
        FROM deletion_plan_edges AS e
        INNER JOIN deletion_plan_nodes AS c
            ON c.plan_id = e.plan_id AND c.node_no = e.child_node_no
        WHERE
            e.plan_id = p_plan_id
            AND e.action IN ('cascade', 'restrict')
            AND e.parent_node_no = e.child_node_no
            AND EXISTS (
                SELECT 1
                FROM deletion_plan_edges AS s
                WHERE
                    s.plan_id = e.plan_id
                    AND s.action IN ('cascade', 'restrict')
                    AND s.parent_node_no = e.parent_node_no
                    AND s.child_node_no = e.child_node_no
                    AND s.reference_name <> e.reference_name
            )
    )

    SELECT concat(
        'tables refer to each other in a circle: ',
        group_concat(  -- noqa: CP01
            c.display_name, ' (', c.reference_name, ')'
            ORDER BY c.display_name, c.reference_name SEPARATOR ', '
        )
    )
    INTO p_error
    FROM circular AS c;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_plan_ranks.sql
-- deletion_plan_ranks
-- Put the tables of a plan in order, children first.
--
-- Parameters  p_plan_id   the plan
-- Writes      deletion_plan_nodes: table_rank, NULL in and above a circle     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_plan_ranks;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_plan_ranks(
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Put the tables of a plan in order, children first'
BEGIN
    DECLARE v_free JSON;
    DECLARE v_rank INT DEFAULT 0;
    DECLARE v_only_lasting, v_is_done BOOLEAN DEFAULT FALSE;

    WHILE NOT v_is_done DO
        SELECT json_arrayagg(n.node_no)
        INTO v_free
        FROM deletion_plan_nodes AS n
        WHERE
            n.plan_id = p_plan_id
            AND n.in_closure
            AND n.table_rank IS NULL
            AND NOT EXISTS (
                SELECT 1
                FROM deletion_plan_edges AS e
                INNER JOIN deletion_plan_nodes AS c
                    ON c.plan_id = e.plan_id AND c.node_no = e.child_node_no
                WHERE
                    e.plan_id = p_plan_id
                    AND e.parent_node_no = n.node_no
                    AND e.child_node_no <> n.node_no
                    AND c.in_closure
                    AND c.table_rank IS NULL
                    AND (e.action IN ('cascade', 'restrict') OR NOT v_only_lasting)
            );

        IF v_free IS NOT NULL THEN
            UPDATE deletion_plan_nodes AS n
            SET n.table_rank = v_rank
            WHERE
                n.plan_id = p_plan_id AND json_contains(v_free, cast(n.node_no AS JSON));
            SET v_rank = v_rank + 1, v_only_lasting = FALSE;
        ELSEIF v_only_lasting THEN
            SET v_is_done = TRUE;
        ELSE
            -- A reference that is set NULL may close a circle: it is set before its rows go.
            SET v_only_lasting = TRUE;
        END IF;
    END WHILE;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_plan_problem.sql
-- deletion_plan_problem
-- Say why a table of a plan cannot take part.
--
-- Parameters  p_plan_id   the plan
--             p_error     OUT the first table that cannot, and why; NULL: all can
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_plan_problem;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_plan_problem(
    IN p_plan_id BIGINT UNSIGNED,
    OUT p_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Say why a table of a plan cannot take part'
BEGIN
    SELECT q.problem
    INTO p_error
    FROM (
        SELECT
            n.node_no,
            concat(n.display_name, ' ', CASE
                WHEN t.table_name IS NULL THEN 'is gone, or deletion_jobs_owner has no right on it'
                WHEN t.table_type <> 'BASE TABLE' THEN 'is no ordinary table'
                WHEN t.engine <> 'InnoDB' THEN 'is not in InnoDB'
                WHEN t.create_options LIKE '%partitioned%' THEN 'is partitioned'
                WHEN n.key_columns IS NULL THEN 'has no primary key and no unique key without NULLs'
                WHEN EXISTS (
                    SELECT 1
                    FROM json_table(n.key_columns, '$[*]' COLUMNS (  -- noqa: CP02
                        name VARCHAR(64) CHARACTER SET utf8mb4 PATH '$'  -- noqa: PRS
                    )) AS k
                    LEFT JOIN information_schema.columns AS c
                        ON
                            c.table_schema = n.table_schema
                            AND c.table_name = n.table_name
                            AND c.column_name = k.name
                    WHERE c.column_name IS NULL OR deletion_type_family(c.column_type) IS NULL
                ) THEN 'has a key that is gone, or of a type that does not compare exactly'
            END) AS problem
        FROM deletion_plan_nodes AS n
        LEFT JOIN information_schema.tables AS t
            ON t.table_schema = n.table_schema AND t.table_name = n.table_name
        WHERE n.plan_id = p_plan_id
    ) AS q
    WHERE q.problem IS NOT NULL
    ORDER BY q.node_no
    LIMIT 1;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_references_to.sql
-- deletion_references_to
-- Find the references to a table, each with the action that holds for it.
--
-- Parameters  p_plan_id, p_node_no   the table
-- Writes      deletion_plan_edges                  Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_references_to;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_references_to(
    IN p_plan_id BIGINT UNSIGNED,
    IN p_node_no INT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Find the references to a table, each with the action that holds for it'
BEGIN
    DECLARE v_schema, v_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SELECT n.table_schema, n.table_name
    INTO v_schema, v_table
    FROM deletion_plan_nodes AS n
    WHERE n.plan_id = p_plan_id AND n.node_no = p_node_no;

    INSERT INTO deletion_plan_edges (
        plan_id, parent_node_no, child_schema, child_table, reference_name, action, is_declared,
        child_columns, parent_columns, parent_index, is_refused
    )
    SELECT
        p_plan_id,
        p_node_no,
        r.constraint_schema,
        r.table_name,
        r.constraint_name,
        CASE r.delete_rule
            WHEN 'CASCADE' THEN 'cascade'
            WHEN 'SET NULL' THEN 'set_null'
            WHEN 'SET DEFAULT' THEN 'set_default'
            ELSE 'restrict'
        END,
        FALSE,
        -- noqa: disable=CP01
        concat('[', group_concat(json_quote(k.column_name) ORDER BY k.ordinal_position), ']'),
        concat(
            '[', group_concat(json_quote(k.referenced_column_name) ORDER BY k.ordinal_position), ']'
        ),
        -- noqa: enable=CP01
        max(r.unique_constraint_name),
        -- A row that refers to itself goes by no other rule: the engine looks row by row.
        r.table_name = v_table AND r.constraint_schema = v_schema
        AND r.delete_rule NOT IN ('CASCADE', 'SET NULL')
    FROM information_schema.referential_constraints AS r
    INNER JOIN information_schema.key_column_usage AS k
        ON
            k.constraint_schema = r.constraint_schema
            AND k.table_name = r.table_name
            AND k.constraint_name = r.constraint_name
    WHERE r.unique_constraint_schema = v_schema AND r.referenced_table_name = v_table
    GROUP BY r.constraint_schema, r.table_name, r.constraint_name, r.delete_rule;

    INSERT INTO deletion_plan_edges (
        plan_id, parent_node_no, child_schema, child_table, reference_name, action, is_declared,
        child_columns, parent_columns, discriminator_column, discriminator_value
    )
    SELECT
        p_plan_id, p_node_no, d.child_schema, d.child_table, d.reference_name, d.action, TRUE,
        d.child_columns, d.parent_columns, d.discriminator_column, d.discriminator_value
    FROM deletion_references AS d
    WHERE d.parent_schema = v_schema AND d.parent_table = v_table;

    UPDATE deletion_plan_edges AS e
    INNER JOIN deletion_rules AS r
        ON
            r.child_schema = e.child_schema
            AND r.child_table = e.child_table
            AND r.reference_name = e.reference_name
    SET e.action = r.action
    WHERE e.plan_id = p_plan_id AND e.parent_node_no = p_node_no;

    -- A column that cannot be set blocks as the engine would, but before anything is touched.
    UPDATE deletion_plan_edges AS e
    SET e.action = 'restrict'
    WHERE
        e.plan_id = p_plan_id
        AND e.parent_node_no = p_node_no
        AND e.action IN ('set_null', 'set_default')
        AND EXISTS (
            SELECT 1
            FROM information_schema.columns AS c
            WHERE
                c.table_schema = e.child_schema
                AND c.table_name = e.child_table
                AND json_contains(e.child_columns, json_quote(c.column_name))
                AND c.is_nullable = 'NO'
                AND (e.action = 'set_null' OR c.column_default IS NULL)
        );

    -- The engine would change rows behind the column as well: unbounded, and uncounted.
    UPDATE deletion_plan_edges AS e
    SET e.action = 'restrict'
    WHERE
        e.plan_id = p_plan_id
        AND e.parent_node_no = p_node_no
        AND e.action IN ('set_null', 'set_default')
        AND EXISTS (
            SELECT 1
            FROM information_schema.referential_constraints AS r
            INNER JOIN information_schema.key_column_usage AS k
                ON
                    k.constraint_schema = r.constraint_schema
                    AND k.table_name = r.table_name
                    AND k.constraint_name = r.constraint_name
            WHERE
                r.unique_constraint_schema = e.child_schema
                AND r.referenced_table_name = e.child_table
                AND r.update_rule NOT IN ('NO ACTION', 'RESTRICT')
                AND json_contains(e.child_columns, json_quote(k.referenced_column_name))
        );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_plan_children.sql
-- deletion_plan_children
-- Add the children of a plan's tables that it does not hold yet.
--
-- Parameters  p_plan_id      the plan
--             p_node_no      the parent; NULL: all of them
--             p_in_closure   TRUE: children by references that cascade; FALSE: the others
-- Writes      deletion_plan_nodes                  Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_plan_children;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_plan_children(
    IN p_plan_id BIGINT UNSIGNED,
    IN p_node_no INT,
    IN p_in_closure BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Add the children of a plan''s tables that it does not hold yet'
BEGIN
    DECLARE v_schema, v_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE c_child CURSOR FOR
        SELECT DISTINCT e.child_schema, e.child_table
        FROM deletion_plan_edges AS e
        WHERE
            e.plan_id = p_plan_id
            AND (p_node_no IS NULL OR e.parent_node_no = p_node_no)
            AND (e.action = 'cascade') = p_in_closure
            AND NOT EXISTS (
                SELECT 1
                FROM deletion_plan_nodes AS n
                WHERE
                    n.plan_id = p_plan_id
                    AND n.table_schema = e.child_schema
                    AND n.table_name = e.child_table
            )
        ORDER BY e.child_schema, e.child_table;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    OPEN c_child;
    FETCH c_child INTO v_schema, v_table;

    WHILE NOT v_is_done DO
        CALL deletion_plan_node(
            p_plan_id, v_schema, v_table, deletion_node_key(v_schema, v_table), p_in_closure
        );
        -- A query above that found nothing has set the flag as well.
        SET v_is_done = FALSE;
        FETCH c_child INTO v_schema, v_table;
    END WHILE;

    CLOSE c_child;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_plan_node.sql
-- deletion_plan_node
-- Add a table to a plan.
--
-- Parameters  p_plan_id             the plan
--             p_schema, p_table     the table
--             p_key                 JSON array of the columns that name its rows
--             p_in_closure          TRUE: its rows are removed
-- Writes      deletion_plan_nodes                  Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_plan_node;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_plan_node(
    IN p_plan_id BIGINT UNSIGNED,
    IN p_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_key JSON,
    IN p_in_closure BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Add a table to a plan'
BEGIN
    DECLARE v_node_no INT DEFAULT (
        SELECT coalesce(max(n.node_no) + 1, 0)
        FROM deletion_plan_nodes AS n
        WHERE n.plan_id = p_plan_id
    );

    INSERT INTO deletion_plan_nodes (
        plan_id, node_no, table_schema, table_name, sql_name, display_name, key_columns, key_index,
        in_closure, is_expanded
    )
    VALUES (
        p_plan_id, v_node_no, p_schema, p_table,
        concat(deletion_quote_name(p_schema), '.', deletion_quote_name(p_table)),
        deletion_entity_name(p_schema, p_table), p_key,
        deletion_sql_index(deletion_unique_index(p_schema, p_table, p_key)),
        p_in_closure, NOT p_in_closure
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_sql_cycle.sql
-- deletion_sql_cycle
-- Write the statement that finds rows of a walk that go in a circle by a self-reference.
--
-- Parameters  p_plan_id, p_edge_no   the self-reference
-- Returns     text; binds the walk; answers the jobs of such rows in @dj_answer
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- A row has one parent by the reference, so a circle is entered by another reference, or is the
-- root's own: climbing from the rows found otherwise, one that meets itself again is in a circle.
-- A row that refers to itself is one of its own only where the engine would refuse to delete it;
-- where the reference is set in other rows before, no other circle is in the way.

DROP FUNCTION IF EXISTS deletion_sql_cycle;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_cycle(
    p_plan_id BIGINT UNSIGNED,
    p_edge_no INT
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write the statement that finds rows of a walk that go in a circle by a self-reference'
BEGIN
    DECLARE v_node_no, v_pos INT DEFAULT 0;
    DECLARE v_keys, v_child, v_parent JSON;
    DECLARE v_is_refused, v_is_set_free BOOLEAN;
    DECLARE v_table, v_above, v_discriminator, v_name, v_other
        LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_start, v_next, v_names, v_step, v_met, v_is_set, v_own
        LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin DEFAULT '';

    SELECT
        n.node_no, concat(n.sql_name, ' AS x', n.key_index),
        concat(n.sql_name, ' AS x', deletion_sql_index(
            deletion_unique_index(n.table_schema, n.table_name, e.parent_columns)
        )),
        deletion_key_part(n.frame_columns), e.child_columns, e.parent_columns,
        coalesce(concat(' AND x.', e.discriminator), ''),
        e.is_refused, e.action IN ('set_null', 'set_default')
    INTO
        v_node_no, v_table, v_above, v_keys, v_child, v_parent, v_discriminator,
        v_is_refused, v_is_set_free
    FROM deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS n
        ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
    WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no;

    WHILE v_pos < json_length(v_child) DO
        SET v_name = deletion_quote_name(
            json_unquote(json_extract(v_parent, concat('$[', v_pos, ']')))
        );
        SET v_other = deletion_quote_name(
            json_unquote(json_extract(v_child, concat('$[', v_pos, ']')))
        );
        SET v_names = concat(v_names, ', s', v_pos, ', a', v_pos);
        SET v_start = concat(v_start, ', x.', v_name, ', x.', v_other);
        SET v_own = concat(v_own, if(v_pos = 0, '', ' AND '), 'x.', v_other, ' = x.', v_name);
        SET v_next = concat(v_next, ', up.s', v_pos);
        SET v_step = concat(v_step, ' AND x.', v_name, ' = up.a', v_pos);
        SET v_met = concat(v_met, if(v_pos = 0, '', ' AND '), 'up.a', v_pos, ' = up.s', v_pos);
        SET v_next = concat(v_next, ', x.', v_other);
        SET v_is_set = concat(v_is_set, ' AND x.', v_other, ' IS NOT NULL');
        SET v_pos = v_pos + 1;
    END WHILE;

    RETURN concat(
        'WITH RECURSIVE up (j', v_names, ') AS (\n    SELECT w.job_id', v_start,
        '\n    FROM deletion_walk_keys AS w\n',
        '    STRAIGHT_JOIN JSON_TABLE(w.`keys`, \'$\' COLUMNS (',
        deletion_sql_list(v_keys, 'frame', ', '), ')) AS t\n    STRAIGHT_JOIN ', v_table, ' ON ',
        deletion_sql_list(v_keys, 'found', ' AND '), v_is_set, v_discriminator,
        CASE
            WHEN v_is_set_free THEN concat(' AND ', v_own)
            WHEN v_is_refused THEN ''
            ELSE concat(' AND NOT (', v_own, ')')
        END,
        '\n    WHERE w.walk_id = ? AND w.node_no = ', v_node_no,
        ' AND w.fate = \'delete\' AND w.edge_no <> ', p_edge_no,
        '\n    UNION DISTINCT\n    SELECT up.j', v_next,
        '\n    FROM up\n    STRAIGHT_JOIN ', v_above,
        ' ON TRUE', v_step, v_is_set, v_discriminator, '\n    WHERE NOT (', v_met, ')\n)\n\n',
        'SELECT COALESCE(JSON_ARRAYAGG(q.j), JSON_ARRAY()), COUNT(*)\nINTO @dj_answer, @dj_rows\n',
        'FROM (SELECT DISTINCT up.j FROM up WHERE ', v_met, ') AS q'
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_sql_rows.sql
-- deletion_sql_rows
-- Write one of the statements that act on the very rows of a frame.
--
-- Parameters  p_plan_id   the plan
--             p_edge_no   the reference that the rows were found by; 0: the target's own rows
--             p_kind      hold, lock, look, free, remove, remove_now, left or set
-- Returns     text; binds the frame; hold, lock, look, free and left answer a number of its rows in
--             @dj_rows; free, and lock where a reference is set or followed by rows without
--             children, answer the rows too, in @dj_answer, and left answers them as they are now
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- Three statements, so that the second sees what was committed while the first waited for locks: no
-- key that the engine knows can point at a row once it is locked.

DROP FUNCTION IF EXISTS deletion_sql_rows;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_rows(
    p_plan_id BIGINT UNSIGNED,
    p_edge_no INT,
    p_kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write one of the statements that act on the very rows of a frame'
BEGIN
    DECLARE v_node_no INT DEFAULT 0;
    DECLARE v_keys, v_columns JSON;
    DECLARE v_answer, v_frame, v_table, v_found, v_set, v_childless, v_locks, v_aliases LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin DEFAULT '';  -- noqa: LT05
    DECLARE v_answers BOOLEAN DEFAULT p_kind = 'free';

    IF p_edge_no > 0 THEN
        SELECT
            e.child_node_no, e.found_by, e.set_list, e.frame_columns,
            v_answers OR (p_kind = 'lock' AND (e.is_leaf OR e.action <> 'cascade'))
        INTO v_node_no, v_found, v_set, v_keys, v_answers
        FROM deletion_plan_edges AS e
        WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no;
    END IF;

    SELECT
        concat(n.sql_name, ' AS x', n.key_index),
        concat(
            deletion_sql_list(deletion_key_part(n.frame_columns), 'found', ' AND '),
            if(p_edge_no = 0, ' AND t.m IS NULL', concat(' AND ', v_found))
        ),
        deletion_sql_frame(
            if(
                p_edge_no = 0,
                deletion_key_part(n.frame_columns),
                json_merge_preserve(deletion_key_part(n.frame_columns), v_keys)
            ),
            concat(
                if(v_answers, 'o JSON PATH \'$\', ', ''),
                if(p_kind = 'left', 'j BIGINT UNSIGNED PATH \'$.j\', ', ''),
                if(p_edge_no = 0, 'm INT PATH \'$.m\', ', '')
            )
        ),
        if(p_edge_no = 0, n.frame_columns, json_merge_preserve(n.frame_columns, v_keys))
    INTO v_table, v_found, v_frame, v_columns
    FROM deletion_plan_nodes AS n
    WHERE n.plan_id = p_plan_id AND n.node_no = v_node_no;

    IF p_kind IN ('look', 'free') THEN
        SELECT coalesce(group_concat(
            '\n    AND NOT EXISTS (SELECT 1 FROM ', n.sql_name, ' AS c',
            coalesce(deletion_sql_index(e.index_name), ''), ' WHERE ', e.on_parent, ')'
            ORDER BY e.edge_no SEPARATOR ''
        ), '')
        INTO v_childless
        FROM deletion_plan_edges AS e
        INNER JOIN deletion_plan_nodes AS n
            ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
        WHERE e.plan_id = p_plan_id AND e.parent_node_no = v_node_no;
    ELSEIF p_kind = 'lock' THEN
        CALL deletion_sql_locks(p_plan_id, v_node_no, v_locks, v_aliases);
    END IF;

    SET v_answer = CASE
        WHEN v_answers THEN 'COALESCE(JSON_ARRAYAGG(t.o), JSON_ARRAY())'
        -- What references point at may have changed since the row was found.
        WHEN p_kind = 'left' THEN concat(
            'COALESCE(JSON_ARRAYAGG(JSON_OBJECT(\'j\', t.j, ',
            deletion_sql_list(v_columns, 'found_object', ', '), ')), JSON_ARRAY())'
        )
        ELSE 'NULL'
    END;

    RETURN CASE
        WHEN p_kind IN ('remove', 'remove_now') THEN concat(
            'DELETE x\nFROM ', v_frame, '\nSTRAIGHT_JOIN ', v_table, ' ON ', v_found
        )
        WHEN p_kind = 'set' THEN concat(
            'UPDATE ', v_frame, '\nSTRAIGHT_JOIN ', v_table, ' ON ', v_found, '\nSET ', v_set
        )
        ELSE concat(
            'SELECT ', v_answer, ', COUNT(*)\nINTO @dj_answer, @dj_rows\nFROM ', v_frame,
            '\nSTRAIGHT_JOIN ', v_table, ' ON ', v_found,
            if(p_kind IN ('look', 'free'), concat('\nWHERE TRUE', v_childless), ''),
            CASE p_kind
                -- Weaker than a lock: others may still add children to the rows.
                WHEN 'hold' THEN '\nFOR SHARE OF x'
                WHEN 'lock' THEN concat(v_locks, '\nFOR UPDATE OF x', v_aliases)
                ELSE ''
            END
        )
    END;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_sql_locks.sql
-- deletion_sql_locks
-- Write what a lock statement needs beside the rows: the unique keys that references point at.
--
-- Parameters  p_plan_id, p_node_no   the table
--             p_joins     OUT joins, one for each such key
--             p_aliases   OUT their names, each after a comma
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- A row locked by its primary key still takes children by a key that references another unique key:
-- the engine locks the entry of that index alone. So that entry is locked as well.

DROP PROCEDURE IF EXISTS deletion_sql_locks;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_sql_locks(
    IN p_plan_id BIGINT UNSIGNED,
    IN p_node_no INT,
    OUT p_joins LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    OUT p_aliases LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write what a lock statement needs beside the rows: the unique keys that references point at'  -- noqa: LT05
BEGIN
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE v_no INT DEFAULT 0;
    DECLARE v_pos INT;
    DECLARE v_index, v_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_columns JSON;
    DECLARE v_table LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE c_key CURSOR FOR
        SELECT DISTINCT e.parent_index, e.parent_columns
        FROM deletion_plan_edges AS e
        WHERE
            e.plan_id = p_plan_id
            AND e.parent_node_no = p_node_no
            AND NOT e.is_declared
            AND e.parent_index <> 'PRIMARY';
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    SET p_joins = '', p_aliases = '';
    SET v_table = (
        SELECT n.sql_name
        FROM deletion_plan_nodes AS n
        WHERE n.plan_id = p_plan_id AND n.node_no = p_node_no
    );
    OPEN c_key;
    FETCH c_key INTO v_index, v_columns;

    WHILE NOT v_is_done DO
        SET v_no = v_no + 1, v_pos = 0;
        SET p_aliases = concat(p_aliases, ', l', v_no);
        SET p_joins = concat(
            p_joins, '\nLEFT JOIN ', v_table, ' AS l', v_no, ' FORCE INDEX (',
            deletion_quote_name(v_index), ') ON '
        );

        WHILE v_pos < json_length(v_columns) DO
            SET v_name = deletion_quote_name(
                json_unquote(json_extract(v_columns, concat('$[', v_pos, ']')))
            );
            SET p_joins = concat(
                p_joins, if(v_pos = 0, '', ' AND '), 'l', v_no, '.', v_name, ' = x.', v_name
            );
            SET v_pos = v_pos + 1;
        END WHILE;

        FETCH c_key INTO v_index, v_columns;
    END WHILE;

    CLOSE c_key;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_sql_sweep.sql
-- deletion_sql_sweep
-- Write the statements that count, and delete, all childless rows that hang from a locked frame.
--
-- Parameters  p_plan_id, p_edge_no   the reference
--             p_kind                 count or sweep
-- Returns     text; binds the frame; count also a limit, and answers the number of rows in @dj_rows
--             and by job in @dj_answer
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_sql_sweep;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_sweep(
    p_plan_id BIGINT UNSIGNED,
    p_edge_no INT,
    p_kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write the statements that count, and delete, all childless rows of a locked frame'
BEGIN
    DECLARE v_rows LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SELECT concat(
        deletion_sql_frame(
            p.frame_columns,
            concat(
                if(p_kind = 'count', 'j BIGINT UNSIGNED PATH \'$.j\', ', ''),
                'm INT PATH \'$.m\', '
            )
        ),
        '\nSTRAIGHT_JOIN ', n.sql_name, ' AS c', deletion_sql_index(e.index_name),
        ' ON ', e.on_frame
    )
    INTO v_rows
    FROM deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS p
        ON p.plan_id = e.plan_id AND p.node_no = e.parent_node_no
    INNER JOIN deletion_plan_nodes AS n
        ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
    WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no;

    RETURN if(p_kind = 'sweep', concat('DELETE c\nFROM ', v_rows), concat(
        'SELECT COALESCE(JSON_OBJECTAGG(g.j, g.n), JSON_OBJECT()), COALESCE(SUM(g.n), 0)\n',
        'INTO @dj_answer, @dj_rows\nFROM (\nSELECT q.j, COUNT(*) AS n\nFROM (\n',
        'SELECT t.j\nFROM ', v_rows, '\nLIMIT ?\n) AS q\nGROUP BY q.j\n) AS g'
    ));
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_sql_drain.sql
-- deletion_sql_drain
-- Write the statement that deletes child rows of a frame that have no children of their own.
--
-- Parameters  p_plan_id, p_edge_no   the reference
-- Returns     text; binds the frame and a limit
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- A DELETE of several tables takes no LIMIT, and one of a single table reads no frame by index: so
-- the rows are chosen, up to the limit, in a derived table, and found again by their key.

DROP FUNCTION IF EXISTS deletion_sql_drain;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_drain(
    p_plan_id BIGINT UNSIGNED,
    p_edge_no INT
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write the statement that deletes child rows of a frame that have no children of their own'
BEGIN
    DECLARE v_parent, v_keys, v_pointers JSON;
    DECLARE v_table, v_own_table, v_on_frame
        LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SELECT
        p.frame_columns, deletion_key_part(n.frame_columns), e.frame_columns AS pointer_columns,
        concat(n.sql_name, ' AS c', deletion_sql_index(e.index_name)),
        concat(n.sql_name, ' AS c', n.key_index), e.on_frame
    INTO v_parent, v_keys, v_pointers, v_table, v_own_table, v_on_frame
    FROM deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS p
        ON p.plan_id = e.plan_id AND p.node_no = e.parent_node_no
    INNER JOIN deletion_plan_nodes AS n
        ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
    WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no;

    SET v_keys = json_merge_preserve(v_keys, v_pointers);

    RETURN concat(
        'DELETE c\nFROM (\n    SELECT ', deletion_sql_list(v_keys, 'raw', ', '),
        '\n    FROM ', deletion_sql_frame(v_parent, 'm INT PATH \'$.m\', '),
        '\n    STRAIGHT_JOIN ', v_table, ' ON ', v_on_frame,
        '\n    LIMIT ?\n) AS q\nSTRAIGHT_JOIN ', v_own_table, ' ON ',
        deletion_sql_list(v_keys, 'back', ' AND '),
        coalesce((
            SELECT concat(' AND c.', e.discriminator)
            FROM deletion_plan_edges AS e
            WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no
        ), '')
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_sql_levels.sql
-- deletion_sql_levels
-- Write a statement for a frame that holds several levels of rows that refer to each other.
--
-- Parameters  p_plan_id, p_edge_no   the self-reference
--             p_kind                 see below
-- Returns     text; answers in @dj_answer and @dj_rows as other statements do
--             expand         binds a frame of one level and a limit; it, with what hangs from it
--             fetch_levels   binds the frame twice and a limit; its children that it does not hold
--             look_levels    binds the frame twice; how many of its rows have children outside
--             remove_level   binds the frame and a level; deletes the rows of that level
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_sql_levels;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_levels(
    p_plan_id BIGINT UNSIGNED,
    p_edge_no INT,
    p_kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write a statement for a frame that holds several levels of rows that refer to each other'
BEGIN
    DECLARE v_columns, v_keys, v_parent JSON;
    DECLARE v_job VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
        DEFAULT 'j BIGINT UNSIGNED PATH \'$.j\', ';
    DECLARE v_node_no INT;
    DECLARE v_child, v_row, v_on_frame, v_found, v_beyond, v_below, v_first, v_hangs
        LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SELECT
        n.node_no, n.frame_columns, json_merge_preserve(n.frame_columns, e.frame_columns),
        deletion_key_part(n.frame_columns),
        concat(n.sql_name, ' AS c', deletion_sql_index(e.index_name)),
        concat(n.sql_name, ' AS x', n.key_index), e.on_frame,
        concat(
            deletion_sql_list(deletion_key_part(n.frame_columns), 'found', ' AND '),
            ' AND ', e.found_by
        )
    INTO v_node_no, v_parent, v_columns, v_keys, v_child, v_row, v_on_frame, v_found
    FROM deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS n
        ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
    WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no;

    SET v_beyond = concat(
        ' AND NOT EXISTS (SELECT 1 FROM ', deletion_sql_frame(v_keys, ''), ' WHERE ',
        deletion_sql_list(v_keys, 'own', ' AND '), ')'
    );

    SET v_hangs = (
        SELECT group_concat('a.p', p.pos, ' = b.', f.f ORDER BY p.pos SEPARATOR ' AND ')
        FROM deletion_plan_edges AS e
        CROSS JOIN json_table(e.parent_columns, '$[*]' COLUMNS (  -- noqa: CP02
            pos FOR ORDINALITY,  -- noqa: PRS
            name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'
        )) AS p
        INNER JOIN json_table(v_parent, '$[*]' COLUMNS (  -- noqa: CP02
            f VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.f',  -- noqa: PRS
            name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.column'
        )) AS f ON f.name = p.name
        WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no
    );

    IF p_kind = 'expand' THEN
        SET v_first = replace(deletion_sql_list(v_columns, 'order', ', '), 'q.', 't.');
        RETURN concat(
            'WITH RECURSIVE d (j, l, m, ',
            replace(deletion_sql_list(v_columns, 'order', ', '), 'q.', ''), ') AS (\n',
            '    SELECT t.j, 0, CAST(NULL AS SIGNED), ', v_first,
            '\n    FROM ', deletion_sql_frame(v_columns, v_job),
            '\n    UNION ALL\n    SELECT t.j, t.l + 1, t.m, ',
            deletion_sql_list(v_columns, 'answer', ', '),
            '\n    FROM d AS t\n    STRAIGHT_JOIN ', v_child, ' ON ', v_on_frame,
            '\n    LIMIT ?\n)\n',
            'SELECT COALESCE(JSON_ARRAYAGG(JSON_OBJECT(\'j\', q.j, \'l\', q.l, ',
            deletion_sql_list(v_columns, 'object', ', '), ')), JSON_ARRAY()),\n',
            '    IF(EXISTS (SELECT 1 FROM d AS a STRAIGHT_JOIN d AS b ON ', v_hangs,
            ' WHERE a.l = 0), 0, COUNT(*))\n',
            'INTO @dj_answer, @dj_rows\n',
            -- A row of the first level may hang from another one of the frame: it would go late.
            'FROM (\n    SELECT t.*, ROW_NUMBER() OVER (PARTITION BY t.j, ',
            replace(deletion_sql_list(v_keys, 'order', ', '), 'q.', 't.'),
            ' ORDER BY t.l) AS place\n    FROM d AS t\n) AS q\nWHERE q.place = 1'
        );
    ELSEIF p_kind = 'fetch_levels' THEN
        RETURN concat(
            'SELECT COALESCE(JSON_ARRAYAGG(JSON_OBJECT(\'j\', q.j, ',
            deletion_sql_list(v_columns, 'object', ', '), ')), JSON_ARRAY()), COUNT(*)\n',
            'INTO @dj_answer, @dj_rows\nFROM (\n    SELECT t.j, ',
            deletion_sql_list(v_columns, 'answer', ', '),
            '\n    FROM ', deletion_sql_frame(v_parent, concat(v_job, 'm INT PATH \'$.m\', ')),
            '\n    STRAIGHT_JOIN ', v_child, ' ON ', v_on_frame, v_beyond, '\n    LIMIT ?\n) AS q'
        );
    ELSEIF p_kind = 'look_levels' THEN
        SELECT group_concat(
            'EXISTS (SELECT 1 FROM ', n.sql_name, ' AS c',
            coalesce(deletion_sql_index(e.index_name), ''), ' WHERE ', e.on_parent,
            if(e.edge_no = p_edge_no, v_beyond, ''), ')'
            ORDER BY e.edge_no SEPARATOR '\n    OR '
        )
        INTO v_below
        FROM deletion_plan_edges AS e
        INNER JOIN deletion_plan_nodes AS n
            ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
        WHERE e.plan_id = p_plan_id AND e.parent_node_no = v_node_no;
        RETURN concat(
            'SELECT NULL, COUNT(*)\nINTO @dj_answer, @dj_rows\nFROM ',
            deletion_sql_frame(v_columns, ''), '\nSTRAIGHT_JOIN ', v_row, ' ON ', v_found,
            '\nWHERE ', v_below
        );
    END IF;

    RETURN concat(
        'DELETE x\nFROM ', deletion_sql_frame(v_columns, 'l INT PATH \'$.l\', '),
        '\nSTRAIGHT_JOIN ', v_row, ' ON ', v_found, ' AND t.l = ?'
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_sql_fetch.sql
-- deletion_sql_fetch
-- Write the statement that finds the child rows of a frame by one reference.
--
-- Parameters  p_plan_id, p_edge_no   the reference
--             p_more   TRUE: in order of the child's key, and from after the row that was read last
-- Returns     text; binds (for more: the row read last, {} at first), the frame, and a limit;
--             answers the child frame in @dj_answer and its number of keys in @dj_rows
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_sql_fetch;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_fetch(
    p_plan_id BIGINT UNSIGNED,
    p_edge_no INT,
    p_more BOOLEAN
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write the statement that finds the child rows of a frame by one reference'
BEGIN
    DECLARE v_parent, v_child, v_keys, v_pointers JSON;
    DECLARE v_table, v_on_frame, v_first LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SELECT
        p.frame_columns, n.frame_columns AS child_frame_columns, e.frame_columns AS pointer_columns,
        concat(n.sql_name, ' AS c', deletion_sql_index(e.index_name)), e.on_frame
    INTO v_parent, v_child, v_pointers, v_table, v_on_frame
    FROM deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS p
        ON p.plan_id = e.plan_id AND p.node_no = e.parent_node_no
    INNER JOIN deletion_plan_nodes AS n
        ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
    WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no;

    SET v_keys = deletion_key_part(v_child);
    SET v_child = json_merge_preserve(v_child, v_pointers);
    SET v_first = 'j BIGINT UNSIGNED PATH \'$.j\', m INT PATH \'$.m\', ';

    RETURN concat(
        'SELECT COALESCE(JSON_ARRAYAGG(JSON_OBJECT(\'j\', q.j, ',
        deletion_sql_list(v_child, 'object', ', '), ')), JSON_ARRAY()), COUNT(*)\n',
        'INTO @dj_answer, @dj_rows\nFROM (\n    ',
        -- The chosen rows are put in order of their key, in which they will be locked.
        if(p_more, '', concat('SELECT q.* FROM (\n    ')),
        'SELECT t.j, ', deletion_sql_list(v_child, 'answer', ', '),
        '\n    FROM ',
        if(p_more, concat(
            'JSON_TABLE(?, \'$\' COLUMNS (', deletion_sql_list(v_keys, 'frame', ', '),
            ')) AS a\n    STRAIGHT_JOIN '
        ), ''),
        deletion_sql_frame(v_parent, v_first),
        '\n    STRAIGHT_JOIN ', v_table, ' ON ', v_on_frame,
        if(p_more, concat(
            '\n    WHERE ', deletion_sql_after(v_keys),
            '\n    ORDER BY ', deletion_sql_list(v_keys, 'sort', ', ')
        ), ''),
        '\n    LIMIT ?',
        if(p_more, '', concat(
            '\n    ) AS q ORDER BY ', deletion_sql_list(v_keys, 'order', ', '),
            ' LIMIT 18446744073709551615'
        )),
        '\n) AS q'
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_sql_guard.sql
-- deletion_sql_guard
-- Write the statement that holds a plan's tables against DDL until the transaction ends.
--
-- Parameters  p_plan_id   the plan
-- Returns     text; binds nothing
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_sql_guard;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_guard(
    p_plan_id BIGINT UNSIGNED
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write the statement that holds a plan''s tables against DDL until the transaction ends'
BEGIN
    RETURN (
        SELECT concat(
            'SELECT COUNT(*) INTO @dj_rows FROM (\n    ',
            group_concat(  -- noqa: CP01
                'SELECT 1 FROM ', n.sql_name, ' WHERE FALSE'
                ORDER BY n.node_no SEPARATOR '\n    UNION ALL '
            ),
            '\n) AS q'
        )
        FROM deletion_plan_nodes AS n
        WHERE n.plan_id = p_plan_id
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_sql_list.sql
-- deletion_sql_list
-- Write one part of a statement for each of some columns.
--
-- Parameters  p_columns     descriptions by deletion_frame_column, a JSON array
--             p_part        which part: see below
--             p_separator   what stands between them
-- Returns     text; empty where there are no columns
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_sql_list('[{"f": "k1", "name": "`id`"}]', 'raw', ', ');
--
-- In every statement t is the frame, c a child row, x a row acted on, q rows chosen within, a the
-- row that was read last.

DROP FUNCTION IF EXISTS deletion_sql_list;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_list(
    p_columns JSON,
    p_part VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_separator VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Write one part of a statement for each of some columns'
BEGIN
    DECLARE v_pos INT DEFAULT 0;
    DECLARE v_column JSON;
    DECLARE v_list LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin DEFAULT '';
    DECLARE v_f, v_name, v_type, v_put_open, v_put_close, v_get_open, v_get_close
        LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    WHILE v_pos < json_length(p_columns) DO
        SET v_column = json_extract(p_columns, concat('$[', v_pos, ']'));
        SET v_f = v_column ->> '$.f';
        SET v_name = v_column ->> '$.name';
        SET v_type = v_column ->> '$.type';
        SET v_put_open = v_column ->> '$.put[0]', v_put_close = v_column ->> '$.put[1]';
        SET v_get_open = v_column ->> '$.get[0]', v_get_close = v_column ->> '$.get[1]';
        SET v_list = concat(v_list, if(v_pos = 0, '', p_separator), CASE p_part
            WHEN 'frame' THEN concat(v_f, ' ', v_type, ' PATH \'$.', v_f, '\' ERROR ON ERROR')
            WHEN 'found' THEN concat('x.', v_name, ' = ', v_get_open, 't.', v_f, v_get_close)
            WHEN 'own' THEN concat('c.', v_name, ' = ', v_get_open, 't.', v_f, v_get_close)
            WHEN 'same' THEN concat('c.', v_name, ' = x.', v_name)
            WHEN 'answer' THEN concat(v_put_open, 'c.', v_name, v_put_close, ' AS ', v_f)
            WHEN 'object' THEN concat('\'', v_f, '\', q.', v_f)
            WHEN 'found_object' THEN
                concat('\'', v_f, '\', ', v_put_open, 'x.', v_name, v_put_close)
            WHEN 'raw' THEN concat('c.', v_name, ' AS ', v_f)
            WHEN 'back' THEN concat('c.', v_name, ' = q.', v_f)
            WHEN 'order' THEN concat('q.', v_f)
            WHEN 'sort' THEN concat('c.', v_name, if(
                v_column ->> '$.family' = 'label',
                concat(' COLLATE ', v_column ->> '$.collation'),
                ''
            ))
            WHEN 'text' THEN concat(
                v_column ->> '$.text[0]', 'x.', v_name, v_column ->> '$.text[1]'
            )
        END);
        SET v_pos = v_pos + 1;
    END WHILE;

    RETURN v_list;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_key_part.sql
-- deletion_key_part
-- Take the key columns out of the columns that frames of a table carry.
--
-- Parameters  p_columns   descriptions by deletion_frame_column, a JSON array
-- Returns     JSON array of those whose name in frames begins with k
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_key_part;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_key_part(
    p_columns JSON
) RETURNS JSON
LANGUAGE SQL
DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Take the key columns out of the columns that frames of a table carry'
BEGIN
    DECLARE v_pos INT DEFAULT 0;
    DECLARE v_keys JSON DEFAULT json_array();

    WHILE json_extract(p_columns, concat('$[', v_pos, '].f')) LIKE '"k%' DO
        SET v_keys = json_array_append(
            v_keys, '$', json_extract(p_columns, concat('$[', v_pos, ']'))
        );
        SET v_pos = v_pos + 1;
    END WHILE;

    RETURN v_keys;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_frame_column.sql
-- deletion_frame_column
-- Describe how frames carry the values of a column: written as JSON, and read in its own type.
--
-- Parameters  p_schema, p_table, p_column   the column
--             p_field   its name in frames: k1 for a key, u1 for what is referred to, p1 for what
--                       refers
-- Returns     JSON object; its type is that of a JSON_TABLE column, put and get are functions
--             around the column and around the field; NULL: keys cannot be of that type
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_frame_column('shop', 'customer', 'id', 'k1');

DROP FUNCTION IF EXISTS deletion_frame_column;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_frame_column(
    p_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_column VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_field VARCHAR(8)
) RETURNS JSON
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Describe how frames carry the values of a column: written as JSON, and read in its own type'  -- noqa: LT05
BEGIN
    DECLARE v_type, v_base, v_frame LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_family, v_charset, v_collation VARCHAR(64)
        CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SELECT c.column_type, c.character_set_name, c.collation_name
    INTO v_type, v_charset, v_collation
    FROM information_schema.columns AS c
    WHERE c.table_schema = p_schema AND c.table_name = p_table AND c.column_name = p_column;

    SET v_family = deletion_type_family(v_type);
    SET v_base = regexp_substr(v_type, '^[a-z]+');
    -- Own type, character set and collation: any other makes the engine compare by something else.
    SET v_frame = CASE
        WHEN v_base = 'bit' THEN 'BIGINT UNSIGNED'
        WHEN v_base = 'year' THEN 'SMALLINT UNSIGNED'
        WHEN v_family = 'number' THEN concat(
            upper(v_base),
            coalesce(if(v_base = 'decimal', regexp_substr(v_type, '[(][0-9, ]+[)]'), ''), ''),
            if(v_type LIKE '% unsigned%', ' UNSIGNED', '')
        )
        WHEN v_family = 'bytes' THEN concat(
            'VARCHAR(', 2 * regexp_substr(v_type, '[0-9]+'),
            ') CHARACTER SET ascii COLLATE ascii_bin'
        )
        WHEN v_family IN ('string', 'label') THEN concat(
            'VARCHAR(', if(v_family = 'label', '255', regexp_substr(v_type, '[0-9]+')),
            ') CHARACTER SET ', v_charset, ' COLLATE ', v_collation
        )
        WHEN v_base = 'date' THEN 'DATE'
        WHEN v_family IN ('moment', 'time') THEN concat(
            if(v_family = 'time', 'TIME', 'DATETIME'),
            coalesce(regexp_substr(v_type, '[(][0-9][)]'), '')
        )
    END;

    RETURN if(v_frame IS NULL, NULL, json_object(
        'f', p_field,
        'column', p_column,
        'name', deletion_quote_name(p_column),
        'family', v_family,
        'collation', v_collation,
        'type', v_frame,
        -- JSON keeps integers exactly; all else travels as text, bytes as hexadecimal digits.
        'put', CASE
            WHEN v_base IN ('bit', 'year') THEN json_array('CAST(', ' AS UNSIGNED)')
            WHEN v_family = 'number' AND v_base <> 'decimal' THEN json_array('', '')
            WHEN v_family = 'bytes' THEN json_array('HEX(', ')')
            WHEN v_family = 'string' AND v_charset = 'utf8mb4' THEN json_array('', '')
            WHEN v_family = 'string' THEN json_array('CONVERT(', ' USING utf8mb4)')
            ELSE json_array('CAST(', ' AS CHAR)')
        END,
        'get', if(v_family = 'bytes', json_array('UNHEX(', ')'), json_array('', '')),
        -- As jobs spell it; adding nothing takes the zeros of ZEROFILL away.
        'text', CASE
            WHEN v_base = 'bit' THEN json_array('CAST(CAST(', ' AS UNSIGNED) AS CHAR)')
            WHEN v_family = 'number' AND v_base <> 'year' THEN json_array('CAST(', ' + 0 AS CHAR)')
            WHEN v_family = 'bytes' THEN json_array('HEX(', ')')
            WHEN v_family = 'string' THEN json_array('CONVERT(', ' USING utf8mb4)')
            ELSE json_array('CAST(', ' AS CHAR)')
        END
    ));
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_unique_index.sql
-- deletion_unique_index
-- Find the unique key that some columns make, in any order; NULLs may be in it.
--
-- Parameters  p_schema, p_table   the table
--             p_columns           its columns, a JSON array
-- Returns     text, the index; NULL: several rows may hold the same values
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_unique_index('shop', 'customer', '["id"]');

DROP FUNCTION IF EXISTS deletion_unique_index;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_unique_index(
    p_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_columns JSON
) RETURNS VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Find the unique key that some columns make, in any order; NULLs may be in it'
BEGIN
    RETURN (
        SELECT i.index_name
        FROM information_schema.statistics AS i
        WHERE i.table_schema = p_schema AND i.table_name = p_table AND i.non_unique = 0
        GROUP BY i.index_name
        HAVING
            count(*) = json_length(p_columns)
            AND sum(
                i.sub_part IS NULL AND json_contains(p_columns, json_quote(i.column_name))
            ) = count(*)
        ORDER BY i.index_name = 'PRIMARY' DESC, i.index_name
        LIMIT 1
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_edge_index.sql
-- deletion_edge_index
-- Find the index of a child that a reference is followed by.
--
-- Parameters  p_schema, p_table   the child
--             p_columns           its columns, a JSON array
--             p_discriminator     a further column that is compared; NULL: none
-- Returns     text, the index; NULL: none leads with these columns
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_edge_index('shop', 'invoice', '["customer_id"]', NULL);

DROP FUNCTION IF EXISTS deletion_edge_index;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_edge_index(
    p_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_columns JSON,
    p_discriminator VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Find the index of a child that a reference is followed by'
BEGIN
    RETURN (
        SELECT i.index_name
        FROM information_schema.statistics AS i
        WHERE
            i.table_schema = p_schema
            AND i.table_name = p_table
            AND i.sub_part IS NULL
            AND i.is_visible = 'YES'
            AND i.index_type = 'BTREE'
        GROUP BY i.index_name
        HAVING
            sum(
                i.seq_in_index <= json_length(p_columns)
                AND json_contains(p_columns, json_quote(i.column_name))
            ) = json_length(p_columns)
            -- The discriminator may stand among the leading columns.
            OR (
                p_discriminator IS NOT NULL
                AND sum(
                    i.seq_in_index <= json_length(p_columns) + 1
                    AND (
                        json_contains(p_columns, json_quote(i.column_name))
                        OR i.column_name = p_discriminator
                    )
                ) = json_length(p_columns) + 1
            )
        ORDER BY count(*), i.index_name
        LIMIT 1
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_node_key.sql
-- deletion_node_key
-- Find the columns that name a row of a table: its primary key, else its smallest unique key.
--
-- Parameters  p_schema, p_table   the table
-- Returns     JSON array of column names; NULL: no key without NULLs
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_node_key('shop', 'customer');

DROP FUNCTION IF EXISTS deletion_node_key;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_node_key(
    p_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS JSON
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Find the columns that name a row of a table: its primary key, else its smallest unique key'
BEGIN
    RETURN (
        SELECT json_arrayagg(k.column_name)
        FROM (
            SELECT i.column_name
            FROM information_schema.statistics AS i
            INNER JOIN (
                SELECT u.index_name
                FROM information_schema.statistics AS u
                WHERE u.table_schema = p_schema AND u.table_name = p_table AND u.non_unique = 0
                GROUP BY u.index_name
                HAVING
                    sum(u.nullable = 'YES') = 0
                    AND sum(u.sub_part IS NOT NULL) = 0
                    AND sum(u.column_name IS NULL) = 0
                    AND sum(u.is_visible = 'NO') = 0
                ORDER BY u.index_name = 'PRIMARY' DESC, count(*), u.index_name
                LIMIT 1
            ) AS x ON x.index_name = i.index_name
            WHERE i.table_schema = p_schema AND i.table_name = p_table
            ORDER BY i.seq_in_index
            LIMIT 100
        ) AS k
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_fingerprint.sql
-- deletion_fingerprint
-- Digest every catalog row that a plan was compiled from, so that a change becomes visible.
--
-- Parameters  p_entity_table   the target
--             p_tables         the plan's tables: an array of {"s": schema, "t": table}
-- Returns     text, a hexadecimal hash
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_fingerprint(entity_table, tables) FROM deletion_plans;

DROP FUNCTION IF EXISTS deletion_fingerprint;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_fingerprint(
    p_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_tables JSON
) RETURNS VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Digest every catalog row that a plan was compiled from, so that a change becomes visible'
BEGIN
    DECLARE v_columns, v_indexes, v_tables, v_rules, v_declared LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;  -- noqa: LT05
    DECLARE v_target TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    -- Rows are folded by exclusive or: no order to keep, and no limit of length as texts have.
    SELECT if(count(*) = 0, '', hex(bit_xor(unhex(sha2(json_array(
        c.table_schema, c.table_name, c.column_name, c.column_type, c.is_nullable,
        c.character_set_name, c.collation_name, c.column_default, c.extra
    ), 256)))))
    INTO v_columns
    FROM
        json_table(
            p_tables, '$[*]' COLUMNS (s VARCHAR(64) PATH '$.s', t VARCHAR(64) PATH '$.t')
        ) AS p
    STRAIGHT_JOIN information_schema.columns AS c ON c.table_schema = p.s AND c.table_name = p.t;  -- noqa: PRS

    SELECT if(count(*) = 0, '', hex(bit_xor(unhex(sha2(json_array(
        i.table_schema, i.table_name, i.index_name, i.non_unique, i.seq_in_index, i.column_name,
        i.sub_part, i.is_visible, i.index_type
    ), 256)))))
    INTO v_indexes
    FROM
        json_table(
            p_tables, '$[*]' COLUMNS (s VARCHAR(64) PATH '$.s', t VARCHAR(64) PATH '$.t')
        ) AS p
    STRAIGHT_JOIN information_schema.statistics AS i ON i.table_schema = p.s AND i.table_name = p.t;  -- noqa: PRS

    SELECT if(count(*) = 0, '', hex(bit_xor(unhex(sha2(json_array(
        t.table_schema, t.table_name, t.table_type, t.engine, t.create_options
    ), 256)))))
    INTO v_tables
    FROM
        json_table(
            p_tables, '$[*]' COLUMNS (s VARCHAR(64) PATH '$.s', t VARCHAR(64) PATH '$.t')
        ) AS p
    STRAIGHT_JOIN information_schema.tables AS t ON t.table_schema = p.s AND t.table_name = p.t;  -- noqa: PRS

    SELECT if(count(*) = 0, '', hex(bit_xor(unhex(sha2(json_array(
        r.child_schema, r.child_table, r.reference_name, r.action
    ), 256)))))
    INTO v_rules
    FROM deletion_rules AS r;

    SELECT if(count(*) = 0, '', hex(bit_xor(unhex(sha2(json_array(
        d.reference_name, d.child_schema, d.child_table, d.child_columns, d.parent_schema,
        d.parent_table, d.parent_columns, d.discriminator_column, d.discriminator_value, d.action
    ), 256)))))
    INTO v_declared
    FROM deletion_references AS d;

    SELECT json_array(t.table_schema, t.table_name, t.key_columns, t.key_types)
    INTO v_target
    FROM deletion_targets AS t
    WHERE t.entity_table = p_entity_table;

    -- The references stand first: each step compares them alone, which costs least and matters most.  -- noqa: LT05
    RETURN concat(deletion_fingerprint_keys(p_tables), left(sha2(concat_ws(
        '|', v_columns, v_indexes, v_tables, v_rules, v_declared, v_target
    ), 256), 32));
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_reference_problem.sql
-- deletion_reference_problem
-- Say why a reference cannot be declared like this.
--
-- Parameters  p_name                   the reference's name
--             p_child_schema           schema of the table that refers
--             p_child_table            that table
--             p_child_columns          its columns; NULL: they are none
--             p_parent_schema          schema of the table referred to
--             p_parent_table           that table
--             p_parent_columns         its columns; NULL: they are none
--             p_discriminator_column   child column that tells which table is meant, or NULL
--             p_discriminator_value    its value that means this parent, or NULL
-- Returns     text; NULL: nothing is wrong
-- Writes      nothing                              Commits  no
-- Execute     the owner only

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02
DROP FUNCTION IF EXISTS deletion_reference_problem;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_reference_problem(
    p_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_child_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_child_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_child_columns JSON,
    p_parent_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_parent_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_parent_columns JSON,
    p_discriminator_column TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_discriminator_value TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS VARCHAR(128) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Say why a reference cannot be declared like this'
BEGIN
    DECLARE v_children JSON
        DEFAULT deletion_columns(p_child_schema, p_child_table, p_child_columns);
    DECLARE v_parents JSON
        DEFAULT deletion_columns(p_parent_schema, p_parent_table, p_parent_columns);
    DECLARE v_tells JSON DEFAULT deletion_columns(
        p_child_schema, p_child_table, json_array(p_discriminator_column)
    );

    RETURN CASE
        WHEN
            deletion_is_ours(p_child_schema, p_child_table)
            OR deletion_is_ours(p_parent_schema, p_parent_table)
            THEN 'a table belongs to deletion-jobs'
        WHEN v_children IS NULL THEN 'p_child_columns are no columns of the child'
        WHEN v_parents IS NULL THEN 'p_parent_columns are no columns of the parent'
        WHEN json_length(v_children) <> json_length(v_parents)
            THEN 'child and parent columns differ in number'
        WHEN EXISTS (
            SELECT 1
            FROM json_table(
                v_children, '$[*]' COLUMNS (
                    pos INT PATH '$.pos',
                    type TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.type'
                )
            ) AS c
            INNER JOIN json_table(
                v_parents, '$[*]' COLUMNS (
                    pos INT PATH '$.pos',
                    type TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.type'
                )
            ) AS p ON p.pos = c.pos
            WHERE
                coalesce(deletion_type_family(c.type), 'none')
                <> coalesce(deletion_type_family(p.type), 'other')
        ) THEN 'child and parent columns cannot be compared'
        -- Rows that two parents share must not go with one of them.
        WHEN NOT EXISTS (
            SELECT 1
            FROM information_schema.statistics AS i
            WHERE i.table_schema = p_parent_schema AND i.table_name = p_parent_table
            GROUP BY i.index_name
            HAVING
                max(i.non_unique) = 0
                AND count(i.sub_part) = 0
                AND sum(coalesce(json_contains(p_parent_columns, json_quote(i.column_name)), 0))
                = count(*)
        ) THEN 'the parent columns hold no unique key'
        WHEN EXISTS (
            SELECT 1
            FROM information_schema.referential_constraints AS k
            WHERE
                k.constraint_schema = p_child_schema AND k.table_name = p_child_table
                AND k.constraint_name = p_name
        ) THEN 'the child has a foreign key of this name'
        WHEN (p_discriminator_column IS NULL) <> (p_discriminator_value IS NULL)
            THEN 'discriminator column and value go together'
        WHEN p_discriminator_column IS NULL THEN NULL
        WHEN v_tells IS NULL THEN 'the discriminator is no column of the child'
        WHEN json_contains(p_child_columns, json_quote(p_discriminator_column))
            THEN 'the discriminator is one of the child columns'
        WHEN deletion_key_text(
            p_discriminator_value,
            json_unquote(json_extract(v_tells, '$[0].type')),
            json_unquote(json_extract(v_tells, '$[0].text.charset'))
        ) IS NULL THEN 'the discriminator value is none of its column'
    END;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_is_ours.sql
-- deletion_is_ours
-- Tell whether a table is one of this project's own.
--
-- Parameters  p_schema   schema of the table
--             p_table    the table
-- Returns     boolean
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_is_ours('shop', 'deletion_jobs');

DROP FUNCTION IF EXISTS deletion_is_ours;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_is_ours(
    p_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS BOOLEAN
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Tell whether a table is one of the own tables of this project'
BEGIN
    RETURN p_schema = database() AND p_table IN (
        'deletion_jobs', 'deletion_targets', 'deletion_references', 'deletion_rules',
        'deletion_plans', 'deletion_plan_steps', 'deletion_runs', 'deletion_attempts',
        'deletion_frames', 'deletion_receipts', 'deletion_marks', 'deletion_settings',
        'deletion_slots', 'deletion_walk_keys', 'deletion_plan_nodes', 'deletion_plan_edges'
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_enqueue.sql
-- deletion_enqueue
-- Record jobs for rows of one target: new ones, and the ones that there are already.
--
-- Parameters  p_verb           the verb that was called
--             p_entity_table   the target, as it is registered
--             p_keys           canonical keys, a JSON array
--             p_reason         why it is asked for
--             p_hard_delete    the mode
--             p_scheduled_at   when to start, UTC; NULL: as soon as possible
--             p_created_by     the user who asks
--             p_job_id         OUT the job, where p_keys is one key
-- Errors      JD013 more jobs would be pending than max_pending allows
-- Writes      deletion_jobs, deletion_attempts     Commits  no
-- Execute     the owner only
-- Example     CALL deletion_enqueue('test', 'users', '["42"]', NULL, TRUE, NULL, NULL, @dj_id);
--
-- The caller may be in a transaction, in none, or in a trigger, and nothing tells which. So all
-- jobs are written by one statement, and rows are locked by their primary keys: that leaves no
-- gap locked in which somebody else may want to insert.

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02
DROP PROCEDURE IF EXISTS deletion_enqueue;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_enqueue(
    IN p_verb VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_keys JSON,
    IN p_reason TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_hard_delete BOOLEAN,
    IN p_scheduled_at DATETIME(6),
    IN p_created_by BIGINT UNSIGNED,
    OUT p_job_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Record jobs for rows of one target: new ones, and the ones that there are already'
BEGIN
    DECLARE v_now DATETIME(6) DEFAULT utc_timestamp(6);
    DECLARE v_rows JSON;
    DECLARE v_max_pending BIGINT DEFAULT deletion_setting_int('max_pending');
    DECLARE v_new, v_known, v_pending BIGINT DEFAULT 0;

    -- Without a lock: which of the rows have a job, as far as this transaction can see.
    SELECT
        json_arrayagg(json_object('pk', k.pk, 'id', j.id)),
        coalesce(sum(coalesce(j.status NOT IN ('pending', 'running'), TRUE)), 0),
        count(j.id),
        min(j.id)
    INTO v_rows, v_new, v_known, p_job_id
    FROM json_table(
        p_keys, '$[*]' COLUMNS (
            pk VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'
        )
    ) AS k
    LEFT JOIN deletion_jobs AS j ON j.entity_table = p_entity_table AND j.entity_pk = k.pk;

    IF v_max_pending IS NOT NULL AND v_new > 0 THEN
        SELECT count(*)
        INTO v_pending
        FROM (
            SELECT 1 AS one FROM deletion_jobs AS j WHERE j.status = 'pending' LIMIT v_max_pending
        ) AS pending;

        IF v_pending + v_new > v_max_pending THEN
            CALL deletion_raise('JD013', p_verb, 'more pending jobs than allowed', v_max_pending);
        END IF;
    END IF;

    IF v_known > 0 THEN
        CALL deletion_keep_asked(v_rows, TRUE);
    END IF;

    -- Each assignment sees the ones before it, so status comes last.
    INSERT INTO deletion_jobs (
        id, entity_table, entity_pk, reason, hard_delete, scheduled_at, created_by, created_at
    )
    SELECT
        r.id,
        p_entity_table,
        r.pk,
        p_reason,
        p_hard_delete,
        p_scheduled_at,
        p_created_by,
        v_now
    FROM json_table(
        v_rows, '$[*]' COLUMNS (
            pk VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.pk',
            id BIGINT UNSIGNED PATH '$.id'
        )
    ) AS r
    ORDER BY r.pk
    ON DUPLICATE KEY UPDATE
        id = last_insert_id(deletion_jobs.id),
        hard_delete = p_hard_delete
        OR (deletion_jobs.status IN ('pending', 'running') AND deletion_jobs.hard_delete),
        scheduled_at = CASE
            WHEN deletion_jobs.status = 'running' THEN deletion_jobs.scheduled_at
            WHEN
                deletion_jobs.status = 'pending'
                AND coalesce(deletion_jobs.scheduled_at, deletion_jobs.created_at)
                <= coalesce(p_scheduled_at, deletion_jobs.created_at)
                THEN deletion_jobs.scheduled_at
            ELSE p_scheduled_at
        END,
        reason = if(
            deletion_jobs.status IN ('pending', 'running'), deletion_jobs.reason, p_reason
        ),
        created_by = if(
            deletion_jobs.status IN ('pending', 'running'), deletion_jobs.created_by, p_created_by
        ),
        created_at = if(
            deletion_jobs.status IN ('pending', 'running'), deletion_jobs.created_at, v_now
        ),
        started_at = if(
            deletion_jobs.status IN ('pending', 'running'), deletion_jobs.started_at, NULL
        ),
        finished_at = if(
            deletion_jobs.status IN ('pending', 'running'), deletion_jobs.finished_at, NULL
        ),
        error = if(deletion_jobs.status IN ('pending', 'running'), deletion_jobs.error, NULL),
        status = if(deletion_jobs.status = 'running', 'running', 'pending');

    SET p_job_id = coalesce(p_job_id, last_insert_id());
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_keep_asked.sql
-- deletion_keep_asked
-- Keep in the attempts what a job asks for and how it ended, before its row is used again.
--
-- Parameters  p_jobs      the jobs, a JSON array of {"id"}; those not finished are passed over
--             p_is_past   TRUE: what they asked for is over, since they are armed again
-- Writes      deletion_attempts                    Commits  no
-- Execute     the owner only
-- Example     CALL deletion_keep_asked('[{"id": 42}]', TRUE);

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02
DROP PROCEDURE IF EXISTS deletion_keep_asked;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_keep_asked(
    IN p_jobs JSON,
    IN p_is_past BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Keep in the attempts what jobs ask for and how they ended'
BEGIN
    DECLARE v_finished, v_missing, v_open JSON;

    -- Lock order: the job rows first, then their attempts.
    SELECT json_arrayagg(j.id)
    INTO v_finished
    FROM json_table(p_jobs, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$.id')) AS p
    STRAIGHT_JOIN deletion_jobs AS j ON j.id = p.id
    WHERE j.status IN ('done', 'failed', 'cancelled')
    FOR UPDATE OF j;

    -- The attempts are looked up without locks and written by their whole keys: a range would
    -- lock the gap behind it, in which a claim has to insert.
    SELECT json_arrayagg(json_object('job', f.id, 'no', f.next_no))
    INTO v_missing
    FROM (
        SELECT
            t.id,
            coalesce(max(a.attempt_no), 0) + 1 AS next_no
        FROM json_table(v_finished, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$')) AS t
        LEFT JOIN deletion_attempts AS a ON a.job_id = t.id
        GROUP BY t.id
        HAVING coalesce(min(a.is_past), TRUE)
    ) AS f;

    SELECT json_arrayagg(json_object('job', a.job_id, 'no', a.attempt_no))
    INTO v_open
    FROM json_table(v_finished, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$')) AS t
    INNER JOIN deletion_attempts AS a ON a.job_id = t.id
    WHERE NOT a.is_past;

    INSERT INTO deletion_attempts (
        job_id, attempt_no, started_at, ended_at, outcome, error, is_past,
        asked_reason, asked_hard_delete, asked_scheduled_at, asked_by, asked_at
    )
    SELECT
        j.id,
        m.attempt_no,
        j.started_at,
        j.finished_at,
        j.status,
        j.error,
        p_is_past,
        j.reason,
        j.hard_delete,
        j.scheduled_at,
        j.created_by,
        j.created_at
    FROM json_table(
        v_missing, '$[*]' COLUMNS (
            job_id BIGINT UNSIGNED PATH '$.job',
            attempt_no INT PATH '$.no'
        )
    ) AS m
    STRAIGHT_JOIN deletion_jobs AS j ON j.id = m.job_id
    -- Without a transaction of the caller's, somebody else may have armed the job meanwhile.
    WHERE j.status IN ('done', 'failed', 'cancelled')
    ON DUPLICATE KEY UPDATE is_past = p_is_past;

    UPDATE json_table(
        v_open, '$[*]' COLUMNS (
            job_id BIGINT UNSIGNED PATH '$.job',
            attempt_no INT PATH '$.no'
        )
    ) AS o
    STRAIGHT_JOIN deletion_attempts AS a ON a.job_id = o.job_id AND a.attempt_no = o.attempt_no
    STRAIGHT_JOIN deletion_jobs AS j ON j.id = o.job_id
    SET
        a.is_past = p_is_past,
        a.asked_reason = if(a.asked_at IS NULL, j.reason, a.asked_reason),
        a.asked_hard_delete = if(a.asked_at IS NULL, j.hard_delete, a.asked_hard_delete),
        a.asked_scheduled_at = if(a.asked_at IS NULL, j.scheduled_at, a.asked_scheduled_at),
        a.asked_by = if(a.asked_at IS NULL, j.created_by, a.asked_by),
        a.asked_at = coalesce(a.asked_at, j.created_at);
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_check_wish.sql
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
    ELSEIF NOT p_hard_delete THEN
        CALL deletion_raise('JD011', p_verb, 'table has no soft-delete column', p_entity_table);
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_parse_keys.sql
-- deletion_parse_keys
-- Read many keys strictly, and give them in canonical form, each once.
--
-- Parameters  p_entity_table   the target, as it is registered
--             p_pks            a JSON array of keys: texts and numbers, arrays where composite
--             p_verb           the verb that was called
--             p_keys           OUT the texts that stand for them, a JSON array
-- Errors      JD002 no array, or a key that does not parse
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     CALL deletion_parse_keys('customer', '[1, "2"]', 'enqueue_deletions', @dj_keys);

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02
DROP PROCEDURE IF EXISTS deletion_parse_keys;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_parse_keys(
    IN p_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_pks JSON,
    IN p_verb VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    OUT p_keys JSON
)
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Read many keys strictly, and give them in canonical form, each once'
BEGIN
    DECLARE v_types, v_collations JSON;
    DECLARE v_wrong TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    IF p_pks IS NULL OR json_type(p_pks) <> 'ARRAY' THEN
        CALL deletion_raise('JD002', p_verb, 'p_pks is no JSON array', p_pks);
    END IF;

    SELECT t.key_types, t.key_collations
    INTO v_types, v_collations
    FROM deletion_targets AS t
    WHERE t.entity_table = p_entity_table;

    -- An array is a key only where the key has several columns, since texts are taken as they are.
    SELECT
        coalesce(json_arrayagg(k.pk), json_array()),
        min(if(k.pk IS NULL OR char_length(k.pk) > 64, k.given, NULL))
    INTO p_keys, v_wrong
    FROM (
        SELECT
            g.pk,
            min(g.given) AS given
        FROM (
            SELECT
                coalesce(cast(e.item AS CHAR), 'null') AS given,
                deletion_key_texts(
                    v_types,
                    v_collations,
                    CASE json_type(e.item)
                        WHEN 'STRING' THEN json_unquote(e.item)
                        WHEN 'INTEGER' THEN cast(e.item AS CHAR)
                        WHEN 'UNSIGNED INTEGER' THEN cast(e.item AS CHAR)
                        WHEN 'DOUBLE' THEN cast(e.item AS CHAR)
                        WHEN 'ARRAY' THEN if(json_length(v_types) > 1, cast(e.item AS CHAR), NULL)
                    END
                ) AS pk
            FROM json_table(p_pks, '$[*]' COLUMNS (item JSON PATH '$')) AS e
        ) AS g
        GROUP BY g.pk
    ) AS k;

    IF v_wrong IS NOT NULL THEN
        CALL deletion_raise('JD002', p_verb, concat('not a key of ', p_entity_table), v_wrong);
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_key_texts.sql
-- deletion_key_texts
-- Read a key of one or several columns strictly, and give the one text that stands for it.
--
-- Parameters  p_types        types of the key's columns, a JSON array
--             p_collations   their {"charset", "collation"}, a JSON array
--             p_pk           the key as text; of several columns a JSON array of their values
-- Returns     text, of any length; NULL: it does not parse
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_key_texts('["date", "int"]', '[null, null]', '["2024-02-29", 7]');

DROP FUNCTION IF EXISTS deletion_key_texts;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_key_texts(
    p_types JSON,
    p_collations JSON,
    p_pk TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Read a key of one or several columns strictly'
BEGIN
    DECLARE v_value JSON;
    DECLARE v_count, v_pos INT DEFAULT 0;
    DECLARE v_text, v_key TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    -- Most keys are plain numbers beyond doubt: a third of the time of the whole way.
    IF
        p_types IN (cast('["int"]' AS JSON), cast('["bigint"]' AS JSON))
        AND char_length(p_pk) BETWEEN 1 AND 9
        AND p_pk NOT LIKE '0%'
        AND p_pk NOT REGEXP '[^0-9]'
    THEN
        RETURN p_pk;
    END IF;

    SET v_count = json_length(p_types);

    IF v_count = 1 THEN
        RETURN deletion_key_text(
            p_pk,
            json_unquote(json_extract(p_types, '$[0]')),
            json_unquote(json_extract(p_collations, '$[0].charset'))
        );
    END IF;

    IF NOT coalesce(json_valid(p_pk), FALSE) THEN
        RETURN NULL;
    ELSEIF json_type(p_pk) <> 'ARRAY' OR json_length(p_pk) <> v_count THEN
        RETURN NULL;
    END IF;

    SET v_key = '[';

    -- NULL, once it is there, stays.
    WHILE v_pos < v_count DO
        SET v_value = json_extract(p_pk, concat('$[', v_pos, ']'));
        SET v_text = if(
            json_type(v_value) IN ('STRING', 'INTEGER', 'UNSIGNED INTEGER', 'DOUBLE'),
            deletion_key_text(
                json_unquote(v_value),
                json_unquote(json_extract(p_types, concat('$[', v_pos, ']'))),
                json_unquote(json_extract(p_collations, concat('$[', v_pos, '].charset')))
            ),
            NULL
        );
        SET v_pos = v_pos + 1;
        SET v_key = concat(v_key, json_quote(v_text), if(v_pos < v_count, ',', ']'));
    END WHILE;

    RETURN v_key;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_key_string.sql
-- deletion_key_string
-- Read a key value that is a string of characters, of bytes, or a label, strictly.
--
-- Parameters  p_text      the value as text; bytes as hexadecimal digits, after 0x or not
--             p_type      type of its column: CHAR, VARCHAR, BINARY, VARBINARY or ENUM
--             p_charset   character set of its column; NULL: none
-- Returns     text as the type prints it, bytes as HEX() does; NULL: it does not parse
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_key_string('0x00ff', 'varbinary(16)', NULL);
--
-- Letters stay as they are given. Under a collation that ignores case, 'abc' and 'ABC' name one
-- row and are two jobs; the second finds the row gone, which is no error.

DROP FUNCTION IF EXISTS deletion_key_string;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_key_string(
    p_text TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_type TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_charset VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Read a key value that is a string of characters, of bytes, or a label, strictly'
BEGIN
    DECLARE v_family VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
        DEFAULT regexp_substr(p_type, '^[a-z]+');
    DECLARE v_size INT DEFAULT regexp_substr(
        if(v_family = 'enum', '0', p_type), '[0-9]+'
    );
    DECLARE v_text TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin DEFAULT p_text;

    IF v_family IN ('binary', 'varbinary') THEN
        SET v_text = upper(if(p_text LIKE '0x%', substring(p_text, 3), p_text));

        RETURN if(
            v_text REGEXP '[^0-9A-F]'
            OR char_length(v_text) % 2 = 1
            OR char_length(v_text) > 2 * v_size
            -- A short value would be filled up by the column and be another one.
            OR (v_family = 'binary' AND char_length(v_text) < 2 * v_size),
            NULL,
            v_text
        );
    END IF;

    IF v_family = 'enum' THEN
        -- Labels alone count: the column itself would take the number of a label as well.
        RETURN if(
            locate(
                concat(',''', replace(p_text, '''', ''''''), ''','),
                concat(',', substring(p_type, 6, char_length(p_type) - 6), ',')
            ) > 0,
            p_text,
            NULL
        );
    END IF;

    -- A CHAR column gives its values back without the blanks at their end.
    IF v_family = 'char' THEN
        SET v_text = trim(TRAILING ' ' FROM p_text);
    END IF;

    RETURN if(
        char_length(v_text) > v_size OR NOT deletion_fits_charset(v_text, p_charset), NULL, v_text
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_find_table.sql
-- deletion_find_table
-- Find a table of the application by the name that somebody gave.
--
-- Parameters  p_name     the table as the catalog spells it, or its schema, a dot and the table
--             p_verb     the verb that was called
--             p_schema   OUT schema of the table
--             p_table    OUT the table
-- Errors      JD005 no such table; a system table, a view, partitioned, or not in InnoDB
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     CALL deletion_find_table('customer', 'test', @dj_schema, @dj_table);

DROP PROCEDURE IF EXISTS deletion_find_table;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_find_table(
    IN p_name TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_verb VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    OUT p_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    OUT p_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Find a table of the application by the name that somebody gave'
BEGIN
    DECLARE v_schema, v_table TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_type, v_engine VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_options TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SET v_schema = database(), v_table = p_name;

    -- A name may hold a dot itself; so the whole of it in our own schema comes first.
    IF locate('.', p_name) > 0 AND NOT EXISTS (
        SELECT 1
        FROM information_schema.tables AS t
        WHERE t.table_schema = v_schema AND t.table_name = v_table
    ) THEN
        SET v_schema = substring_index(p_name, '.', 1);
        SET v_table = substring(p_name, char_length(v_schema) + 2);
    END IF;

    -- The catalog may compare letters regardless of case, depending on the server.
    SELECT t.table_schema, t.table_name, t.table_type, t.engine, t.create_options
    INTO p_schema, p_table, v_type, v_engine, v_options
    FROM information_schema.tables AS t
    WHERE
        t.table_schema = v_schema
        AND t.table_name = v_table
        AND cast(t.table_schema AS BINARY) = cast(v_schema AS BINARY)
        AND cast(t.table_name AS BINARY) = cast(v_table AS BINARY);

    IF p_table IS NULL THEN
        CALL deletion_raise(
            'JD005',
            p_verb,
            'no such table that deletion_jobs_owner can see',
            p_name
        );
    ELSEIF p_schema IN ('mysql', 'information_schema', 'performance_schema', 'sys') THEN
        CALL deletion_raise('JD005', p_verb, 'table is a system table', p_name);
    ELSEIF v_type <> 'BASE TABLE' THEN
        CALL deletion_raise('JD005', p_verb, 'table is a view', p_name);
    ELSEIF v_engine <> 'InnoDB' THEN
        CALL deletion_raise('JD005', p_verb, 'table is not in InnoDB', p_name);
    ELSEIF v_options LIKE '%partitioned%' THEN
        CALL deletion_raise('JD005', p_verb, 'table is partitioned', p_name);
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/admin/compile_deletion_plan.sql
-- compile_deletion_plan
-- Compile the plan of a target now, to read it in vw_deletion_plan before anything is deleted.
--
-- Parameters  p_table   the target
-- Errors      JD002 NULL; JD004 the table is no target; JD005 a table that cannot take part;
--             JD007 tables that refer to each other in a circle
-- Writes      deletion_plans, deletion_plan_steps  Commits  no
-- Execute     the owner only (DBAs)
-- Example     CALL compile_deletion_plan('users');

DROP PROCEDURE IF EXISTS compile_deletion_plan;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE compile_deletion_plan(
    IN p_table LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Compile the plan of a target now, to read it in vw_deletion_plan before anything is deleted'  -- noqa: LT05
BEGIN
    DECLARE v_plan_id BIGINT UNSIGNED;

    CALL deletion_current_plan(p_table, 'compile_deletion_plan', v_plan_id);
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/admin/set_deletion_rule.sql
-- set_deletion_rule
-- Decide what happens to the rows behind one reference, whatever the catalog says.
--
-- Parameters  p_child_table   the table that refers
--             p_reference     its foreign key's constraint, or the declared reference
--             p_action        cascade, set_null, set_default, restrict, or keep where declared;
--                             NULL: what the catalog or the declaration says holds again
-- Errors      JD002 NULL, no such reference or action; JD005 no such table
-- Writes      deletion_rules (one row)             Commits  no
-- Execute     the owner only (DBAs)
-- Example     CALL set_deletion_rule('invoice', 'fk_invoice_customer', 'restrict');

DROP PROCEDURE IF EXISTS set_deletion_rule;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE set_deletion_rule(
    IN p_child_table TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_reference TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_action TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Decide what happens to the rows behind one reference, whatever the catalog says'
BEGIN
    DECLARE v_schema, v_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_is_key, v_is_declared BOOLEAN;

    IF p_child_table IS NULL OR p_reference IS NULL THEN
        CALL deletion_raise('JD002', 'set_deletion_rule', 'table or reference is NULL', NULL);
    END IF;

    -- A rule may be taken back when its table is gone.
    IF p_action IS NULL THEN
        DELETE FROM deletion_rules AS r
        WHERE
            r.reference_name = p_reference
            AND p_child_table IN (
                deletion_entity_name(r.child_schema, r.child_table),
                concat(r.child_schema, '.', r.child_table)
            );
    END IF;

    IF p_action IS NOT NULL OR row_count() = 0 THEN
        CALL deletion_find_table(p_child_table, 'set_deletion_rule', v_schema, v_table);

        SET v_is_key = (
            SELECT count(*) > 0
            FROM information_schema.referential_constraints AS k
            WHERE
                k.constraint_schema = v_schema AND k.table_name = v_table
                AND k.constraint_name = p_reference
        );
        SET v_is_declared = (
            SELECT count(*) > 0
            FROM deletion_references AS d
            WHERE
                d.reference_name = p_reference
                AND d.child_schema = v_schema AND d.child_table = v_table
        );

        IF NOT v_is_key AND NOT v_is_declared THEN
            CALL deletion_raise(
                'JD002',
                'set_deletion_rule',
                concat('no such reference of ', left(p_child_table, 64)),
                p_reference
            );
        ELSEIF p_action NOT IN ('cascade', 'set_null', 'set_default', 'restrict', 'keep') THEN
            CALL deletion_raise('JD002', 'set_deletion_rule', 'no such action', p_action);
        ELSEIF p_action = 'keep' AND NOT v_is_declared THEN
            CALL deletion_raise(
                'JD002',
                'set_deletion_rule',
                'rows of a foreign key cannot be kept: no action keep',
                p_reference
            );
        ELSEIF p_action NOT IN ('set_null', 'restrict') AND deletion_is_ours(v_schema, v_table) THEN
            CALL deletion_raise(
                'JD002', 'set_deletion_rule', 'table belongs to deletion-jobs', p_child_table
            );
        END IF;
    END IF;

    IF p_action IS NOT NULL THEN
        INSERT INTO deletion_rules (child_schema, child_table, reference_name, action)
        VALUES (v_schema, v_table, p_reference, p_action)
        ON DUPLICATE KEY UPDATE action = p_action, created_at = utc_timestamp(6);
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/admin/declare_deletion_reference.sql
-- declare_deletion_reference
-- Declare that columns point at another table, where the catalog has no foreign key for it.
--
-- Parameters  p_name                   the reference's name; again: changes it
--             p_child_table            the table that refers
--             p_child_columns          its columns, a JSON array
--             p_parent_table           the table referred to
--             p_parent_columns         the columns of a unique key of it, in the same order
--             p_action                 cascade, set_null, set_default, restrict or keep;
--                                      NULL: forget the reference
--             p_discriminator_column   child column that tells which table is meant, or NULL
--             p_discriminator_value    its value that means this parent, or NULL
-- Errors      JD002 what does not fit; JD005 no such table
-- Writes      deletion_references (one row), deletion_rules     Commits  no
-- Execute     the owner only (DBAs)
-- Example     CALL declare_deletion_reference('comment_post', 'comment', '["about_id"]',
--             'post', '["id"]', 'cascade', 'about_type', 'Post');

DROP PROCEDURE IF EXISTS declare_deletion_reference;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE declare_deletion_reference(
    IN p_name TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_child_table TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_child_columns JSON,
    IN p_parent_table TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_parent_columns JSON,
    IN p_action TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_discriminator_column TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_discriminator_value TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Declare that columns point at another table, where the catalog has no foreign key for it'
BEGIN
    DECLARE v_child_schema, v_child_table VARCHAR(64)
        CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_parent_schema, v_parent_table VARCHAR(64)
        CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_what VARCHAR(128) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SET v_what = CASE
        WHEN coalesce(p_name, '') = '' THEN 'p_name is NULL or empty'
        WHEN char_length(p_name) > 64 THEN 'p_name is longer than 64 characters'
        WHEN p_action IS NULL THEN NULL
        WHEN p_action NOT IN ('cascade', 'set_null', 'set_default', 'restrict', 'keep')
            THEN 'no such action'
        WHEN p_child_table IS NULL OR p_parent_table IS NULL THEN 'a table is NULL'
    END;

    IF v_what IS NOT NULL THEN
        CALL deletion_raise(
            'JD002', 'declare_deletion_reference', v_what, coalesce(p_action, p_name)
        );
    END IF;

    IF p_action IS NOT NULL THEN
        CALL deletion_find_table(
            p_child_table, 'declare_deletion_reference', v_child_schema, v_child_table
        );
        CALL deletion_find_table(
            p_parent_table, 'declare_deletion_reference', v_parent_schema, v_parent_table
        );
        SET v_what = deletion_reference_problem(
            p_name,
            v_child_schema,
            v_child_table,
            p_child_columns,
            v_parent_schema,
            v_parent_table,
            p_parent_columns,
            p_discriminator_column,
            p_discriminator_value
        );
    END IF;

    IF v_what IS NOT NULL THEN
        CALL deletion_raise('JD002', 'declare_deletion_reference', v_what, p_name);
    END IF;

    -- A rule is about the reference as it was: it goes where the child is another one.
    DELETE r
    FROM deletion_rules AS r
    INNER JOIN deletion_references AS d
        ON
            d.reference_name = r.reference_name
            AND d.child_schema = r.child_schema
            AND d.child_table = r.child_table
    WHERE
        d.reference_name = p_name
        AND (
            v_child_table IS NULL
            OR d.child_schema <> v_child_schema
            OR d.child_table <> v_child_table
        );

    IF p_action IS NULL THEN
        DELETE FROM deletion_references AS d WHERE d.reference_name = p_name;
    ELSE
        REPLACE INTO deletion_references (
            reference_name, child_schema, child_table, child_columns, parent_schema, parent_table,
            parent_columns, discriminator_column, discriminator_value, action
        )
        VALUES (
            p_name, v_child_schema, v_child_table, p_child_columns, v_parent_schema, v_parent_table,
            p_parent_columns, p_discriminator_column, p_discriminator_value, p_action
        );
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/admin/unregister_deletion_target.sql
-- unregister_deletion_target
-- Allow no further deletions from a table; jobs that have ended stay as history.
--
-- Parameters  p_table   the target, which may be gone itself
-- Errors      JD002 NULL; JD003 jobs of it are pending or running; JD004 table is no target
-- Writes      deletion_targets (one row), deletion_plans     Commits  no
-- Execute     the owner only (DBAs)
-- Example     CALL unregister_deletion_target('customer');

DROP PROCEDURE IF EXISTS unregister_deletion_target;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE unregister_deletion_target(
    IN p_table TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Allow no further deletions from a table; jobs that have ended stay as history'
BEGIN
    DECLARE v_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SET v_entity_table = deletion_target_name(p_table);

    IF p_table IS NULL THEN
        CALL deletion_raise('JD002', 'unregister_deletion_target', 'p_table is NULL', NULL);
    ELSEIF v_entity_table IS NULL THEN
        CALL deletion_raise('JD004', 'unregister_deletion_target', 'table is no target', p_table);
    ELSEIF deletion_has_open_jobs(v_entity_table) THEN
        CALL deletion_raise(
            'JD003', 'unregister_deletion_target', 'jobs are pending or running', v_entity_table
        );
    END IF;

    DELETE FROM deletion_targets AS t WHERE t.entity_table = v_entity_table;

    UPDATE deletion_plans AS p
    SET p.superseded_at = utc_timestamp(6)
    WHERE p.entity_table = v_entity_table AND p.superseded_at IS NULL;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/admin/register_deletion_target.sql
-- register_deletion_target
-- Allow deletions from a table, and fix the key by which its rows are named.
--
-- Parameters  p_table         the table, with or without its schema
--             p_key_columns   JSON array of the columns of a NOT NULL unique key, in the order
--                             in which jobs name them; NULL: the primary key
--             p_max_rows      a job that would change more rows fails; NULL: the setting max_rows
-- Errors      JD002 no such key, limit below 1; JD003 another key while jobs are open; JD005 no
--             such table, one of ours, no key, or a key of a type that does not compare exactly
-- Writes      deletion_targets (one row; again: changes it)     Commits  no
-- Execute     the owner only (DBAs)
-- Example     CALL register_deletion_target('customer', NULL, NULL);

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02
DROP PROCEDURE IF EXISTS register_deletion_target;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE register_deletion_target(
    IN p_table TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_key_columns JSON,
    IN p_max_rows BIGINT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Allow deletions from a table, and fix the key by which its rows are named'
BEGIN
    DECLARE v_schema, v_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_entity_table VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_bad_column TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_columns, v_described, v_types, v_collations, v_kept JSON;

    IF p_table IS NULL THEN
        CALL deletion_raise('JD002', 'register_deletion_target', 'p_table is NULL', NULL);
    ELSEIF p_max_rows < 1 THEN
        CALL deletion_raise(
            'JD002', 'register_deletion_target', 'p_max_rows is below 1', p_max_rows
        );
    END IF;

    CALL deletion_find_table(p_table, 'register_deletion_target', v_schema, v_table);
    SET v_entity_table = deletion_entity_name(v_schema, v_table);

    IF deletion_is_ours(v_schema, v_table) THEN
        CALL deletion_raise(
            'JD005', 'register_deletion_target', 'table belongs to deletion-jobs', p_table
        );
    ELSEIF char_length(v_entity_table) > 64 THEN
        CALL deletion_raise(
            'JD005',
            'register_deletion_target',
            'name is longer than 64 characters',
            v_entity_table
        );
    END IF;

    SET v_columns = deletion_unique_key(v_schema, v_table, p_key_columns);

    IF v_columns IS NULL AND p_key_columns IS NULL THEN
        CALL deletion_raise(
            'JD005', 'register_deletion_target', 'table has no primary key', p_table
        );
    ELSEIF v_columns IS NULL THEN
        CALL deletion_raise(
            'JD002',
            'register_deletion_target',
            concat('no NOT NULL unique key of ', v_entity_table),
            p_key_columns
        );
    END IF;

    SET v_described = deletion_columns(v_schema, v_table, v_columns);
    SET v_types = json_extract(v_described, '$[*].type');
    SET v_collations = json_extract(v_described, '$[*].text');

    SELECT min(concat(c.name, ' ', c.type))
    INTO v_bad_column
    FROM json_table(
        v_described, '$[*]' COLUMNS (
            name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.name',
            type TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.type'
        )
    ) AS c
    WHERE deletion_type_family(c.type) IS NULL;

    IF v_bad_column IS NOT NULL THEN
        CALL deletion_raise(
            'JD005', 'register_deletion_target', 'key does not compare exactly', v_bad_column
        );
    END IF;

    SELECT t.key_columns INTO v_kept
    FROM deletion_targets AS t
    WHERE t.entity_table = v_entity_table;

    -- The keys of open jobs would come to mean other rows.
    IF v_kept <> v_columns AND deletion_has_open_jobs(v_entity_table) THEN
        CALL deletion_raise(
            'JD003',
            'register_deletion_target',
            'jobs by another key are still open',
            v_entity_table
        );
    END IF;

    INSERT INTO deletion_targets (
        entity_table, table_schema, table_name, key_columns, key_types, key_collations, plain_key,
        max_rows
    )
    VALUES (
        v_entity_table, v_schema, v_table, v_columns, v_types, v_collations,
        deletion_plain_key(v_types), p_max_rows
    )
    ON DUPLICATE KEY UPDATE
        key_columns = v_columns,
        key_types = v_types,
        key_collations = v_collations,
        plain_key = deletion_plain_key(v_types),
        max_rows = p_max_rows;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/admin/run_deletion_job.sql
-- run_deletion_job
-- Work one pending deletion job now, in the foreground, whenever it was scheduled for.
--
-- Parameters  p_job_id   the job
--             p_status   OUT the job's status afterwards
-- Errors      JD001 no such job; JD002 NULL; JD003 the job is not pending
-- Writes      the application's tables, and all tables of runs and jobs     Commits  yes
-- Execute     deletion_jobs_operator
-- Example     CALL run_deletion_job(42, @dj_status);
--
-- A transaction that the session has left open is rolled back first.

DROP PROCEDURE IF EXISTS run_deletion_job;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE run_deletion_job(
    IN p_job_id BIGINT UNSIGNED,
    OUT p_status VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Work one pending deletion job now, in the foreground, whenever it was scheduled for'
BEGIN
    DECLARE v_run_id BIGINT UNSIGNED;
    DECLARE v_token CHAR(36) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_job_count INT;
    DECLARE v_saved JSON;
    DECLARE v_is_ours BOOLEAN;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        ROLLBACK;

        IF v_saved IS NOT NULL THEN
            CALL deletion_session(v_saved);
        END IF;

        RESIGNAL;
    END;

    IF p_job_id IS NULL THEN
        CALL deletion_raise('JD002', 'run_deletion_job', 'p_job_id is NULL', NULL);
    END IF;

    CALL deletion_enter(NULL, v_is_ours);
    CALL deletion_session(v_saved);
    CALL deletion_recover();
    CALL deletion_claim(NULL, p_job_id, v_run_id, v_token, v_job_count);

    IF v_token IS NOT NULL THEN
        CALL deletion_work(v_run_id, v_token, '9999-12-31');
    END IF;

    CALL deletion_session(v_saved);
    SET p_status = (SELECT j.status FROM deletion_jobs AS j WHERE j.id = p_job_id);
END$$
DELIMITER ;

GRANT EXECUTE ON PROCEDURE run_deletion_job
TO 'deletion_jobs_operator';
-- <<<

-- >>> procedures/mysql/admin/run_deletion_jobs.sql
-- run_deletion_jobs
-- Work due deletion jobs until none is due or the time is over; the schedulers call this.
--
-- Parameters  p_slot          the worker's slot, one call at a time in each; NULL: no slot
--             p_run_seconds   how long to work; NULL: the setting run_seconds
-- Errors      JD002 not a positive number
-- Writes      the application's tables, and all tables of runs and jobs     Commits  yes
-- Execute     deletion_jobs_worker, deletion_jobs_operator
-- Example     CALL run_deletion_jobs(NULL, NULL);
--
-- A transaction that the session has left open is rolled back first.

DROP PROCEDURE IF EXISTS run_deletion_jobs;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE run_deletion_jobs(
    IN p_slot INT,
    IN p_run_seconds INT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Work due deletion jobs until none is due or the time is over; the schedulers call this'
BEGIN
    DECLARE v_until DATETIME(6) DEFAULT timestampadd(  -- noqa: PRS
        SECOND, coalesce(p_run_seconds, deletion_setting_int('run_seconds')), utc_timestamp(6)
    );
    DECLARE v_run_id BIGINT UNSIGNED;
    DECLARE v_token CHAR(36) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_job_count INT;
    DECLARE v_jobs BIGINT DEFAULT 0;
    DECLARE v_saved JSON;
    DECLARE v_is_ours, v_goes_on BOOLEAN DEFAULT TRUE;
    DECLARE v_again BOOLEAN;
    DECLARE v_number INT;
    DECLARE v_message LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        GET STACKED DIAGNOSTICS v_number = NUMBER;
        GET STACKED DIAGNOSTICS CONDITION v_number v_message = MESSAGE_TEXT;
        ROLLBACK;

        IF v_saved IS NOT NULL THEN
            CALL deletion_leave(p_slot, 'failed', v_message, v_jobs);
            CALL deletion_session(v_saved);
        END IF;

        RESIGNAL;
    END;

    IF p_slot <= 0 OR p_run_seconds <= 0 THEN
        CALL deletion_raise(
            'JD002', 'run_deletion_jobs', 'not a positive number',
            concat(coalesce(p_slot, 'NULL'), ', ', coalesce(p_run_seconds, 'NULL'))
        );
    END IF;

    CALL deletion_enter(p_slot, v_is_ours);

    IF v_is_ours THEN
        CALL deletion_session(v_saved);

        WHILE v_goes_on DO
            SET v_again = FALSE;

            BEGIN
                -- Two workers may meet in the queue: whoever was rolled back begins anew.
                DECLARE EXIT HANDLER FOR 1205, 1213  -- noqa: PRS
                BEGIN
                    ROLLBACK;
                    SET v_again = TRUE, v_run_id = NULL, v_token = NULL, v_job_count = NULL;
                END;

                CALL deletion_recover();
                CALL deletion_claim(p_slot, NULL, v_run_id, v_token, v_job_count);
            END;

            IF v_token IS NOT NULL THEN
                CALL deletion_work(v_run_id, v_token, v_until);
            END IF;

            SET v_jobs = v_jobs + coalesce(v_job_count, 0);
            SET v_goes_on = (v_again OR v_run_id IS NOT NULL) AND utc_timestamp(6) < v_until;
        END WHILE;

        CALL deletion_leave(p_slot, CASE
            WHEN deletion_setting('paused_reason') IS NOT NULL THEN 'paused'
            WHEN v_jobs > 0 THEN 'worked'
            ELSE 'idle'
        END, NULL, v_jobs);
        CALL deletion_session(v_saved);
    END IF;
END$$
DELIMITER ;

GRANT EXECUTE ON PROCEDURE run_deletion_jobs
TO 'deletion_jobs_worker', 'deletion_jobs_operator';
-- <<<

-- >>> procedures/mysql/admin/preview_deletion.sql
-- preview_deletion
-- Say, table by table, what deleting a row would do; nothing is changed.
--
-- Parameters  p_table   the target                 p_pk   key of the row
-- Returns     rows of table_name, action (delete, set_null, set_default, restrict, root_not_found),
--             reference_name (of what blocks), row_count, is_at_least (the walk was cut short)
-- Errors      JD002 NULL, or a key that does not parse; JD004 the table is no target; JD005,
--             JD007 as the plan's; the engine's own where a right is missing
-- Writes      deletion_walk_keys, emptied again; deletion_plans     Commits  no
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
    DECLARE v_saved JSON;
    DECLARE v_error TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        -- A caller's transaction is the caller's to roll back.
        DELETE FROM deletion_walk_keys WHERE walk_id = v_walk_id;

        IF v_saved IS NOT NULL THEN
            SET SESSION
                time_zone = json_unquote(json_extract(v_saved, '$[0]')),
                cte_max_recursion_depth = cast(json_extract(v_saved, '$[1]') AS UNSIGNED);
        END IF;

        RESIGNAL;
    END;

    IF p_table IS NULL THEN
        CALL deletion_raise('JD002', 'preview_deletion', 'p_table is NULL', NULL);
    ELSEIF deletion_target_name(p_table) IS NULL THEN
        CALL deletion_raise('JD004', 'preview_deletion', 'table is no target', p_table);
    END IF;

    CALL deletion_parse_key(deletion_target_name(p_table), p_pk, 'preview_deletion', v_pk);
    CALL deletion_current_plan(p_table, 'preview_deletion', v_plan_id);
    CALL deletion_missing_privilege(v_plan_id, v_error);

    IF v_error IS NOT NULL THEN
        SET v_error = left(concat('preview_deletion: ', v_error), 128);
        SIGNAL SQLSTATE '42000' SET MYSQL_ERRNO = 1142, MESSAGE_TEXT = v_error;
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
    CALL deletion_seed_walk(v_walk_id, @dj_answer);

    WHILE v_read IS NOT NULL AND v_total < deletion_setting_int('preview_rows') DO
        CALL deletion_walk(v_walk_id, v_plan_id, TRUE, v_read);
        SET v_total = v_total + coalesce(v_read, 0);
    END WHILE;

    CALL deletion_fates(v_walk_id, v_plan_id, v_read IS NOT NULL);
    DELETE FROM deletion_walk_keys WHERE walk_id = v_walk_id;
    SET SESSION
        time_zone = json_unquote(json_extract(v_saved, '$[0]')),
        cte_max_recursion_depth = cast(json_extract(v_saved, '$[1]') AS UNSIGNED);
END$$
DELIMITER ;

GRANT EXECUTE ON PROCEDURE preview_deletion
TO 'deletion_jobs_operator';
-- <<<

-- >>> procedures/mysql/admin/retry_deletion.sql
-- retry_deletion
-- Make a failed or cancelled job pending again, with all its attempts before it.
--
-- Parameters  p_job_id   the job
-- Errors      JD001 no such job; JD002 NULL; JD003 the job did not fail and was not cancelled
-- Writes      deletion_jobs (one row), deletion_attempts     Commits  no
-- Execute     deletion_jobs_operator
-- Example     CALL retry_deletion(42);

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02
DROP PROCEDURE IF EXISTS retry_deletion;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE retry_deletion(
    IN p_job_id BIGINT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Make a failed or cancelled job pending again, with all its attempts before it'
BEGIN
    DECLARE v_status VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    IF p_job_id IS NULL THEN
        CALL deletion_raise('JD002', 'retry_deletion', 'p_job_id is NULL', NULL);
    END IF;

    SELECT j.status INTO v_status FROM deletion_jobs AS j WHERE j.id = p_job_id FOR UPDATE;

    IF v_status IS NULL THEN
        CALL deletion_raise('JD001', 'retry_deletion', 'no such job', p_job_id);
    ELSEIF v_status NOT IN ('failed', 'cancelled') THEN
        CALL deletion_raise('JD003', 'retry_deletion', concat('job is ', v_status), p_job_id);
    END IF;

    CALL deletion_keep_asked(json_array(json_object('id', p_job_id)), TRUE);

    UPDATE deletion_jobs AS j
    SET
        j.status = 'pending',
        j.scheduled_at = NULL,
        j.started_at = NULL,
        j.finished_at = NULL,
        j.error = NULL
    WHERE j.id = p_job_id AND j.status = v_status;
END$$
DELIMITER ;

GRANT EXECUTE ON PROCEDURE retry_deletion
TO 'deletion_jobs_operator';
-- <<<

-- >>> procedures/mysql/api/cancel_deletion.sql
-- cancel_deletion
-- Ask a deletion job to stop; rows already deleted stay deleted.
--
-- Parameters  p_job_id   the job: a pending one is cancelled at once, a running one is asked to
--                        stop between two batches, and may be asked again
-- Errors      JD001 no such job; JD002 NULL; JD003 already finished
-- Writes      deletion_jobs (one row), deletion_attempts     Commits  no
-- Execute     deletion_jobs_app, deletion_jobs_operator
-- Example     CALL cancel_deletion(42);

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02
DROP PROCEDURE IF EXISTS cancel_deletion;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE cancel_deletion(
    IN p_job_id BIGINT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Ask a deletion job to stop; rows already deleted stay deleted'
BEGIN
    DECLARE v_now DATETIME(6) DEFAULT utc_timestamp(6);
    DECLARE v_status, v_outcome VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_attempt_no INT;

    IF p_job_id IS NULL THEN
        CALL deletion_raise('JD002', 'cancel_deletion', 'p_job_id is NULL', NULL);
    END IF;

    -- Job row first, then its attempts: the order of every writer.
    SELECT j.status INTO v_status FROM deletion_jobs AS j WHERE j.id = p_job_id FOR UPDATE;

    IF v_status IS NULL THEN
        CALL deletion_raise('JD001', 'cancel_deletion', 'no such job', p_job_id);
    ELSEIF v_status = 'running' THEN
        SELECT
            a.attempt_no,
            a.outcome
        INTO v_attempt_no, v_outcome
        FROM deletion_attempts AS a
        WHERE a.job_id = p_job_id AND NOT a.is_past
        ORDER BY a.attempt_no DESC
        LIMIT 1
        FOR UPDATE;
    END IF;

    IF v_status IN ('done', 'failed', 'cancelled') OR v_outcome IN ('done', 'failed', 'cancelled')
    THEN
        CALL deletion_raise(
            'JD003',
            'cancel_deletion',
            concat('job is already ', coalesce(v_outcome, v_status)),
            p_job_id
        );
    END IF;

    IF v_attempt_no IS NOT NULL AND v_outcome IS NULL THEN
        UPDATE deletion_attempts AS a
        SET a.cancel_requested_at = coalesce(a.cancel_requested_at, v_now)
        WHERE a.job_id = p_job_id AND a.attempt_no = v_attempt_no AND a.outcome IS NULL;
    ELSE
        -- Where the caller is in no transaction the lock is gone: the condition counts.
        UPDATE deletion_jobs AS j
        SET j.status = 'cancelled', j.finished_at = v_now, j.error = NULL
        WHERE j.id = p_job_id AND j.status = v_status;

        IF row_count() = 0 THEN
            CALL deletion_raise(
                'JD003', 'cancel_deletion', 'job has just been taken up; ask again', p_job_id
            );
        END IF;

        CALL deletion_keep_asked(json_array(json_object('id', p_job_id)), FALSE);
    END IF;
END$$
DELIMITER ;

GRANT EXECUTE ON PROCEDURE cancel_deletion
TO 'deletion_jobs_app', 'deletion_jobs_operator';
-- <<<

-- >>> procedures/mysql/api/enqueue_deletions.sql
-- enqueue_deletions
-- Ask that many rows of one table, and everything that hangs from them, be deleted.
--
-- Parameters  p_table          the target, with or without its schema
--             p_pks            JSON array of keys; composite ones as arrays in it
--             p_reason         why; may be NULL
--             p_hard_delete    TRUE: remove for good; FALSE: soft delete
--             p_scheduled_at   when to start, UTC; NULL: as soon as possible
--             p_created_by     the user who asks; may be NULL
--             p_job_count      OUT: how many different keys there were, each a job now
-- Errors      JD002 NULL, no array, or a key that does not parse; JD004 no target; JD011 soft
--             delete is not possible; JD013 more pending jobs than allowed: all or nothing
-- Writes      deletion_jobs, deletion_attempts     Commits  no
-- Execute     deletion_jobs_app
-- Example     CALL enqueue_deletions('customer', '[41, 42]', 'closed', TRUE, NULL, NULL, @dj_n);

DROP PROCEDURE IF EXISTS enqueue_deletions;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE enqueue_deletions(
    IN p_table TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_pks JSON,
    IN p_reason TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_hard_delete BOOLEAN,
    IN p_scheduled_at DATETIME(6),
    IN p_created_by BIGINT UNSIGNED,
    OUT p_job_count BIGINT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Ask that many rows of one table, and everything that hangs from them, be deleted'
BEGIN
    DECLARE v_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_keys JSON;
    DECLARE v_job_id BIGINT UNSIGNED;

    CALL deletion_check_wish('enqueue_deletions', p_table, p_hard_delete, v_entity_table);

    CALL deletion_parse_keys(v_entity_table, p_pks, 'enqueue_deletions', v_keys);
    SET p_job_count = json_length(v_keys);

    IF p_job_count > 0 THEN
        CALL deletion_enqueue(
            'enqueue_deletions',
            v_entity_table,
            v_keys,
            p_reason,
            p_hard_delete,
            p_scheduled_at,
            p_created_by,
            v_job_id
        );
    END IF;
END$$
DELIMITER ;

GRANT EXECUTE ON PROCEDURE enqueue_deletions
TO 'deletion_jobs_app';
-- <<<

-- >>> procedures/mysql/api/enqueue_deletion.sql
-- enqueue_deletion
-- Ask that one row, and everything that hangs from it, be deleted.
--
-- Parameters  p_table          the target, with or without its schema
--             p_pk             the row's key as text; a composite one as a JSON array
--             p_reason         why; may be NULL
--             p_hard_delete    TRUE: remove for good; FALSE: soft delete
--             p_scheduled_at   when to start, UTC; NULL: as soon as possible
--             p_created_by     the user who asks; may be NULL
--             p_job_id         OUT: the job, a new one or the one that this row has already
-- Errors      JD002 NULL, or a key that does not parse; JD004 no target; JD011 soft delete is
--             not possible; JD013 more pending jobs than allowed
-- Writes      deletion_jobs (one row), deletion_attempts     Commits  no
-- Execute     deletion_jobs_app
-- Example     CALL enqueue_deletion('customer', '42', 'closed', TRUE, NULL, NULL, @dj_job);

DROP PROCEDURE IF EXISTS enqueue_deletion;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE enqueue_deletion(
    IN p_table TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_pk TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_reason TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_hard_delete BOOLEAN,
    IN p_scheduled_at DATETIME(6),
    IN p_created_by BIGINT UNSIGNED,
    OUT p_job_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Ask that one row, and everything that hangs from it, be deleted'
BEGIN
    DECLARE v_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_key VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_is_plain BOOLEAN DEFAULT FALSE;

    -- Nearly every caller sends the registered name, a key as its type prints it, and a row that
    -- has no job: that should cost little more than the INSERT.
    SELECT
        t.entity_table,
        p_hard_delete
        AND p_pk REGEXP t.plain_key
        AND NOT EXISTS (
            SELECT 1
            FROM deletion_settings AS s
            WHERE s.setting_name = 'max_pending' AND s.setting_value IS NOT NULL
        )
        AND NOT EXISTS (
            SELECT 1
            FROM deletion_jobs AS j
            WHERE j.entity_table = t.entity_table AND j.entity_pk = p_pk
        )
    INTO v_entity_table, v_is_plain
    FROM deletion_targets AS t
    WHERE t.entity_table = p_table;

    IF v_is_plain THEN
        BEGIN
            -- Another caller was faster: the job that is there has to do.
            DECLARE CONTINUE HANDLER FOR 1062 SET v_is_plain = FALSE;  -- noqa: PRS

            INSERT INTO deletion_jobs (
                entity_table, entity_pk, reason, hard_delete, scheduled_at, created_by, created_at
            )
            VALUES (
                v_entity_table, p_pk, p_reason, p_hard_delete, p_scheduled_at, p_created_by,
                utc_timestamp(6)
            );
            SET p_job_id = last_insert_id();
        END;
    END IF;

    IF v_is_plain IS NOT TRUE THEN
        CALL deletion_check_wish('enqueue_deletion', p_table, p_hard_delete, v_entity_table);
        CALL deletion_parse_key(v_entity_table, p_pk, 'enqueue_deletion', v_key);
        CALL deletion_enqueue(
            'enqueue_deletion',
            v_entity_table,
            json_array(v_key),
            p_reason,
            p_hard_delete,
            p_scheduled_at,
            p_created_by,
            p_job_id
        );
    END IF;
END$$
DELIMITER ;

GRANT EXECUTE ON PROCEDURE enqueue_deletion
TO 'deletion_jobs_app';
-- <<<

-- >>> schema/mysql/views/vw_deletion_progress.sql
-- vw_deletion_progress
-- The running jobs: who works on them, how far they are, and since when nothing moved.
--
-- Read by     deletion_jobs_operator, deletion_jobs_reader

CREATE OR REPLACE
ALGORITHM = UNDEFINED
DEFINER = 'deletion_jobs_owner'@'localhost'
SQL SECURITY DEFINER
VIEW vw_deletion_progress AS
SELECT
    j.id AS job_id,
    j.entity_table,
    j.entity_pk,
    a.run_id,
    r.slot,
    r.phase,
    r.job_count AS jobs_in_run,
    (
        SELECT coalesce(cast(sum(cast(
            json_extract(c.row_counts, concat('$."', j.id, '"')) AS SIGNED
        )) AS SIGNED), 0)
        FROM deletion_attempts AS t
        INNER JOIN deletion_receipts AS c ON c.run_id = t.run_id
        WHERE t.job_id = j.id AND NOT t.is_past
    ) AS rows_changed,
    r.rows_changed AS run_rows_changed,
    round(
        r.rows_changed * 1000000
        / greatest(timestampdiff(MICROSECOND, r.started_at, r.last_step_at), 1000)
    ) AS run_rows_per_second,
    r.step_count AS run_steps,
    r.batch_rows,
    r.retries,
    f.depth,
    (
        SELECT min(s.table_name)
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = r.plan_id AND s.node_no = f.node_no
    ) AS at_table,
    a.started_at,
    r.last_step_at,
    a.cancel_requested_at,
    -- The next worker that starts takes such a job up again.
    coalesce(
        r.ended_at IS NOT NULL OR NOT deletion_is_alive(r.run_id, r.session_id, r.server_id), TRUE
    ) AS is_orphaned,
    r.error
FROM deletion_jobs AS j
LEFT JOIN deletion_attempts AS a
    ON
        a.job_id = j.id
        AND a.attempt_no = (
            SELECT max(b.attempt_no) FROM deletion_attempts AS b WHERE b.job_id = j.id
        )
LEFT JOIN deletion_runs AS r ON r.run_id = a.run_id
LEFT JOIN deletion_frames AS f
    ON
        f.run_id = r.run_id
        AND f.depth = (SELECT max(t.depth) FROM deletion_frames AS t WHERE t.run_id = r.run_id)
WHERE j.status = 'running';

GRANT SELECT ON vw_deletion_progress
TO 'deletion_jobs_operator', 'deletion_jobs_reader';
-- <<<

-- >>> schema/mysql/views/vw_deletion_plan.sql
-- vw_deletion_plan
-- The current plans, step by step, with the SQL that runs; a plan that cannot run says why.
--
-- Read by     deletion_jobs_operator, deletion_jobs_reader

CREATE OR REPLACE
ALGORITHM = UNDEFINED
DEFINER = 'deletion_jobs_owner'@'localhost'
SQL SECURITY DEFINER
VIEW vw_deletion_plan AS
SELECT
    p.plan_id,
    p.entity_table,
    p.hard_delete,
    p.error_code,
    p.error,
    p.can_block,
    p.has_waits,
    p.compiled_at,
    s.step_no,
    s.kind,
    s.node_no,
    s.parent_node_no,
    s.edge_no,
    s.table_name,
    s.reference_name,
    s.action,
    s.is_leaf,
    s.waits,
    s.in_check,
    s.index_name,
    s.sql_text
FROM deletion_plans AS p
LEFT JOIN deletion_plan_steps AS s ON s.plan_id = p.plan_id
WHERE p.superseded_at IS NULL
ORDER BY p.entity_table, p.hard_delete, s.step_no;

GRANT SELECT ON vw_deletion_plan
TO 'deletion_jobs_operator', 'deletion_jobs_reader';
-- <<<

-- >>> schema/mysql/views/vw_deletion_problems.sql
-- vw_deletion_problems
-- What somebody has to act on, one line each, with the SQL that mends it.
--
-- Read by     deletion_jobs_operator, deletion_jobs_reader

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02
CREATE OR REPLACE
ALGORITHM = UNDEFINED
DEFINER = 'deletion_jobs_owner'@'localhost'
SQL SECURITY DEFINER
VIEW vw_deletion_problems AS
WITH needed AS (
    SELECT
        p.entity_table,
        s.table_name,
        if(
            max(s.kind IN ('remove', 'drain')),
            if(
                max(s.kind IN ('set', 'lock')),
                '["SELECT", "UPDATE", "DELETE"]',
                '["SELECT", "DELETE"]'
            ),
            if(max(s.kind IN ('set', 'lock')), '["SELECT", "UPDATE"]', '["SELECT"]')
        ) AS rights
    FROM deletion_plans AS p
    INNER JOIN deletion_plan_steps AS s ON s.plan_id = p.plan_id
    WHERE p.superseded_at IS NULL
    GROUP BY p.entity_table, s.table_name
),

-- DISTINCT keeps it a table of its own; merged, the reader would need the right to execute.
missing AS (
    SELECT DISTINCT
        n.entity_table,
        n.table_name,
        deletion_missing_rights(n.table_name, n.rights) AS rights
    FROM needed AS n
),

failed AS (
    SELECT
        j.entity_table,
        left(j.error, 5) AS code,
        count(*) AS jobs,
        min(j.finished_at) AS since,
        max(j.id) AS last_job
    FROM deletion_jobs AS j
    WHERE j.status = 'failed'
    GROUP BY j.entity_table, left(j.error, 5)
),

resting AS (
    SELECT
        j.entity_table,
        count(*) AS jobs,
        min(j.created_at) AS since,
        max(j.id) AS last_job
    FROM deletion_jobs AS j
    WHERE j.status = 'pending' AND j.error IS NOT NULL
    GROUP BY j.entity_table
)

SELECT
    'schedule' AS problem,
    concat('slot ', s.slot) AS subject,
    coalesce(s.last_started_at, s.armed_at) AS since,
    concat(s.state, ': ', s.why) AS detail,
    s.mend_sql
FROM vw_deletion_schedule AS s
WHERE
    s.state IN ('paused', 'died', 'late', 'off')
    AND EXISTS (SELECT 1 FROM deletion_targets)
UNION ALL
SELECT
    'orphaned',
    concat('job ', p.job_id),
    p.last_step_at,
    concat(
        'the worker of ', p.entity_table, ' ', p.entity_pk, ' is gone; the next one takes it up'
    ),
    concat('CALL `', deletion_home(), '`.run_deletion_jobs(NULL, NULL);')
FROM vw_deletion_progress AS p
WHERE p.is_orphaned
UNION ALL
SELECT
    'plan',
    p.entity_table,
    p.compiled_at,
    concat(p.error_code, ': ', p.error),
    concat('CALL `', deletion_home(), '`.compile_deletion_plan(', quote(p.entity_table), ');')
FROM deletion_plans AS p
WHERE p.superseded_at IS NULL AND p.error_code IS NOT NULL
UNION ALL
SELECT
    'right missing',
    m.table_name,
    NULL,
    concat('deletion_jobs_owner lacks ', m.rights, ' for deletions of ', m.entity_table),
    concat(
        'GRANT ', m.rights, ' ON ', deletion_quote_path(m.table_name),
        ' TO ''deletion_jobs_owner''@''localhost'';'
    )
FROM missing AS m
WHERE m.rights IS NOT NULL
UNION ALL
SELECT
    'index missing',
    concat(s.reference_name, ' of ', s.table_name),
    p.compiled_at,
    concat('deletions of ', p.entity_table, ' read the whole table to find its rows'),
    concat(
        'CREATE INDEX ', deletion_quote_name(left(concat('idx_', s.reference_name), 64)), ' ON ',
        deletion_quote_path(s.table_name), ' (',
        (
            SELECT group_concat(deletion_quote_name(c.name) ORDER BY c.pos SEPARATOR ', ')
            FROM json_table(
                deletion_columns(d.child_schema, d.child_table, d.child_columns),
                '$[*]' COLUMNS (
                    pos BIGINT PATH '$.pos',
                    name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.name'
                )
            ) AS c
        ),
        ');'
    )
FROM deletion_plans AS p
INNER JOIN deletion_plan_steps AS s ON s.plan_id = p.plan_id
LEFT JOIN deletion_references AS d ON d.reference_name = s.reference_name
WHERE p.superseded_at IS NULL AND s.kind = 'size'
UNION ALL
SELECT
    'failed',
    f.entity_table,
    f.since,
    concat(
        f.jobs, ' jobs, the last one: ',
        coalesce((SELECT j.error FROM deletion_jobs AS j WHERE j.id = f.last_job), 'no error')
    ),
    if(
        f.jobs = 1,
        concat('CALL `', deletion_home(), '`.retry_deletion(', f.last_job, ');'),
        concat(
            'SELECT concat(''CALL retry_deletion('', id, '');'') FROM `', deletion_home(),
            '`.vw_deletion_jobs WHERE status = ''failed'' AND entity_table = ',
            quote(f.entity_table),
            coalesce(concat(' AND left(error, 5) = ', quote(f.code)), ''),
            ';'
        )
    )
FROM failed AS f
UNION ALL
SELECT
    'retrying',
    r.entity_table,
    r.since,
    concat(
        r.jobs, ' jobs wait to be tried again, the last one: ',
        coalesce((SELECT j.error FROM deletion_jobs AS j WHERE j.id = r.last_job), 'no error')
    ),
    concat(
        'SELECT * FROM `', deletion_home(), '`.vw_deletion_attempts WHERE job_id = ', r.last_job,
        ' ORDER BY attempt_no;'
    )
FROM resting AS r;

GRANT SELECT ON vw_deletion_problems
TO 'deletion_jobs_operator', 'deletion_jobs_reader';
-- <<<

-- The version of before knows no soft plans.
DELETE s
FROM deletion_plan_steps AS s
INNER JOIN deletion_plans AS p ON p.plan_id = s.plan_id
WHERE NOT p.hard_delete;
DELETE FROM deletion_plans WHERE NOT hard_delete;

-- Rows that were scrubbed count as set NULL, with those of their run and table that were.
START TRANSACTION;
INSERT INTO deletion_receipts (run_id, table_name, action, row_counts)
SELECT
    q.run_id,
    q.table_name,
    'set_null',
    json_objectagg(q.job_id, q.row_count)
FROM (
    SELECT
        r.run_id,
        r.table_name,
        k.job_id,
        cast(sum(json_extract(r.row_counts, concat('$."', k.job_id, '"'))) AS SIGNED) AS row_count
    FROM deletion_receipts AS s
    INNER JOIN deletion_receipts AS r
        ON
            r.run_id = s.run_id
            AND r.table_name = s.table_name
            AND r.action IN ('set_null', 'scrub')
    INNER JOIN json_table(
        json_keys(r.row_counts), '$[*]' COLUMNS (job_id VARCHAR(20) PATH '$')
    ) AS k
    WHERE s.action = 'scrub'
    GROUP BY r.run_id, r.table_name, k.job_id
) AS q
GROUP BY q.run_id, q.table_name
ON DUPLICATE KEY UPDATE row_counts = VALUES(row_counts);
DELETE FROM deletion_receipts WHERE action IN ('scrub', 'mark', 'restore');
COMMIT;

SET @dj_sql = if(
    EXISTS (
        SELECT 1
        FROM information_schema.table_constraints AS k
        WHERE
            k.table_schema = database() AND k.table_name = 'deletion_rules'
            AND k.constraint_name = 'chk_drul_scrub'
    ),
    'ALTER TABLE deletion_rules DROP CHECK chk_drul_scrub',
    'DO 0'
);
PREPARE dj_stmt FROM @dj_sql;
EXECUTE dj_stmt;
DEALLOCATE PREPARE dj_stmt;

SET @dj_sql = if(
    EXISTS (
        SELECT 1
        FROM information_schema.columns AS c
        WHERE
            c.table_schema = database() AND c.table_name = 'deletion_rules'
            AND c.column_name = 'scrub'
    ),
    'ALTER TABLE deletion_rules DROP COLUMN scrub',
    'DO 0'
);
PREPARE dj_stmt FROM @dj_sql;
EXECUTE dj_stmt;
DEALLOCATE PREPARE dj_stmt;

SET @dj_sql = if(
    EXISTS (
        SELECT 1
        FROM information_schema.columns AS c
        WHERE
            c.table_schema = database() AND c.table_name = 'deletion_rules'
            AND c.column_name = 'parent_table'
    ),
    'ALTER TABLE deletion_rules DROP CHECK chk_drul_parent, DROP COLUMN parent_schema, '
    'DROP COLUMN parent_table',
    'DO 0'
);
PREPARE dj_stmt FROM @dj_sql;
EXECUTE dj_stmt;
DEALLOCATE PREPARE dj_stmt;

ALTER TABLE deletion_rules MODIFY COLUMN action VARCHAR(16) NOT NULL
COMMENT 'What holds: cascade, set_null, set_default, restrict; keep if declared';

SET @dj_sql = if(
    EXISTS (
        SELECT 1
        FROM information_schema.table_constraints AS k
        WHERE
            k.table_schema = database() AND k.table_name = 'deletion_rules'
            AND k.constraint_name = 'chk_drul_action'
    ),
    'ALTER TABLE deletion_rules DROP CHECK chk_drul_action',
    'DO 0'
);
PREPARE dj_stmt FROM @dj_sql;
EXECUTE dj_stmt;
DEALLOCATE PREPARE dj_stmt;

ALTER TABLE deletion_rules ADD CONSTRAINT chk_drul_action
CHECK (action IN ('cascade', 'set_null', 'set_default', 'restrict', 'keep'));

SET @dj_sql = if(
    EXISTS (
        SELECT 1
        FROM information_schema.table_constraints AS k
        WHERE
            k.table_schema = database() AND k.table_name = 'deletion_receipts'
            AND k.constraint_name = 'chk_drec_action'
    ),
    'ALTER TABLE deletion_receipts DROP CHECK chk_drec_action',
    'DO 0'
);
PREPARE dj_stmt FROM @dj_sql;
EXECUTE dj_stmt;
DEALLOCATE PREPARE dj_stmt;

ALTER TABLE deletion_receipts ADD CONSTRAINT chk_drec_action
CHECK (action IN ('delete', 'set_null', 'set_default', 'root_not_found'));

ALTER TABLE deletion_receipts MODIFY COLUMN action VARCHAR(16) NOT NULL
COMMENT 'delete, set_null, set_default; root_not_found: the row was gone already';
DELETE FROM deletion_walk_keys WHERE fate IN ('scrub', 'held', 'stack');
UPDATE deletion_walk_keys AS w
SET w.`keys` = json_object('action', 'set_null')
WHERE w.walk_id = 0 AND json_unquote(json_extract(w.`keys`, '$.action')) = 'scrub';
ALTER TABLE deletion_walk_keys MODIFY COLUMN fate VARCHAR(16) NOT NULL
COMMENT 'What would become of the row: delete, set_null, set_default, restrict or keep';

SET @dj_sql = if(
    EXISTS (
        SELECT 1
        FROM information_schema.columns AS c
        WHERE
            c.table_schema = database() AND c.table_name = 'deletion_plan_steps'
            AND c.column_name = 'set_order'
    ),
    'ALTER TABLE deletion_plan_steps DROP COLUMN set_order',
    'DO 0'
);
PREPARE dj_stmt FROM @dj_sql;
EXECUTE dj_stmt;
DEALLOCATE PREPARE dj_stmt;

-- A plan that looks at held rows is compiled anew without.
DELETE FROM deletion_plan_steps WHERE kind = 'held';
ALTER TABLE deletion_plan_steps MODIFY COLUMN index_name VARCHAR(64) NULL
COMMENT 'The index that supports the reference; NULL: none';

-- Plans of hundreds of tables: the planner's work tables hold nothing between two calls.
SET @dj_sql = if(
    EXISTS (
        SELECT 1
        FROM information_schema.statistics AS i
        WHERE
            i.table_schema = database() AND i.table_name = 'deletion_plan_steps'
            AND i.index_name = 'idx_dps_edge'
    ),
    'ALTER TABLE deletion_plan_steps DROP KEY idx_dps_edge, DROP KEY idx_dps_parent',
    'DO 0'
);
PREPARE dj_stmt FROM @dj_sql;
EXECUTE dj_stmt;
DEALLOCATE PREPARE dj_stmt;

DROP TABLE IF EXISTS deletion_plan_nodes;

CREATE TABLE IF NOT EXISTS deletion_plan_nodes (
    plan_id BIGINT UNSIGNED NOT NULL
        COMMENT 'Plan that is being compiled',
    node_no INT NOT NULL
        COMMENT 'Table, counted from the target, which is 0',
    table_schema VARCHAR(64) NOT NULL
        COMMENT 'Schema of the table',
    table_name VARCHAR(64) NOT NULL
        COMMENT 'The table',
    sql_name VARCHAR(270) NOT NULL
        COMMENT 'Both, quoted for a statement',
    display_name VARCHAR(130) NOT NULL
        COMMENT 'Name of the table, for people',
    key_columns JSON NULL
        COMMENT 'Columns that name a row; NULL: none do',
    key_index VARCHAR(160) NULL
        COMMENT 'Hint that makes a statement find rows by that key',
    frame_columns JSON NULL
        COMMENT 'How each column that frames carry is written and read',
    in_closure BOOLEAN NOT NULL
        COMMENT 'True where rows of the table are removed',
    is_expanded BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'True where its references have been looked for',
    table_rank INT NULL
        COMMENT 'Place in the order, children first',
    PRIMARY KEY (plan_id, node_no),
    UNIQUE KEY uq_dpn_table (plan_id, table_schema, table_name)
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'Work table of the planner: the tables of a plan that is being compiled';

DROP TABLE IF EXISTS deletion_plan_edges;

CREATE TABLE IF NOT EXISTS deletion_plan_edges (
    plan_id BIGINT UNSIGNED NOT NULL
        COMMENT 'Plan that is being compiled',
    parent_node_no INT NOT NULL
        COMMENT 'Table that the reference points at',
    child_schema VARCHAR(64) NOT NULL
        COMMENT 'Schema of the table that points',
    child_table VARCHAR(64) NOT NULL
        COMMENT 'The table that points',
    reference_name VARCHAR(64) NOT NULL
        COMMENT 'Foreign key or declared reference',
    child_node_no INT NULL
        COMMENT 'The table that points, as the plan numbers it',
    edge_no INT NULL
        COMMENT 'Place of the reference in the order of work, from 1',
    action VARCHAR(16) NOT NULL
        COMMENT 'What happens to the child rows',
    is_declared BOOLEAN NOT NULL
        COMMENT 'True where the catalog does not know the reference',
    child_columns JSON NOT NULL
        COMMENT 'Columns that point, in order',
    parent_columns JSON NOT NULL
        COMMENT 'Columns pointed at, in the same order',
    parent_index VARCHAR(64) NULL
        COMMENT 'Unique key that the columns pointed at make',
    is_refused BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'True where the engine refuses to delete a row that refers to itself',
    discriminator_column VARCHAR(64) NULL
        COMMENT 'Column of the child that tells which parent table is meant',
    discriminator_value TEXT NULL
        COMMENT 'The value of it that means this parent',
    index_name VARCHAR(64) NULL
        COMMENT 'Index of the child that leads with the columns; NULL: there is none',
    is_leaf BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'True where the child rows have no children of their own',
    waits BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'True where the child table is in the closure too, and the reference only orders',
    in_check BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'True where the check has to look at this reference',
    is_once BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'True where another reference of the child is set too, and rows count once',
    frame_columns JSON NULL
        COMMENT 'How frames carry the values of the child columns',
    on_frame TEXT NULL
        COMMENT 'Condition: child row c hangs from frame row t; NULL: cannot be written',
    on_parent TEXT NULL
        COMMENT 'Condition: child row c hangs from row x',
    found_by TEXT NULL
        COMMENT 'Condition: row x still hangs from where frame row t was found',
    discriminator TEXT NULL
        COMMENT 'Condition on the discriminator, without the name of the row; NULL: there is none',
    set_list TEXT NULL
        COMMENT 'What an UPDATE of child row x sets',
    PRIMARY KEY (plan_id, parent_node_no, child_schema, child_table, reference_name)
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'Work table of the planner: the references of a plan that is being compiled';

-- What a later upgrade would find, and take for its own.
DELETE FROM deletion_marks;
SET @dj_sql = if(
    NOT EXISTS (
        SELECT 1
        FROM information_schema.columns AS c
        WHERE
            c.table_schema = database() AND c.table_name = 'deletion_marks'
            AND c.column_name = 'plan_id'
    ),
    'DO 0',
    'ALTER TABLE deletion_marks DROP CHECK chk_dm_state, DROP KEY idx_dm_row, DROP COLUMN '
    'plan_id, DROP COLUMN key_hash, DROP COLUMN state'
);
PREPARE dj_stmt FROM @dj_sql;
EXECUTE dj_stmt;
DEALLOCATE PREPARE dj_stmt;

SET @dj_sql = if(
    EXISTS (
        SELECT 1
        FROM information_schema.columns AS c
        WHERE
            c.table_schema = database() AND c.table_name = 'deletion_attempts'
            AND c.column_name = 'purge_follows'
    ),
    'ALTER TABLE deletion_attempts DROP COLUMN purge_follows',
    'DO 0'
);
PREPARE dj_stmt FROM @dj_sql;
EXECUTE dj_stmt;
DEALLOCATE PREPARE dj_stmt;

SET @dj_sql = if(
    EXISTS (
        SELECT 1
        FROM information_schema.columns AS c
        WHERE
            c.table_schema = database() AND c.table_name = 'deletion_targets'
            AND c.column_name = 'keyed_at'
    ),
    'ALTER TABLE deletion_targets DROP COLUMN keyed_at, DROP COLUMN key_places',
    'DO 0'
);
PREPARE dj_stmt FROM @dj_sql;
EXECUTE dj_stmt;
DEALLOCATE PREPARE dj_stmt;

-- This engine keeps the rights on what it drops.
REVOKE IF EXISTS ALL PRIVILEGES ON deletion_hold_latches  -- noqa: PRS
FROM 'deletion_jobs_owner'@'localhost' IGNORE UNKNOWN USER;
REVOKE IF EXISTS ALL PRIVILEGES ON deletion_holds
FROM 'deletion_jobs_owner'@'localhost' IGNORE UNKNOWN USER;
REVOKE IF EXISTS ALL PRIVILEGES ON deletion_node_columns
FROM 'deletion_jobs_owner'@'localhost' IGNORE UNKNOWN USER;
REVOKE IF EXISTS ALL PRIVILEGES ON deletion_node_indexes
FROM 'deletion_jobs_owner'@'localhost' IGNORE UNKNOWN USER;
REVOKE IF EXISTS ALL PRIVILEGES ON deletion_soft_columns
FROM 'deletion_jobs_owner'@'localhost' IGNORE UNKNOWN USER;
REVOKE IF EXISTS ALL PRIVILEGES ON deletion_soft_keys
FROM 'deletion_jobs_owner'@'localhost' IGNORE UNKNOWN USER;
REVOKE IF EXISTS ALL PRIVILEGES ON deletion_walk_links
FROM 'deletion_jobs_owner'@'localhost' IGNORE UNKNOWN USER;
REVOKE IF EXISTS ALL PRIVILEGES ON vw_deletion_misfits
FROM 'deletion_jobs_operator', 'deletion_jobs_reader' IGNORE UNKNOWN USER;
REVOKE IF EXISTS ALL PRIVILEGES ON vw_deletion_marks
FROM 'deletion_jobs_operator', 'deletion_jobs_reader' IGNORE UNKNOWN USER;
REVOKE IF EXISTS ALL PRIVILEGES ON vw_deletion_holds
FROM 'deletion_jobs_operator', 'deletion_jobs_reader' IGNORE UNKNOWN USER;

-- >>> drop
DROP VIEW IF EXISTS vw_deletion_misfits;
DROP VIEW IF EXISTS vw_deletion_holds;
DROP VIEW IF EXISTS vw_deletion_marks;
DROP PROCEDURE IF EXISTS deletion_restore_job;
DROP PROCEDURE IF EXISTS deletion_restore;
DROP PROCEDURE IF EXISTS deletion_soft_advance;
DROP PROCEDURE IF EXISTS deletion_soft_spread;
DROP PROCEDURE IF EXISTS deletion_soft_mark;
DROP PROCEDURE IF EXISTS deletion_soft_marks;
DROP PROCEDURE IF EXISTS deletion_soft_done;
DROP PROCEDURE IF EXISTS deletion_soft_start;
DROP PROCEDURE IF EXISTS deletion_walk_defaults;
DROP PROCEDURE IF EXISTS deletion_walk_rings;
DROP PROCEDURE IF EXISTS deletion_widen_session;
DROP PROCEDURE IF EXISTS deletion_seed_climb;
DROP PROCEDURE IF EXISTS deletion_see_holds;
DROP PROCEDURE IF EXISTS deletion_climb;
DROP PROCEDURE IF EXISTS deletion_preview_circle;
DROP PROCEDURE IF EXISTS deletion_preview_held;
DROP FUNCTION IF EXISTS deletion_newest_hold;
DROP PROCEDURE IF EXISTS deletion_hidden_table;
DROP PROCEDURE IF EXISTS deletion_mind_holds;
DROP PROCEDURE IF EXISTS deletion_open_circle;
DROP PROCEDURE IF EXISTS deletion_note_stack;
DROP PROCEDURE IF EXISTS deletion_note_frame;
DROP PROCEDURE IF EXISTS deletion_place;
DROP PROCEDURE IF EXISTS deletion_part;
DROP PROCEDURE IF EXISTS deletion_trace_circle;
DROP PROCEDURE IF EXISTS deletion_fail_circles;
DROP FUNCTION IF EXISTS deletion_circle_error;
DROP FUNCTION IF EXISTS deletion_lost_holds;
DROP FUNCTION IF EXISTS deletion_lost_hold;
DROP FUNCTION IF EXISTS deletion_hold_error;
DROP PROCEDURE IF EXISTS deletion_held_rows;
DROP PROCEDURE IF EXISTS deletion_held_roots;
DROP PROCEDURE IF EXISTS deletion_give_up;
DROP PROCEDURE IF EXISTS deletion_refuse_temporary;
DROP PROCEDURE IF EXISTS deletion_spare_live;
DROP PROCEDURE IF EXISTS deletion_drop_soft_keys;
DROP PROCEDURE IF EXISTS deletion_drain_wide;
DROP PROCEDURE IF EXISTS deletion_check_holds;
DROP PROCEDURE IF EXISTS deletion_change_rows;
DROP FUNCTION IF EXISTS deletion_detach_problem;
DROP PROCEDURE IF EXISTS deletion_soft_plan;
DROP PROCEDURE IF EXISTS deletion_write_soft_plan;
DROP FUNCTION IF EXISTS deletion_sql_spread;
DROP FUNCTION IF EXISTS deletion_sql_restore;
DROP FUNCTION IF EXISTS deletion_sql_live;
DROP FUNCTION IF EXISTS deletion_sql_mark;
DROP PROCEDURE IF EXISTS deletion_soft_graph;
DROP FUNCTION IF EXISTS deletion_soft_live;
DROP FUNCTION IF EXISTS deletion_has_soft_column;
DROP FUNCTION IF EXISTS deletion_soft_problem;
DROP FUNCTION IF EXISTS deletion_soft_kind;
DROP FUNCTION IF EXISTS deletion_column_text;
DROP PROCEDURE IF EXISTS deletion_write_circles;
DROP PROCEDURE IF EXISTS deletion_write_holds;
DROP PROCEDURE IF EXISTS deletion_plan_links;
DROP PROCEDURE IF EXISTS deletion_break_columns;
DROP PROCEDURE IF EXISTS deletion_plan_kinds;
DROP PROCEDURE IF EXISTS deletion_plan_set_order;
DROP FUNCTION IF EXISTS deletion_misfit_problem;
DROP FUNCTION IF EXISTS deletion_misfits;
DROP FUNCTION IF EXISTS deletion_scrub_objection;
DROP PROCEDURE IF EXISTS deletion_rule_problem;
DROP PROCEDURE IF EXISTS deletion_read_scrub;
DROP PROCEDURE IF EXISTS deletion_plan_catalog;
DROP PROCEDURE IF EXISTS deletion_plan_kept;
DROP FUNCTION IF EXISTS deletion_sql_part;
DROP FUNCTION IF EXISTS deletion_sql_link;
DROP FUNCTION IF EXISTS deletion_sql_circle;
DROP FUNCTION IF EXISTS deletion_sql_childless;
DROP FUNCTION IF EXISTS deletion_table_key;
DROP FUNCTION IF EXISTS deletion_sql_untouched;
DROP FUNCTION IF EXISTS deletion_sql_scrub;
DROP FUNCTION IF EXISTS deletion_sql_default;
DROP FUNCTION IF EXISTS deletion_sql_find;
DROP FUNCTION IF EXISTS deletion_sql_change_rows;
DROP FUNCTION IF EXISTS deletion_sql_keyless;
DROP PROCEDURE IF EXISTS deletion_row_seen;
DROP FUNCTION IF EXISTS deletion_sql_held;
DROP FUNCTION IF EXISTS deletion_sql_found;
DROP FUNCTION IF EXISTS deletion_sql_climb;
DROP FUNCTION IF EXISTS deletion_key_places;
DROP FUNCTION IF EXISTS deletion_column_frame;
DROP PROCEDURE IF EXISTS deletion_row_key;
DROP FUNCTION IF EXISTS deletion_key_changed;
DROP PROCEDURE IF EXISTS deletion_take_purge_back;
DROP FUNCTION IF EXISTS deletion_match_labels;
DROP PROCEDURE IF EXISTS set_soft_deletion;
DROP PROCEDURE IF EXISTS preview_soft_deletion;
DROP PROCEDURE IF EXISTS release_deletion_hold;
DROP PROCEDURE IF EXISTS hold_deletion;
DROP PROCEDURE IF EXISTS restore_deletion;
DROP TABLE IF EXISTS deletion_soft_keys;
DROP TABLE IF EXISTS deletion_walk_links;
DROP TABLE IF EXISTS deletion_hold_latches;
DROP TABLE IF EXISTS deletion_holds;
DROP TABLE IF EXISTS deletion_node_indexes;
DROP TABLE IF EXISTS deletion_node_columns;
DROP TABLE IF EXISTS deletion_soft_columns;
-- <<<

-- >>> tooling/deletion_jobs/sql/mysql/migration_commit.sql
SET SESSION sql_mode = @dj_sql_mode;
SET SESSION time_zone = @dj_time_zone;
SET SESSION lock_wait_timeout = @dj_lock_wait_timeout;
SET SESSION sql_safe_updates = @dj_sql_safe_updates;
SET SESSION sql_big_selects = @dj_sql_big_selects;
-- <<<
