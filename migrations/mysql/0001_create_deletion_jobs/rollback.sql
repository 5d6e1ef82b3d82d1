-- 0001_create_deletion_jobs: rollback
-- Take back: create deletion jobs on MySQL.
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
DROP VIEW IF EXISTS vw_deletion_health;
DROP VIEW IF EXISTS vw_deletion_problems;
DROP VIEW IF EXISTS vw_deletion_schedule;
DROP VIEW IF EXISTS vw_deletion_attempts;
DROP VIEW IF EXISTS vw_deletion_plan;
DROP VIEW IF EXISTS vw_deletion_receipts;
DROP VIEW IF EXISTS vw_deletion_progress;
DROP VIEW IF EXISTS vw_deletion_jobs_status;
DROP VIEW IF EXISTS vw_deletion_jobs;
DROP PROCEDURE IF EXISTS deletion_try_compile;
DROP PROCEDURE IF EXISTS deletion_uncount;
DROP PROCEDURE IF EXISTS deletion_refresh_frames;
DROP PROCEDURE IF EXISTS deletion_lock_frame;
DROP FUNCTION IF EXISTS deletion_fingerprint_keys;
DROP FUNCTION IF EXISTS deletion_sql_index;
DROP PROCEDURE IF EXISTS deletion_fates;
DROP PROCEDURE IF EXISTS deletion_work;
DROP PROCEDURE IF EXISTS deletion_walk_verdict;
DROP PROCEDURE IF EXISTS deletion_walk_on;
DROP PROCEDURE IF EXISTS deletion_walk_edge;
DROP PROCEDURE IF EXISTS deletion_walk;
DROP PROCEDURE IF EXISTS deletion_unindexed;
DROP PROCEDURE IF EXISTS deletion_stuck;
DROP PROCEDURE IF EXISTS deletion_step_failed;
DROP PROCEDURE IF EXISTS deletion_step;
DROP PROCEDURE IF EXISTS deletion_start_attempts;
DROP PROCEDURE IF EXISTS deletion_slice;
DROP PROCEDURE IF EXISTS deletion_settle;
DROP PROCEDURE IF EXISTS deletion_set_done;
DROP PROCEDURE IF EXISTS deletion_session;
DROP PROCEDURE IF EXISTS deletion_seed_walk;
DROP PROCEDURE IF EXISTS deletion_save_walk;
DROP PROCEDURE IF EXISTS deletion_save_frame;
DROP PROCEDURE IF EXISTS deletion_remove;
DROP PROCEDURE IF EXISTS deletion_release;
DROP PROCEDURE IF EXISTS deletion_recover;
DROP PROCEDURE IF EXISTS deletion_push;
DROP PROCEDURE IF EXISTS deletion_pop;
DROP PROCEDURE IF EXISTS deletion_plan_for;
DROP FUNCTION IF EXISTS deletion_others_due;
DROP PROCEDURE IF EXISTS deletion_missing_privilege;
DROP FUNCTION IF EXISTS deletion_lock_name;
DROP PROCEDURE IF EXISTS deletion_load_walk;
DROP PROCEDURE IF EXISTS deletion_load_frame;
DROP PROCEDURE IF EXISTS deletion_left_over;
DROP PROCEDURE IF EXISTS deletion_leave;
DROP FUNCTION IF EXISTS deletion_key_hash;
DROP FUNCTION IF EXISTS deletion_is_alive;
DROP PROCEDURE IF EXISTS deletion_guard;
DROP PROCEDURE IF EXISTS deletion_find_roots;
DROP PROCEDURE IF EXISTS deletion_fence;
DROP PROCEDURE IF EXISTS deletion_fail_jobs;
DROP PROCEDURE IF EXISTS deletion_execute;
DROP PROCEDURE IF EXISTS deletion_enter;
DROP PROCEDURE IF EXISTS deletion_end_run;
DROP PROCEDURE IF EXISTS deletion_due;
DROP PROCEDURE IF EXISTS deletion_drop_jobs;
DROP PROCEDURE IF EXISTS deletion_drain;
DROP PROCEDURE IF EXISTS deletion_count;
DROP PROCEDURE IF EXISTS deletion_claim_one;
DROP PROCEDURE IF EXISTS deletion_claim;
DROP PROCEDURE IF EXISTS deletion_check;
DROP PROCEDURE IF EXISTS deletion_change;
DROP PROCEDURE IF EXISTS deletion_carry_over;
DROP PROCEDURE IF EXISTS deletion_begin;
DROP PROCEDURE IF EXISTS deletion_advance_run;
DROP PROCEDURE IF EXISTS deletion_advance;
DROP FUNCTION IF EXISTS deletion_missing_rights;
DROP FUNCTION IF EXISTS deletion_quote_path;
DROP PROCEDURE IF EXISTS deletion_current_plan;
DROP PROCEDURE IF EXISTS deletion_drop_events;
DROP PROCEDURE IF EXISTS deletion_run_ddl;
DROP PROCEDURE IF EXISTS deletion_compile;
DROP PROCEDURE IF EXISTS deletion_write_plan;
DROP PROCEDURE IF EXISTS deletion_plan_graph;
DROP PROCEDURE IF EXISTS deletion_plan_edges;
DROP PROCEDURE IF EXISTS deletion_plan_edge;
DROP PROCEDURE IF EXISTS deletion_plan_columns;
DROP PROCEDURE IF EXISTS deletion_plan_cycle;
DROP PROCEDURE IF EXISTS deletion_plan_ranks;
DROP PROCEDURE IF EXISTS deletion_plan_problem;
DROP PROCEDURE IF EXISTS deletion_references_to;
DROP PROCEDURE IF EXISTS deletion_plan_children;
DROP PROCEDURE IF EXISTS deletion_plan_node;
DROP FUNCTION IF EXISTS deletion_sql_cycle;
DROP FUNCTION IF EXISTS deletion_sql_rows;
DROP PROCEDURE IF EXISTS deletion_sql_locks;
DROP FUNCTION IF EXISTS deletion_sql_drain;
DROP FUNCTION IF EXISTS deletion_sql_fetch;
DROP FUNCTION IF EXISTS deletion_sql_roots;
DROP FUNCTION IF EXISTS deletion_sql_guard;
DROP FUNCTION IF EXISTS deletion_sql_literal;
DROP FUNCTION IF EXISTS deletion_sql_frame;
DROP FUNCTION IF EXISTS deletion_sql_after;
DROP FUNCTION IF EXISTS deletion_sql_list;
DROP FUNCTION IF EXISTS deletion_key_part;
DROP FUNCTION IF EXISTS deletion_frame_column;
DROP FUNCTION IF EXISTS deletion_unique_index;
DROP FUNCTION IF EXISTS deletion_edge_index;
DROP FUNCTION IF EXISTS deletion_node_key;
DROP FUNCTION IF EXISTS deletion_fresh_plan;
DROP FUNCTION IF EXISTS deletion_fingerprint;
DROP FUNCTION IF EXISTS deletion_reference_problem;
DROP FUNCTION IF EXISTS deletion_unique_key;
DROP FUNCTION IF EXISTS deletion_columns;
DROP FUNCTION IF EXISTS deletion_has_open_jobs;
DROP FUNCTION IF EXISTS deletion_is_ours;
DROP PROCEDURE IF EXISTS deletion_enqueue;
DROP PROCEDURE IF EXISTS deletion_keep_asked;
DROP PROCEDURE IF EXISTS deletion_check_wish;
DROP PROCEDURE IF EXISTS deletion_parse_keys;
DROP FUNCTION IF EXISTS deletion_key_texts;
DROP PROCEDURE IF EXISTS deletion_parse_key;
DROP FUNCTION IF EXISTS deletion_key_text;
DROP FUNCTION IF EXISTS deletion_key_time;
DROP FUNCTION IF EXISTS deletion_key_string;
DROP FUNCTION IF EXISTS deletion_key_number;
DROP FUNCTION IF EXISTS deletion_fits_charset;
DROP FUNCTION IF EXISTS deletion_type_family;
DROP PROCEDURE IF EXISTS deletion_find_table;
DROP FUNCTION IF EXISTS deletion_target_name;
DROP FUNCTION IF EXISTS deletion_entity_name;
DROP FUNCTION IF EXISTS deletion_home;
DROP FUNCTION IF EXISTS deletion_quote_name;
DROP FUNCTION IF EXISTS deletion_setting_int;
DROP FUNCTION IF EXISTS deletion_setting;
DROP PROCEDURE IF EXISTS deletion_raise;
DROP PROCEDURE IF EXISTS stop_deletion_schedule;
DROP PROCEDURE IF EXISTS start_deletion_schedule;
DROP PROCEDURE IF EXISTS link_deletion_users;
DROP PROCEDURE IF EXISTS set_deletion_setting;
DROP PROCEDURE IF EXISTS compile_deletion_plan;
DROP PROCEDURE IF EXISTS set_deletion_rule;
DROP PROCEDURE IF EXISTS declare_deletion_reference;
DROP PROCEDURE IF EXISTS unregister_deletion_target;
DROP PROCEDURE IF EXISTS register_deletion_target;
DROP PROCEDURE IF EXISTS resume_deletions;
DROP PROCEDURE IF EXISTS pause_deletions;
DROP PROCEDURE IF EXISTS run_deletion_job;
DROP PROCEDURE IF EXISTS run_deletion_jobs;
DROP PROCEDURE IF EXISTS preview_deletion;
DROP PROCEDURE IF EXISTS retry_deletion;
DROP PROCEDURE IF EXISTS cancel_deletion;
DROP PROCEDURE IF EXISTS enqueue_deletions;
DROP PROCEDURE IF EXISTS enqueue_deletion;
DROP TABLE IF EXISTS deletion_walk_keys;
DROP TABLE IF EXISTS deletion_slots;
DROP TABLE IF EXISTS deletion_settings;
DROP TABLE IF EXISTS deletion_marks;
DROP TABLE IF EXISTS deletion_receipts;
DROP TABLE IF EXISTS deletion_frames;
DROP TABLE IF EXISTS deletion_attempts;
DROP TABLE IF EXISTS deletion_runs;
DROP TABLE IF EXISTS deletion_plan_edges;
DROP TABLE IF EXISTS deletion_plan_nodes;
DROP TABLE IF EXISTS deletion_plan_steps;
DROP TABLE IF EXISTS deletion_plans;
DROP TABLE IF EXISTS deletion_rules;
DROP TABLE IF EXISTS deletion_references;
DROP TABLE IF EXISTS deletion_targets;
DROP TABLE IF EXISTS deletion_jobs;
-- <<<

