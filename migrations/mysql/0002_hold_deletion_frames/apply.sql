-- 0002_hold_deletion_frames: apply
-- Hold deletion frames on MySQL.
--
-- Plain SQL for mysql; deletion-jobs sends the same text. Generated from the files
-- named by the markers: edit those, then run deletion-jobs migrations write.

-- >>> tooling/deletion_jobs/sql/mysql/migration_begin.sql
-- Routines keep the settings of the session that makes them; the session gets its own back.
SET @dj_sql_mode = @@SESSION.sql_mode;
SET @dj_time_zone = @@SESSION.time_zone;
SET @dj_lock_wait_timeout = @@SESSION.lock_wait_timeout;
SET NAMES utf8mb4 COLLATE utf8mb4_0900_ai_ci;
SET SESSION sql_mode
= 'ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,'
'ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION';
SET SESSION time_zone = '+00:00';
SET SESSION lock_wait_timeout = 2;
-- <<<

-- >>> drop
-- procedures/mysql/worker/deletion_refresh_frames.sql
DROP PROCEDURE IF EXISTS deletion_refresh_frames;
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

    SET v_count = (SELECT count(*) FROM deletion_plan_edges AS e WHERE e.plan_id = p_plan_id);

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
        '["guard", "roots", "hold", "lock", "look", "free", "remove", "left"]',
        '$[*]' COLUMNS (  -- noqa: CP02
            step_no FOR ORDINALITY,  -- noqa: PRS
            kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'
        )
    ) AS k
    WHERE n.plan_id = p_plan_id AND n.node_no = 0;

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
            '["fetch", "fetch_more", "size", "cycle", "drain", "hold", "lock", "look",
            "free", "remove", "remove_now", "left", "set"]',
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
                -- Where foreign keys alone lead to childless rows, what is emptied under the
                -- parents' lock stays empty, and no second look is needed.
                WHEN k.kind = 'remove_now' THEN
                    e.action = 'cascade' AND NOT e.is_leaf AND NOT EXISTS (
                        SELECT 1
                        FROM deletion_plan_edges AS b
                        WHERE
                            b.plan_id = e.plan_id
                            AND b.parent_node_no = e.child_node_no
                            AND (NOT b.is_leaf OR b.is_declared)
                    )
                -- What has no children is not looked at again before it goes.
                ELSE e.action = 'cascade' AND NOT e.is_leaf
            END
        WHERE e.plan_id = p_plan_id AND e.edge_no = v_edge_no;
    END WHILE;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_claim.sql
