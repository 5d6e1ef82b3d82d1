-- 0001_create_deletion_jobs: rollback
-- Take back: create deletion jobs on PostgreSQL.
--
-- Plain SQL for psql; deletion-jobs sends the same text. Generated from the files
-- named by the markers: edit those, then run deletion-jobs migrations write.

-- >>> tooling/deletion_jobs/sql/postgres/migration_begin.sql
-- One transaction: all of it or nothing, whoever sends it.
BEGIN;
SET LOCAL client_min_messages = warning;
SET LOCAL lock_timeout = '2s';
SET LOCAL statement_timeout = 0;
-- A routine may call one that is made after it.
SET LOCAL check_function_bodies = off;

-- Everything goes into the current schema; routines freeze this very path.
DO $migration_begin$
BEGIN
    IF coalesce(current_schema(), 'pg_') LIKE 'pg\_%' THEN
        RAISE EXCEPTION 'the search_path names no schema that exists';
    END IF;

    PERFORM set_config('search_path', quote_ident(current_schema()) || ', pg_temp', TRUE);
    PERFORM set_config('deletion_jobs.installer', current_setting('role'), TRUE);
END;
$migration_begin$;
-- <<<

-- >>> tooling/deletion_jobs/sql/postgres/migration_owner.sql
-- From here on the objects belong to the owner, who may create them only now.
DO $migration_owner$
BEGIN
    EXECUTE format('GRANT USAGE, CREATE ON SCHEMA %I TO deletion_jobs_owner', current_schema());
END;
$migration_owner$;