-- >>> tooling/deletion_jobs/sql/mysql/drop_roles.sql
-- Take back the rights in this database, and drop the accounts where an installation has made
-- them and nothing else uses them: no other object, database or member.
DROP PROCEDURE IF EXISTS deletion_drop_roles;

DELIMITER $$
CREATE PROCEDURE deletion_drop_roles()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY INVOKER
COMMENT 'Takes back the rights of the roles; lives for one rollback'
BEGIN
    DECLARE v_done BOOLEAN DEFAULT FALSE;
    DECLARE v_sql TEXT;
    DECLARE c_statements CURSOR FOR SELECT d.sql_text FROM dj_revoke AS d ORDER BY d.step_no;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_done = TRUE;

    DROP TEMPORARY TABLE IF EXISTS dj_revoke;
    CREATE TEMPORARY TABLE dj_revoke (
        step_no INT AUTO_INCREMENT PRIMARY KEY,
        sql_text TEXT NOT NULL
    );

    INSERT INTO dj_revoke (sql_text)
    SELECT concat(
        'REVOKE ALL PRIVILEGES ON `', replace(t.db, '`', '``'), '`.`',
        replace(t.table_name, '`', '``'), '` FROM ', quote(t.user), '@', quote(t.host)
    )
    FROM mysql.tables_priv AS t
    WHERE
        t.db = database()
        AND t.user LIKE 'deletion\_jobs\_%'
        AND (t.table_name LIKE 'deletion\_%' OR t.table_name LIKE 'vw\_deletion\_%');

    INSERT INTO dj_revoke (sql_text)
    SELECT concat(
        'REVOKE ALL PRIVILEGES ON `', replace(d.db, '`', '``'), '`.* FROM ',
        quote(d.user), '@', quote(d.host)
    )
    FROM mysql.db AS d
    WHERE d.db = database() AND d.user LIKE 'deletion\_jobs\_%';

    OPEN c_statements;
    revoking: LOOP
        FETCH c_statements INTO v_sql;
        IF v_done THEN
            LEAVE revoking;
        END IF;
        SET @dj_sql = v_sql;
        PREPARE dj_stmt FROM @dj_sql;
        EXECUTE dj_stmt;
        DEALLOCATE PREPARE dj_stmt;
    END LOOP revoking;
    CLOSE c_statements;

    -- Whether it was an installation that made them, the owner's comment tells.
    IF
        EXISTS (
            SELECT 1
            FROM information_schema.user_attributes AS a
            WHERE
                a.user = 'deletion_jobs_owner'
                AND a.attribute ->> '$.comment' LIKE 'Owns deletion-jobs:%'
        )
        AND NOT EXISTS (
            SELECT 1
            FROM mysql.role_edges AS e
            WHERE e.from_user LIKE 'deletion\_jobs\_%' AND e.to_user <> 'deletion_jobs_owner'
        )
        AND NOT EXISTS (
            -- The rights in a database that was dropped stay behind, and are nobody's use.
            SELECT 1
            FROM mysql.db AS d
            INNER JOIN information_schema.schemata AS s ON d.db = s.schema_name
            WHERE d.user LIKE 'deletion\_jobs\_%'
        )
        AND NOT EXISTS (
            SELECT 1
            FROM mysql.tables_priv AS t
            INNER JOIN information_schema.schemata AS s ON t.db = s.schema_name
            WHERE
                t.user LIKE 'deletion\_jobs\_%'
                AND t.db NOT IN ('mysql', 'performance_schema', 'sys')
        )
        AND NOT EXISTS (
            SELECT 1
            FROM mysql.procs_priv AS p
            INNER JOIN information_schema.schemata AS s ON p.db = s.schema_name
            WHERE p.user LIKE 'deletion\_jobs\_%'
        )
        AND NOT EXISTS (
            SELECT 1
            FROM information_schema.routines AS r
            WHERE r.definer LIKE 'deletion\_jobs\_owner@%'
        )
    THEN
        SET @dj_sql = (
            SELECT concat('DROP USER ', a.accounts)
            FROM (
                SELECT
                    group_concat(
                        concat(quote(u.user), '@', quote(u.host)) SEPARATOR ', '
                    ) AS accounts
                FROM mysql.user AS u
                WHERE
                    u.user IN (
                        'deletion_jobs_owner', 'deletion_jobs_app', 'deletion_jobs_operator',
                        'deletion_jobs_reader', 'deletion_jobs_worker'
                    )
            ) AS a
        );
        PREPARE dj_stmt FROM @dj_sql;
        EXECUTE dj_stmt;
        DEALLOCATE PREPARE dj_stmt;
    END IF;

    DROP TEMPORARY TABLE dj_revoke;
END$$
DELIMITER ;

CALL deletion_drop_roles();
DROP PROCEDURE deletion_drop_roles;
-- <<<

-- >>> tooling/deletion_jobs/sql/mysql/migration_commit.sql
SET SESSION sql_mode = @dj_sql_mode;
SET SESSION time_zone = @dj_time_zone;
SET SESSION lock_wait_timeout = @dj_lock_wait_timeout;
-- <<<