-- deletion_claim
-- Take the jobs that are due first, as one run.
--
-- Parameters  p_slot      the worker's slot; NULL: none
--             p_job_id    this job alone, due or not; NULL: whatever is due
--             p_run_id    OUT the run; NULL: nothing is due
--             p_token     OUT its token; NULL: the run has ended already, its jobs failed
--             p_job_count OUT number of its jobs
-- Errors      JD001 no such job; JD003 the job is not pending
-- Writes      deletion_runs, deletion_jobs, deletion_attempts, deletion_plans     Commits  yes
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_claim;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_claim(
    IN p_slot INT,
    IN p_job_id BIGINT UNSIGNED,
    OUT p_run_id BIGINT UNSIGNED,
    OUT p_token CHAR(36) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    OUT p_job_count INT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Take the jobs that are due first, as one run'
BEGIN
    DECLARE v_jobs JSON;
    DECLARE v_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_hard, v_alone BOOLEAN;
    DECLARE v_plan_id BIGINT UNSIGNED;
    DECLARE v_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    CALL deletion_begin();

    IF p_job_id IS NOT NULL THEN
        CALL deletion_claim_one(p_job_id, v_jobs, v_entity_table, v_hard);
        SET v_alone = TRUE;
    ELSEIF deletion_setting('paused_reason') IS NULL THEN
        CALL deletion_due(v_jobs, v_entity_table, v_hard, v_alone);
    END IF;

    IF v_jobs IS NOT NULL THEN
        -- A row inserted by hand may name the table with its database.
        SET v_entity_table = coalesce(deletion_target_name(v_entity_table), v_entity_table);
        CALL deletion_plan_for(v_entity_table, v_hard, v_plan_id, v_error);
        SET p_token = uuid(), p_job_count = json_length(v_jobs);

        INSERT INTO deletion_runs (
            plan_id, entity_table, hard_delete, slot, token, session_id, server_id, phase, alone,
            job_count, batch_rows, state
        )
        VALUES (
            v_plan_id, v_entity_table, v_hard, p_slot, p_token, connection_id(),
            @@GLOBAL.server_uuid, 'check', p_job_count = 1, p_job_count,
            deletion_setting_int('batch_rows'), '{}'
        );

        SET p_run_id = last_insert_id();
        -- Before the claim commits: from then on a missing lock means a dead worker. Never waited
        -- for: any session may take any lock, and this one holds the jobs' rows by now.
        IF coalesce(get_lock(deletion_lock_name('run', p_run_id), 0), 0) <> 1 THEN
            SIGNAL SQLSTATE '40001'
            SET MESSAGE_TEXT = 'run_deletion_jobs: another session holds the lock of the run';
        END IF;

        CALL deletion_start_attempts(p_run_id, v_jobs);

        IF v_error IS NOT NULL THEN
            CALL deletion_settle(p_run_id, NULL, 'failed', v_error, TRUE, NULL);
            CALL deletion_end_run(p_run_id, 'failed', v_error);
            SET p_token = NULL;
        END IF;
    END IF;

    COMMIT;

    IF p_token IS NULL AND p_run_id IS NOT NULL THEN
        CALL deletion_release(deletion_lock_name('run', p_run_id));
    END IF;
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
        if(r.job_count = 1, (
            SELECT max(a.job_id) FROM deletion_attempts AS a WHERE a.run_id = r.run_id
        ), NULL)
    INTO
        @dj_run_id, @dj_plan_id, @dj_batch, @dj_left, @dj_changed, @dj_state, @dj_waits, @dj_job_id
    FROM deletion_runs AS r
    INNER JOIN deletion_plans AS p ON p.plan_id = r.plan_id
    WHERE r.run_id = p_run_id;

    CALL deletion_hold_frames();
    CALL deletion_load_frame();
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
    DECLARE v_fan DOUBLE DEFAULT json_extract(@dj_state, concat('$.fan."', p_node_no, '"'));

    -- So many that their own children fit the batch as well; a first guess where none were seen.
    SET @dj_limit = cast(if(
        v_fan IS NULL, least(100, @dj_left), greatest(1, floor(0.85 * @dj_left / (1 + v_fan)))
    ) AS UNSIGNED);
    SET @dj_frame = @dj_keys, @dj_cursor = coalesce(@dj_read, '{}');
    -- Rows may stay that wait for others: then the next page comes after them.
    CALL deletion_execute(@dj_plan_id, p_edge_no, if(@dj_waits, 'fetch_more', 'fetch'));

    IF @dj_rows = 0 THEN
        SET @dj_pos = p_edge_no, @dj_read = NULL, @dj_is_dirty = TRUE;
    ELSE
        IF @dj_waits THEN
            SET @dj_read = json_extract(@dj_answer, '$[last]'), @dj_is_dirty = TRUE;
        END IF;

        CALL deletion_save_frame();
        SET @dj_depth = @dj_depth + 1, @dj_node_no = p_node_no, @dj_edge_no = p_edge_no;
        SET @dj_keys = @dj_answer, @dj_count = @dj_rows, @dj_pos = 0, @dj_read = NULL;
        SET @dj_pass = @dj_changed, @dj_idle = 0, @dj_here = 0, @dj_is_dirty = TRUE;
        SET @dj_is_locked = FALSE;

        -- Children that fit this transaction are emptied under their parents' lock: then no
        -- second look is needed.
        IF @dj_count * (1 + v_fan) < @dj_left THEN
            CALL deletion_lock_frame();
        END IF;

        -- From here on a row that moves would leave its children behind, deleted.
        IF NOT @dj_is_locked THEN
            SET v_keys = @dj_keys, v_count = @dj_count;
            CALL deletion_hold_frame(p_edge_no, v_keys, v_count, v_is_changed);

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
    RETURN left(sha2(concat('2', v_keys), 256), 32);
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_hold_frame.sql
-- deletion_hold_frame
-- Hold a frame's rows where they were found, until the step commits.
--
-- Parameters  p_edge_no      the reference that they were found by; 0: the target's own rows
--             p_keys         INOUT the frame; without rows that have moved or gone, and with their
--                            present values
--             p_count        INOUT its number of keys
--             p_is_changed   OUT FALSE: it is as it was
-- Writes      nothing; locks the frame's rows      Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_hold_frame;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_hold_frame(
    IN p_edge_no INT,
    INOUT p_keys JSON,
    INOUT p_count INT,
    OUT p_is_changed BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Hold a frame''s rows where they were found, until the step commits'
BEGIN
    DECLARE v_missing JSON;
    DECLARE v_has_others BOOLEAN DEFAULT json_contains_path(p_keys, 'one', '$[*].u1');

    SET p_is_changed = FALSE;

    -- The key of a root is what its job names; only other columns of it can change.
    IF p_edge_no > 0 OR v_has_others THEN
        SET @dj_frame = p_keys;
        CALL deletion_execute(@dj_plan_id, p_edge_no, 'hold');

        IF v_has_others OR @dj_rows < p_count THEN
            CALL deletion_execute(@dj_plan_id, p_edge_no, 'left');

            -- What was declared may hang from a root that is not there.
            SELECT coalesce(json_arrayagg(k.o), json_array())
            INTO v_missing
            FROM json_table(p_keys, '$[*]' COLUMNS (  -- noqa: CP02
                o JSON PATH '$', m INT PATH '$.m'
            )) AS k
            WHERE k.m IS NOT NULL;

            SET p_is_changed = @dj_rows + json_length(v_missing) < p_count OR (
                v_missing = json_array() AND cast(@dj_answer AS JSON) <> p_keys
            );
            SET p_keys = json_merge_preserve(@dj_answer, v_missing);
            SET p_count = json_length(p_keys);
        END IF;
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_hold_frames.sql
-- deletion_hold_frames
-- Hold the rows of the run's stored frames where they were found, until the step commits.
--
-- Writes      deletion_frames; locks the frames' rows     Commits  no
-- Execute     the owner only
--
-- Between two transactions rows may move to another parent, and all below them along: that stays.
-- While the step works they cannot. Others may still add children to them; they go as well.

DROP PROCEDURE IF EXISTS deletion_hold_frames;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_hold_frames()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Hold the rows of the run''s stored frames where they were found, until the step commits'
BEGIN
    DECLARE v_depth, v_edge_no, v_count INT;
    DECLARE v_keys JSON;
    DECLARE v_is_changed BOOLEAN;
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE c_frame CURSOR FOR
        SELECT f.depth, f.edge_no, f.`keys`, f.key_count
        FROM deletion_frames AS f
        WHERE f.run_id = @dj_run_id AND f.key_count > 0
        ORDER BY f.depth;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    OPEN c_frame;
    FETCH c_frame INTO v_depth, v_edge_no, v_keys, v_count;

    WHILE NOT v_is_done DO
        CALL deletion_hold_frame(v_edge_no, v_keys, v_count, v_is_changed);
        SET v_is_done = v_is_changed;

        IF v_is_changed THEN
            -- What lies above hung from these rows; it is found again where it still does.
            UPDATE deletion_frames AS f
            SET f.`keys` = v_keys, f.key_count = v_count, f.edge_pos = 0, f.fetch_cursor = NULL
            WHERE f.run_id = @dj_run_id AND f.depth = v_depth;
            DELETE FROM deletion_frames WHERE run_id = @dj_run_id AND depth > v_depth;
        ELSE
            FETCH c_frame INTO v_depth, v_edge_no, v_keys, v_count;
        END IF;
    END WHILE;

    CLOSE c_frame;
END$$
DELIMITER ;
-- <<<

-- >>> tooling/deletion_jobs/sql/mysql/migration_commit.sql
SET SESSION sql_mode = @dj_sql_mode;
SET SESSION time_zone = @dj_time_zone;
SET SESSION lock_wait_timeout = @dj_lock_wait_timeout;
-- <<<