SET LOCAL ROLE deletion_jobs_owner;
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
DROP FUNCTION IF EXISTS deletion_schedule_advice;
DROP FUNCTION IF EXISTS deletion_unschedule;
DROP FUNCTION IF EXISTS deletion_arm_slots;
DROP FUNCTION IF EXISTS deletion_disarm_slots;
DROP FUNCTION IF EXISTS deletion_schedule_jobs;
DROP FUNCTION IF EXISTS deletion_schedule_name;
DROP PROCEDURE IF EXISTS deletion_work;
DROP FUNCTION IF EXISTS deletion_walk_verdict;
DROP FUNCTION IF EXISTS deletion_walk_on;
DROP FUNCTION IF EXISTS deletion_walk;
DROP FUNCTION IF EXISTS deletion_unindexed;
DROP FUNCTION IF EXISTS deletion_sweep;
DROP FUNCTION IF EXISTS deletion_sweep_away;
DROP FUNCTION IF EXISTS deletion_stuck;
DROP FUNCTION IF EXISTS deletion_step_failed;
DROP FUNCTION IF EXISTS deletion_step;
DROP FUNCTION IF EXISTS deletion_slice;
DROP FUNCTION IF EXISTS deletion_seed_walk;
DROP FUNCTION IF EXISTS deletion_save_walk;
DROP FUNCTION IF EXISTS deletion_remove;
DROP FUNCTION IF EXISTS deletion_uncount;
DROP FUNCTION IF EXISTS deletion_rest;
DROP FUNCTION IF EXISTS deletion_release;
DROP FUNCTION IF EXISTS deletion_recover;
DROP FUNCTION IF EXISTS deletion_push;
DROP FUNCTION IF EXISTS deletion_pop;
DROP FUNCTION IF EXISTS deletion_plan_for;
DROP FUNCTION IF EXISTS deletion_others_due;
DROP FUNCTION IF EXISTS deletion_missing_privilege;
DROP FUNCTION IF EXISTS deletion_refresh_frame;
DROP FUNCTION IF EXISTS deletion_lock_frame;
DROP FUNCTION IF EXISTS deletion_load_frame;
DROP FUNCTION IF EXISTS deletion_left_over;
DROP FUNCTION IF EXISTS deletion_leave;
DROP FUNCTION IF EXISTS deletion_job_status;
DROP FUNCTION IF EXISTS deletion_is_alive;
DROP FUNCTION IF EXISTS deletion_session_mark;
DROP FUNCTION IF EXISTS deletion_lock_key;
DROP FUNCTION IF EXISTS deletion_lock_holder;
DROP FUNCTION IF EXISTS deletion_guard;
DROP FUNCTION IF EXISTS deletion_frame_hash;
DROP FUNCTION IF EXISTS deletion_find_roots;
DROP FUNCTION IF EXISTS deletion_parse_roots;
DROP FUNCTION IF EXISTS deletion_fence;
DROP FUNCTION IF EXISTS deletion_fates;
DROP FUNCTION IF EXISTS deletion_fail_jobs;
DROP FUNCTION IF EXISTS deletion_settle;
DROP FUNCTION IF EXISTS deletion_enter;
DROP FUNCTION IF EXISTS deletion_end_run;
DROP FUNCTION IF EXISTS deletion_due;
DROP FUNCTION IF EXISTS deletion_drop_jobs;
DROP FUNCTION IF EXISTS deletion_claim;
DROP FUNCTION IF EXISTS deletion_check;
DROP FUNCTION IF EXISTS deletion_change;
DROP FUNCTION IF EXISTS deletion_carry_over;
DROP FUNCTION IF EXISTS deletion_blocking;
DROP FUNCTION IF EXISTS deletion_allow_hash;
DROP FUNCTION IF EXISTS deletion_advance_run;
DROP FUNCTION IF EXISTS deletion_advance;
DROP FUNCTION IF EXISTS deletion_add_receipts;
DROP FUNCTION IF EXISTS deletion_usable_plan;
DROP FUNCTION IF EXISTS deletion_write_plan;
DROP FUNCTION IF EXISTS deletion_sql_sweep;
DROP FUNCTION IF EXISTS deletion_sql_set;
DROP FUNCTION IF EXISTS deletion_sql_roots;
DROP FUNCTION IF EXISTS deletion_sql_removal;
DROP FUNCTION IF EXISTS deletion_sql_fetch;
DROP FUNCTION IF EXISTS deletion_sql_drain;
DROP FUNCTION IF EXISTS deletion_sql_frame;
DROP FUNCTION IF EXISTS deletion_sql_cycle;
DROP FUNCTION IF EXISTS deletion_sql_list;
DROP FUNCTION IF EXISTS deletion_references_to;
DROP FUNCTION IF EXISTS deletion_plan_problem;
DROP FUNCTION IF EXISTS deletion_plan_node;
DROP FUNCTION IF EXISTS deletion_plan_graph;
DROP FUNCTION IF EXISTS deletion_plan_edges;
DROP FUNCTION IF EXISTS deletion_plan_edge;
DROP FUNCTION IF EXISTS deletion_plan_cycle;
DROP FUNCTION IF EXISTS deletion_plan_ranks;
DROP FUNCTION IF EXISTS deletion_node_key;
DROP FUNCTION IF EXISTS deletion_key_hash;
DROP FUNCTION IF EXISTS deletion_fresh_plan;
DROP FUNCTION IF EXISTS deletion_fingerprint;
DROP FUNCTION IF EXISTS deletion_fingerprint_references;
DROP FUNCTION IF EXISTS deletion_equality_of;
DROP FUNCTION IF EXISTS deletion_equality;
DROP FUNCTION IF EXISTS deletion_compile;
DROP FUNCTION IF EXISTS deletion_attnums;
DROP FUNCTION IF EXISTS deletion_reference_problem;
DROP FUNCTION IF EXISTS deletion_enqueue;
DROP FUNCTION IF EXISTS deletion_keep_asked;
DROP FUNCTION IF EXISTS deletion_check_pending;
DROP FUNCTION IF EXISTS deletion_check_wish;
DROP FUNCTION IF EXISTS deletion_has_open_jobs;
DROP FUNCTION IF EXISTS deletion_is_ours;
DROP FUNCTION IF EXISTS deletion_unique_key;
DROP FUNCTION IF EXISTS deletion_columns;
DROP FUNCTION IF EXISTS deletion_parse_keys;
DROP FUNCTION IF EXISTS deletion_parse_key;
DROP FUNCTION IF EXISTS deletion_key_texts;
DROP FUNCTION IF EXISTS deletion_key_text;
DROP FUNCTION IF EXISTS deletion_type_family;
DROP FUNCTION IF EXISTS deletion_find_table;
DROP FUNCTION IF EXISTS deletion_target_name;
DROP FUNCTION IF EXISTS deletion_entity_name;
DROP FUNCTION IF EXISTS deletion_split_name;
DROP FUNCTION IF EXISTS deletion_setting_int;
DROP FUNCTION IF EXISTS deletion_setting;
DROP FUNCTION IF EXISTS deletion_raise;
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
DROP FUNCTION IF EXISTS preview_deletion;
DROP PROCEDURE IF EXISTS retry_deletion;
DROP PROCEDURE IF EXISTS cancel_deletion;
DROP PROCEDURE IF EXISTS enqueue_deletions;
DROP PROCEDURE IF EXISTS enqueue_deletion;
DROP TYPE IF EXISTS deletion_cursor;
DROP TABLE IF EXISTS deletion_walk_keys;
DROP TABLE IF EXISTS deletion_slots;
DROP TABLE IF EXISTS deletion_settings;
DROP TABLE IF EXISTS deletion_marks;
DROP TABLE IF EXISTS deletion_receipts;
DROP TABLE IF EXISTS deletion_frames;
DROP TABLE IF EXISTS deletion_attempts;
DROP TABLE IF EXISTS deletion_runs;
DROP TABLE IF EXISTS deletion_plan_steps;
DROP TABLE IF EXISTS deletion_plans;
DROP TABLE IF EXISTS deletion_rules;
DROP TABLE IF EXISTS deletion_references;
DROP TABLE IF EXISTS deletion_targets;
DROP TABLE IF EXISTS deletion_jobs;
-- <<<

-- >>> tooling/deletion_jobs/sql/postgres/migration_release.sql
-- Back to the installing user; the owner keeps no right to create.
DO $migration_release$
BEGIN
    PERFORM set_config('role', current_setting('deletion_jobs.installer'), TRUE);
    EXECUTE format('REVOKE CREATE ON SCHEMA %I FROM deletion_jobs_owner', current_schema());
END;
$migration_release$;
-- <<<

-- >>> tooling/deletion_jobs/sql/postgres/drop_roles.sql
-- Take back the roles' rights in this schema, and drop those that an installation has made and
-- that nothing else uses: no other object, database or member.
DO $drop_roles$
DECLARE
    v_role name;
BEGIN
    FOR v_role IN
        SELECT r.rolname
        FROM pg_roles AS r
        WHERE r.rolname IN (
            'deletion_jobs_owner', 'deletion_jobs_app', 'deletion_jobs_operator',
            'deletion_jobs_reader', 'deletion_jobs_worker'
        )
        ORDER BY r.rolname
    LOOP
        EXECUTE format('REVOKE ALL ON SCHEMA %I FROM %I', current_schema(), v_role);

        CONTINUE WHEN coalesce(shobj_description(to_regrole(v_role::text), 'pg_authid'), '')
            NOT LIKE 'made by deletion-jobs:%';
        CONTINUE WHEN EXISTS (
            SELECT 1
            FROM pg_auth_members AS m
            WHERE m.roleid = to_regrole(v_role::text) AND pg_get_userbyid(m.member) <> current_user
        );

        BEGIN
            EXECUTE format('DROP ROLE %I', v_role);
        EXCEPTION
            WHEN dependent_objects_still_exist THEN
                RAISE WARNING 'role % stays: something else depends on it', v_role;
            WHEN insufficient_privilege THEN
                RAISE WARNING 'role % stays: dropping it is left to a DBA', v_role;
        END;
    END LOOP;
END;
$drop_roles$;
-- <<<

-- >>> tooling/deletion_jobs/sql/postgres/migration_commit.sql
COMMIT;
-- <<<
