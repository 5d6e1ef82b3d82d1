-- 0004_reach_every_deletion_shape: apply
-- Reach every deletion shape on MySQL.
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

-- No version of before writes marks: what stands here was left by a rollback to one.
SET @dj_sql = if(
    EXISTS (
        SELECT 1
        FROM information_schema.columns AS c
        WHERE
            c.table_schema = database() AND c.table_name = 'deletion_marks'
            AND c.column_name = 'plan_id'
    ),
    'DO 0',
    'DELETE FROM deletion_marks'
);
PREPARE dj_stmt FROM @dj_sql;
EXECUTE dj_stmt;
DEALLOCATE PREPARE dj_stmt;

-- Soft deletion: what was marked, by which plan, and what became of it.
SET @dj_sql = if(
    EXISTS (
        SELECT 1
        FROM information_schema.columns AS c
        WHERE
            c.table_schema = database() AND c.table_name = 'deletion_marks'
            AND c.column_name = 'plan_id'
    ),
    'DO 0',
    'ALTER TABLE deletion_marks ADD COLUMN plan_id BIGINT UNSIGNED NOT NULL COMMENT ''The '
    'plan that marked it, and that holds the statement which takes it back'', ADD COLUMN '
    'key_hash BINARY(32) NOT NULL COMMENT ''Digest of table and key'', ADD COLUMN state '
    'VARCHAR(16) NOT NULL DEFAULT ''held'' COMMENT ''held; restored: taken back; left: gone '
    'or changed when it was asked for'', ADD KEY idx_dm_row (key_hash), ADD CONSTRAINT '
    'chk_dm_state CHECK (state IN (''held'', ''restored'', ''left''))'
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
    'DO 0',
    'ALTER TABLE deletion_attempts ADD COLUMN purge_follows BOOLEAN NOT NULL DEFAULT FALSE '
    'COMMENT ''The target lets the job remove what it marked; FALSE once somebody asks for it'''
);
PREPARE dj_stmt FROM @dj_sql;
EXECUTE dj_stmt;
DEALLOCATE PREPARE dj_stmt;

-- Since when a target has its key: as far as anybody knows, since it was registered.
SET @dj_sql = if(
    EXISTS (
        SELECT 1
        FROM information_schema.columns AS c
        WHERE
            c.table_schema = database() AND c.table_name = 'deletion_targets'
            AND c.column_name = 'keyed_at'
    ),
    'DO 0',
    'ALTER TABLE deletion_targets ADD COLUMN keyed_at DATETIME(6) NULL, '
    'ADD COLUMN key_places JSON NULL COMMENT '
    '''Where the columns stand, and of how many: tells one that was renamed from another'''
);
PREPARE dj_stmt FROM @dj_sql;
EXECUTE dj_stmt;
DEALLOCATE PREPARE dj_stmt;

UPDATE deletion_targets AS t
SET
    t.keyed_at = t.created_at,
    t.key_places = concat('[', (
        SELECT group_concat(c.ordinal_position ORDER BY k.pos)
        FROM json_table(t.key_columns, '$[*]' COLUMNS (  -- noqa: CP02
            pos FOR ORDINALITY,  -- noqa: PRS
            name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'
        )) AS k
        INNER JOIN information_schema.columns AS c
            ON
                c.table_schema = t.table_schema
                AND c.table_name = t.table_name
                AND c.column_name = k.name
    ), ', ', (
        SELECT count(*)
        FROM information_schema.columns AS c
        WHERE c.table_schema = t.table_schema AND c.table_name = t.table_name
    ), ']')
WHERE t.keyed_at IS NULL;

ALTER TABLE deletion_targets MODIFY COLUMN keyed_at DATETIME(6) NOT NULL DEFAULT (utc_timestamp(6))
COMMENT 'Since when these columns name its rows: older jobs are not retried; UTC';

-- Every statement can be run again: here DDL commits. Rules that scrub, and rows that are held.
SET @dj_sql = if(
    EXISTS (
        SELECT 1
        FROM information_schema.columns AS c
        WHERE
            c.table_schema = database() AND c.table_name = 'deletion_rules'
            AND c.column_name = 'scrub'
    ),
    'DO 0',
    'ALTER TABLE deletion_rules ADD COLUMN scrub JSON NULL '
    'COMMENT ''What scrub sets beside the reference: an object, column to its value or NULL'' '
    'AFTER created_at'
);
PREPARE dj_stmt FROM @dj_sql;
EXECUTE dj_stmt;
DEALLOCATE PREPARE dj_stmt;

ALTER TABLE deletion_rules MODIFY COLUMN action VARCHAR(16) NOT NULL
COMMENT 'What holds: cascade, set_null, set_default, scrub, restrict; keep if declared';

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
CHECK (action IN ('cascade', 'set_null', 'set_default', 'scrub', 'restrict', 'keep'));

SET @dj_sql = if(
    EXISTS (
        SELECT 1
        FROM information_schema.table_constraints AS k
        WHERE
            k.table_schema = database() AND k.table_name = 'deletion_rules'
            AND k.constraint_name = 'chk_drul_scrub'
    ),
    'DO 0',
    'ALTER TABLE deletion_rules ADD CONSTRAINT chk_drul_scrub '
    'CHECK ((action = ''scrub'') = (scrub IS NOT NULL))'
);
PREPARE dj_stmt FROM @dj_sql;
EXECUTE dj_stmt;
DEALLOCATE PREPARE dj_stmt;

-- Rules know the table that their reference leads to; where the catalog does not tell, any.
SET @dj_sql = if(
    EXISTS (
        SELECT 1
        FROM information_schema.columns AS c
        WHERE
            c.table_schema = database() AND c.table_name = 'deletion_rules'
            AND c.column_name = 'parent_table'
    ),
    'DO 0',
    'ALTER TABLE deletion_rules ADD COLUMN parent_schema VARCHAR(64) NULL '
    'COMMENT ''Schema of the table that the reference leads to; NULL: not known, any'', '
    'ADD COLUMN parent_table VARCHAR(64) NULL '
    'COMMENT ''Where the reference leads: for another table the rule does not hold; NULL: any'', '
    'ADD CONSTRAINT chk_drul_parent CHECK ((parent_schema IS NULL) = (parent_table IS NULL))'
);
PREPARE dj_stmt FROM @dj_sql;
EXECUTE dj_stmt;
DEALLOCATE PREPARE dj_stmt;

UPDATE deletion_rules AS r
INNER JOIN information_schema.referential_constraints AS k
    ON
        k.constraint_schema = convert(r.child_schema USING utf8mb3) COLLATE utf8mb3_bin  -- noqa: CP01,LT05
        AND k.table_name = convert(r.child_table USING utf8mb3) COLLATE utf8mb3_bin  -- noqa: CP01,LT05
        AND cast(k.constraint_name AS BINARY) = cast(r.reference_name AS BINARY)
SET r.parent_schema = k.unique_constraint_schema, r.parent_table = k.referenced_table_name
WHERE r.parent_table IS NULL;
UPDATE deletion_rules AS r
INNER JOIN deletion_references AS d
    ON
        d.reference_name = r.reference_name
        AND d.child_schema = r.child_schema
        AND d.child_table = r.child_table
SET r.parent_schema = d.parent_schema, r.parent_table = d.parent_table
WHERE r.parent_table IS NULL;

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
CHECK (action IN (
    'delete', 'set_null', 'set_default', 'scrub', 'root_not_found', 'mark', 'restore'
));

ALTER TABLE deletion_receipts MODIFY COLUMN action VARCHAR(16) NOT NULL
COMMENT 'delete, set_null, set_default, scrub, mark, restore; root_not_found: it was gone already';
ALTER TABLE deletion_walk_keys MODIFY COLUMN fate VARCHAR(16) NOT NULL
COMMENT 'What becomes of a row: delete, set_null, set_default, scrub, restrict, keep, held; stack: on the stack';  -- noqa: LT05

-- Of held rows the steps name the columns of the key.
ALTER TABLE deletion_plan_steps MODIFY COLUMN index_name VARCHAR(1100) NULL
COMMENT 'The index that supports the reference; NULL: none; of held: columns of the key';

-- Every statement can be run again: here DDL commits.

-- Plans of hundreds of tables: their steps are found by an index, and the planner's work tables,
-- which hold nothing between two calls, carry what many statements share.
SET @dj_sql = if(
    EXISTS (
        SELECT 1
        FROM information_schema.statistics AS i
        WHERE
            i.table_schema = database() AND i.table_name = 'deletion_plan_steps'
            AND i.index_name = 'idx_dps_edge'
    ),
    'DO 0',
    'ALTER TABLE deletion_plan_steps ADD KEY idx_dps_edge (plan_id, edge_no, kind), '
    'ADD KEY idx_dps_parent (plan_id, parent_node_no, kind, edge_no)'
);
PREPARE dj_stmt FROM @dj_sql;
EXECUTE dj_stmt;
DEALLOCATE PREPARE dj_stmt;

SET @dj_sql = if(
    EXISTS (
        SELECT 1
        FROM information_schema.columns AS c
        WHERE
            c.table_schema = database() AND c.table_name = 'deletion_plan_steps'
            AND c.column_name = 'set_order'
    ),
    'DO 0',
    'ALTER TABLE deletion_plan_steps ADD COLUMN set_order SMALLINT NOT NULL DEFAULT 0 COMMENT '
    '''Place among the references that are set when nothing else can go; 0: with others'''
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
    key_part JSON NULL
        COMMENT 'The same, of the key alone',
    key_found TEXT NULL
        COMMENT 'Condition: row x is the one that frame row t names',
    key_frame TEXT NULL
        COMMENT 'Columns of a frame that carries the key alone, as JSON_TABLE declares them',
    row_frame TEXT NULL
        COMMENT 'Columns of a frame that carries all of them',
    key_order TEXT NULL
        COMMENT 'The key of answer q, to sort by',
    key_after TEXT NULL
        COMMENT 'Condition: row c comes after the key a, and what to sort by then',
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
    edge_no INT NOT NULL
        COMMENT 'Place of the reference in the order of work, from 1; below 0: not known yet',
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
        COMMENT 'True where the engine may refuse to delete a row that refers to itself',
    discriminator_column VARCHAR(64) NULL
        COMMENT 'Column of the child that tells which parent table is meant',
    discriminator_value TEXT NULL
        COMMENT 'The value of it that means this parent',
    index_name VARCHAR(64) NULL
        COMMENT 'Index of the child that leads with the columns; NULL: there is none',
    index_hint VARCHAR(160) NOT NULL DEFAULT ''
        COMMENT 'Hint that makes a statement use it; empty: there is none',
    is_ordered BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'True where that index gives the rows of one parent in the order of their key',
    is_leaf BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'True where the child rows have no children of their own',
    waits BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'True where the reference only orders two tables of the plan, or is set last',
    touched_columns JSON NULL
        COMMENT 'Columns that change where a child row is set, generated ones too; NULL: none is',
    set_order SMALLINT NOT NULL DEFAULT 0
        COMMENT 'Its place among those that are set when nothing else can go; 0: with the others',
    in_check BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'True where the check has to look at this reference',
    is_once BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'True where another reference of the child is set too, and rows count once',
    frame_columns JSON NULL
        COMMENT 'How frames carry the values of the child columns',
    pointer_frame TEXT NULL
        COMMENT 'The same, as JSON_TABLE declares them',
    answer_list TEXT NULL
        COMMENT 'What a frame of child rows carries, as it is read from row c',
    object_list TEXT NULL
        COMMENT 'The same, as it is put into JSON from answer q',
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
    is_circular BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'True where tables refer to each other in a circle by it',
    is_link BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'True where the check searches the rows that it ties for circles',
    break_list TEXT NULL
        COMMENT 'What an UPDATE of child row c may set NULL to let its parent go first',
    PRIMARY KEY (plan_id, edge_no),
    UNIQUE KEY uq_dpe_reference (
        plan_id, parent_node_no, child_schema, child_table, reference_name, is_declared
    ),
    KEY idx_dpe_child (plan_id, child_node_no)
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'Work table of the planner: the references of a plan that is being compiled';

-- === schema/mysql/tables/deletion_targets.sql e9c2aff22ef984fdfdbd5c3f0d5d741b73dcaff0f2fc4de2747c09f6fb7c9e01  -- noqa: LT05
-- === schema/mysql/tables/deletion_rules.sql 7f0c286dcae88acc06d11609827a07baeaac802304c296b33c44d274e40d28ca  -- noqa: LT05
-- === schema/mysql/tables/deletion_plan_steps.sql f5b7351a91e0a0dca3f6387c2214c20497e82aa5497d19a9e7ade773373db35c  -- noqa: LT05
-- === schema/mysql/tables/deletion_plan_nodes.sql 20a24f4371f31559e3a98ccb47e95fb05ce0c88f067e075211bce7ddc23c89cf  -- noqa: LT05
-- === schema/mysql/tables/deletion_plan_edges.sql 6e4758e2b405abc2a67f6f7d572fbca360082431b542d30bb1fa032d8b04af2a  -- noqa: LT05
-- === schema/mysql/tables/deletion_attempts.sql a6ca47a9fbd78d5c885ccda3f71d207ebdf400fee744f127c7441af88650c994  -- noqa: LT05
-- === schema/mysql/tables/deletion_receipts.sql ba2033cf91469fd9978895a80d896fb9e0995bd9eed97439a32eafc23edecd45  -- noqa: LT05
-- === schema/mysql/tables/deletion_marks.sql 3cf1409f90365b1273ef7efb921eea18a59013362c3b1df5e8970516cf91b731  -- noqa: LT05
-- === schema/mysql/tables/deletion_walk_keys.sql 49257e4b9f0e45aaf83039d60aeb89adf580410783ece5a8cff2dab9f53f1ae4  -- noqa: LT05

-- >>> schema/mysql/tables/deletion_soft_columns.sql
-- deletion_soft_columns
-- The columns by which tables mark a row as deleted, named by the DBA, one for a table.

CREATE TABLE IF NOT EXISTS deletion_soft_columns (
    table_schema VARCHAR(64) NOT NULL
        COMMENT 'Schema of the table, unquoted',
    table_name VARCHAR(64) NOT NULL
        COMMENT 'Name of the table, unquoted',
    column_name VARCHAR(64) NOT NULL
        COMMENT 'The column that a soft deletion sets',
    kind VARCHAR(16) NOT NULL
        COMMENT 'timestamp: set to the time of the run; boolean: set TRUE; integer: to mark_value',
    mark_value BIGINT NULL
        COMMENT 'What an integer is set to; else NULL',
    purge_after_seconds BIGINT NULL
        COMMENT 'A job of this target that marked its rows removes them so much later; NULL: never',
    created_at DATETIME(6) NOT NULL DEFAULT (utc_timestamp(6))
        COMMENT 'When it was named; UTC',
    PRIMARY KEY (table_schema, table_name),
    CONSTRAINT chk_dsc_kind CHECK (kind IN ('timestamp', 'boolean', 'integer')),
    CONSTRAINT chk_dsc_mark_value CHECK ((kind = 'integer') = (mark_value IS NOT NULL)),
    CONSTRAINT chk_dsc_purge_after CHECK (purge_after_seconds > 0)
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'One row for each table whose rows can be marked as deleted';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_soft_columns
TO 'deletion_jobs_owner'@'localhost';
-- <<<

-- >>> schema/mysql/tables/deletion_node_columns.sql
-- deletion_node_columns
-- Work table of the planner: the columns of the tables of a plan that is being compiled.
--
-- The server's own views take a third of a millisecond for each question about one table: a plan of
-- hundreds of tables reads them once, and asks here.

CREATE TABLE IF NOT EXISTS deletion_node_columns (
    plan_id BIGINT UNSIGNED NOT NULL
        COMMENT 'Plan that is being compiled',
    node_no INT NOT NULL
        COMMENT 'Table, as the plan numbers it',
    column_name VARCHAR(64) NOT NULL
        COMMENT 'The column',
    column_type MEDIUMTEXT NOT NULL
        COMMENT 'Its type, as the server prints it',
    character_set_name VARCHAR(64) NULL
        COMMENT 'Its character set; NULL: it is no text',
    collation_name VARCHAR(64) NULL
        COMMENT 'Its collation; NULL: it is no text',
    sets_itself BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'True where the server sets it in every UPDATE',
    PRIMARY KEY (plan_id, node_no, column_name)
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'Work table of the planner: the columns of the tables of a plan that is being compiled';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_node_columns TO 'deletion_jobs_owner'@'localhost';
-- <<<

-- >>> schema/mysql/tables/deletion_node_indexes.sql
-- deletion_node_indexes
-- Work table of the planner: the indexes of the tables of a plan that is being compiled.

CREATE TABLE IF NOT EXISTS deletion_node_indexes (
    plan_id BIGINT UNSIGNED NOT NULL
        COMMENT 'Plan that is being compiled',
    node_no INT NOT NULL
        COMMENT 'Table, as the plan numbers it',
    index_name VARCHAR(64) NOT NULL
        COMMENT 'The index',
    seq_in_index INT NOT NULL
        COMMENT 'Place of the column in it, from 1',
    column_name VARCHAR(64) NULL
        COMMENT 'The column; NULL: an expression',
    is_unique BOOLEAN NOT NULL
        COMMENT 'False where several rows may hold the same values',
    is_prefix BOOLEAN NOT NULL
        COMMENT 'True where only the beginning of the value is in it',
    is_nullable BOOLEAN NOT NULL
        COMMENT 'True where the column takes NULL',
    is_visible BOOLEAN NOT NULL
        COMMENT 'False where the server may not use it',
    index_type VARCHAR(11) NOT NULL
        COMMENT 'BTREE and others',
    PRIMARY KEY (plan_id, node_no, index_name, seq_in_index)
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'Work table of the planner: the indexes of the tables of a plan that is being compiled';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_node_indexes TO 'deletion_jobs_owner'@'localhost';
-- <<<

-- >>> schema/mysql/tables/deletion_holds.sql
-- deletion_holds
-- Rows that must not be deleted, for how long and why; those that are over are the history.

CREATE TABLE IF NOT EXISTS deletion_holds (
    hold_id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT
        COMMENT 'The hold''s number',
    table_name VARCHAR(130) NOT NULL
        COMMENT 'The table, named as targets are',
    row_pk VARCHAR(512) NOT NULL
        COMMENT 'The row''s key as its primary key prints; a composite one as a JSON array',
    key_columns VARCHAR(1100) NOT NULL
        COMMENT 'The columns that row_pk is the value of, a JSON array: the key when it was held',
    row_seen_at DATETIME(6) NULL
        COMMENT 'When the row was seen first; NULL: it was not there yet; UTC',
    held_until DATETIME(6) NULL
        COMMENT 'When it ends by itself; NULL: it does not; UTC',
    reason TEXT NOT NULL
        COMMENT 'Why the row is held',
    held_by VARCHAR(288) NOT NULL
        COMMENT 'The account that placed it',
    held_at DATETIME(6) NOT NULL DEFAULT (utc_timestamp(6))
        COMMENT 'When it was placed; UTC',
    released_by VARCHAR(288) NULL
        COMMENT 'The account that released it, or placed another in its stead',
    released_at DATETIME(6) NULL
        COMMENT 'When that was; NULL: not released; UTC',
    PRIMARY KEY (hold_id),
    UNIQUE KEY uq_dh_row (
        (if(released_at IS NULL, table_name, NULL)),
        (if(released_at IS NULL, row_pk, NULL)),
        -- The same text by other columns is another row.
        (if(released_at IS NULL, unhex(sha2(key_columns, 256)), NULL))
    ),
    KEY idx_dh_open (released_at, table_name),
    CONSTRAINT chk_dh_released CHECK ((released_at IS NULL) = (released_by IS NULL))
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'One row for each hold that was placed on a row';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_holds TO 'deletion_jobs_owner'@'localhost';
-- <<<

-- >>> schema/mysql/tables/deletion_hold_latches.sql
-- deletion_hold_latches
-- One row, which every step of a run reads under a shared lock and every new hold writes.
--
-- So no step is at work while a hold comes, and holds come in the order of their ids: this engine
-- has no lock on a table that a transaction could take beside others.

CREATE TABLE IF NOT EXISTS deletion_hold_latches (
    latch_id TINYINT NOT NULL
        COMMENT 'Always 1',
    newest_hold BIGINT UNSIGNED NOT NULL
        COMMENT 'The hold that was placed last; 0: none ever was',
    PRIMARY KEY (latch_id),
    CONSTRAINT chk_dhl_id CHECK (latch_id = 1)
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'One row, by which holds and the steps of runs wait for each other';

INSERT IGNORE INTO deletion_hold_latches (latch_id, newest_hold) VALUES (1, 0);

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_hold_latches
TO 'deletion_jobs_owner'@'localhost';
-- <<<

-- >>> schema/mysql/tables/deletion_walk_links.sql
-- deletion_walk_links
-- Scratch of checks: which rows of a walk have to go before which, where they could go in a circle.
-- What is let go of stays for the run.

CREATE TABLE IF NOT EXISTS deletion_walk_links (
    walk_id BIGINT NOT NULL
        COMMENT 'The run',
    job_id BIGINT UNSIGNED NOT NULL
        COMMENT 'The job that both rows were met for',
    parent_node_no INT NOT NULL
        COMMENT 'The plan''s table that the parent is of',
    parent_hash BINARY(32) NOT NULL
        COMMENT 'Digest of the parent''s key',
    child_node_no INT NOT NULL
        COMMENT 'The plan''s table that the child is of',
    child_hash BINARY(32) NOT NULL
        COMMENT 'Digest of the child''s key',
    edge_no INT NOT NULL
        COMMENT 'The reference by which it is the child',
    is_let_go BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'The child goes after its parent: the run may set this reference NULL',
    PRIMARY KEY (
        walk_id, job_id, parent_node_no, parent_hash, child_node_no, child_hash, edge_no
    ),
    KEY idx_dwl_child (walk_id, job_id, child_node_no, child_hash)
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'One row for each pair of rows of a walk that a reference which no NULL opens ties';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_walk_links TO 'deletion_jobs_owner'@'localhost';
-- <<<

-- >>> schema/mysql/tables/deletion_soft_keys.sql
-- deletion_soft_keys
-- Where soft jobs stand: the rows that each has met, and below which of them it has looked.
--
-- Rows do not vanish when they are marked, so a soft job has to remember where it was. It is the
-- job's memory, not the run's: the next run goes on where the last one ended, in whatever way.

CREATE TABLE IF NOT EXISTS deletion_soft_keys (
    job_id BIGINT UNSIGNED NOT NULL
        COMMENT 'The job',
    node_no INT NOT NULL
        COMMENT 'The plan''s table that the key is of',
    key_hash BINARY(32) NOT NULL
        COMMENT 'Digest of the key',
    plan_id BIGINT UNSIGNED NOT NULL
        COMMENT 'The plan by which it was met',
    edge_no INT NOT NULL
        COMMENT 'The reference by which it was met; 0: a root',
    `keys` JSON NOT NULL
        COMMENT 'The key as a frame holds it',
    is_done BOOLEAN NOT NULL DEFAULT FALSE
        COMMENT 'It was marked, where its table can be, and what hangs from it was met',
    PRIMARY KEY (job_id, node_no, key_hash),
    KEY idx_dsk_open (job_id, is_done, edge_no)
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'One row for each row that a soft job has met';

GRANT SELECT, INSERT, UPDATE, DELETE ON deletion_soft_keys TO 'deletion_jobs_owner'@'localhost';
-- <<<

-- >>> procedures/mysql/api/restore_deletion.sql
-- restore_deletion
-- Take back what a soft deletion job has marked, all in the caller's transaction or none of it.
--
-- Parameters  p_job_id   the job: a pending one, its purge too, is cancelled as well; one that has
--                        ended is cancelled afterwards. Rows that hold another value by now, or
--                        that somebody else has marked since, stay as they are
-- Errors      JD001 no such job; JD002 NULL; JD003 running (cancel it first), or nothing to take
--             back; 40001 the job has changed since the caller's snapshot; the engine's own where a
--             constraint forbids a row as it was
-- Writes      the application's tables, deletion_marks, deletion_jobs, deletion_attempts,
--             deletion_runs, deletion_receipts
-- Commits     no; where the caller is in no transaction, its own
-- Execute     deletion_jobs_app, deletion_jobs_operator
-- Example     CALL restore_deletion(42);

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02,LT02,LT05
DROP PROCEDURE IF EXISTS restore_deletion;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE restore_deletion(
    IN p_job_id BIGINT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Take back what a soft deletion job has marked, all of it or nothing'
BEGIN
    DECLARE v_is_open BOOLEAN DEFAULT TRUE;
    DECLARE v_own, v_saved JSON;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        -- A deadlock has rolled back the savepoint with all the rest.
        DECLARE CONTINUE HANDLER FOR 1305 SET v_is_open = v_is_open;

        IF v_is_open THEN
            ROLLBACK TO SAVEPOINT dj_restore;
        ELSE
            ROLLBACK;
        END IF;

        IF v_saved IS NOT NULL THEN
            CALL deletion_session(v_saved);
        END IF;

        CALL deletion_widen_session(v_own);
        RESIGNAL;
    END;

    CALL deletion_widen_session(v_own);

    IF p_job_id IS NULL THEN
        CALL deletion_raise('JD002', 'restore_deletion', 'p_job_id is NULL', NULL);
    END IF;

    CALL deletion_refuse_temporary('restore_deletion');
    CALL deletion_session(v_saved);

    BEGIN
        -- Outside a transaction a savepoint ends with its own statement.
        DECLARE CONTINUE HANDLER FOR 1305 SET v_is_open = FALSE;

        SAVEPOINT dj_restore;
        ROLLBACK TO SAVEPOINT dj_restore;
    END;

    IF NOT v_is_open THEN
        START TRANSACTION;
    END IF;

    CALL deletion_restore_job(p_job_id);

    IF v_is_open THEN
        RELEASE SAVEPOINT dj_restore;
    ELSE
        COMMIT;
    END IF;

    CALL deletion_session(v_saved);
    CALL deletion_widen_session(v_own);
END$$
DELIMITER ;

GRANT EXECUTE ON PROCEDURE restore_deletion
TO 'deletion_jobs_app', 'deletion_jobs_operator';
-- <<<

-- >>> procedures/mysql/admin/hold_deletion.sql
-- hold_deletion
-- Hold one row: no job deletes it, nor anything it would be deleted with, until the hold is over.
--
-- Parameters  p_table   any table that jobs may reach, not only a target
--             p_pk      the row's primary key; a composite one as a JSON array in key order
--             p_until   when the hold ends by itself; NULL: when it is released
--             p_reason  why
-- Errors      JD002 NULL, a key that does not parse, a time that is past, no reason; JD005 no such
--             table, no key, one of ours; the engine's where the owner may not read the table
-- Writes      deletion_holds, deletion_hold_latches     Commits  no
-- Execute     deletion_jobs_operator
-- Example     CALL hold_deletion('invoice', '42', '2027-01-01', 'tax audit');
--
-- A hold in its place ends. It waits for the steps that are at work, and they wait for it: commit.

DROP PROCEDURE IF EXISTS hold_deletion;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE hold_deletion(
    IN p_table TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_pk TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_until DATETIME(6),
    IN p_reason TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Hold one row: no job deletes it, nor anything it would be deleted with, until the hold is over'  -- noqa: LT05
BEGIN
    DECLARE v_schema, v_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;  -- noqa: PRS
    DECLARE v_name VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_pk TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_columns VARCHAR(1100) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_is_seen BOOLEAN;
    DECLARE v_is_open BOOLEAN DEFAULT TRUE;
    DECLARE v_own JSON;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        -- What was refused before has set no savepoint.
        DECLARE CONTINUE HANDLER FOR 1305 SET v_is_open = v_is_open;

        IF v_is_open THEN
            ROLLBACK TO SAVEPOINT dj_hold;
        ELSE
            ROLLBACK;
        END IF;

        CALL deletion_widen_session(v_own);
        RESIGNAL;
    END;

    CALL deletion_widen_session(v_own);

    IF p_table IS NULL OR p_pk IS NULL THEN
        CALL deletion_raise('JD002', 'hold_deletion', 'table or key is NULL', NULL);
    ELSEIF coalesce(p_reason, '') NOT REGEXP '[^[:space:]]' THEN
        CALL deletion_raise('JD002', 'hold_deletion', 'p_reason is NULL or empty', NULL);
    ELSEIF p_until <= utc_timestamp(6) THEN
        CALL deletion_raise('JD002', 'hold_deletion', 'p_until is past', p_until);
    END IF;

    CALL deletion_find_table(p_table, 'hold_deletion', v_schema, v_table);

    IF deletion_is_ours(v_schema, v_table) THEN
        CALL deletion_raise('JD005', 'hold_deletion', 'table belongs to deletion-jobs', p_table);
    END IF;

    SET v_name = deletion_entity_name(v_schema, v_table);
    CALL deletion_row_key(v_schema, v_table, p_pk, 'hold_deletion', v_pk);
    SET v_columns = deletion_table_key(v_schema, v_table);

    BEGIN
        -- Outside a transaction a savepoint ends with its own statement.
        DECLARE CONTINUE HANDLER FOR 1305 SET v_is_open = FALSE;

        SAVEPOINT dj_hold;
        ROLLBACK TO SAVEPOINT dj_hold;
    END;

    -- Without a transaction of the caller's a hold that is renewed would be gone for a moment.
    IF NOT v_is_open THEN
        START TRANSACTION;
    END IF;

    -- Locked first, and until the caller commits.
    INSERT INTO deletion_hold_latches (latch_id, newest_hold) VALUES (1, 0)
    ON DUPLICATE KEY UPDATE newest_hold = newest_hold + 1;
    UPDATE deletion_holds AS h
    SET h.released_at = utc_timestamp(6), h.released_by = user()
    WHERE
        h.table_name = v_name AND h.row_pk = v_pk AND h.key_columns = v_columns
        AND h.released_at IS NULL;
    -- No step is at work now: a row that is there stays until it is looked at next.
    CALL deletion_row_seen(v_schema, v_table, v_columns, v_pk, v_is_seen);
    INSERT INTO deletion_holds (
        table_name, row_pk, key_columns, row_seen_at, held_until, reason, held_by
    )
    VALUES (
        v_name, v_pk, v_columns, if(v_is_seen, utc_timestamp(6), NULL), p_until, p_reason, user()
    );
    UPDATE deletion_hold_latches AS l
    SET l.newest_hold = last_insert_id()
    WHERE l.latch_id = 1;

    IF v_is_open THEN
        RELEASE SAVEPOINT dj_hold;
    ELSE
        COMMIT;
    END IF;

    CALL deletion_widen_session(v_own);
END$$
DELIMITER ;

GRANT EXECUTE ON PROCEDURE hold_deletion
TO 'deletion_jobs_operator';
-- <<<

-- >>> procedures/mysql/admin/release_deletion_hold.sql
-- release_deletion_hold
-- Let go of a row that is held; jobs that it stopped go on by retry_deletion.
--
-- Parameters  p_table   the table                  p_pk   the row's primary key, or what
--             vw_deletion_holds shows of one that was held by a key that the table has no more
-- Errors      JD002 NULL, a key that does not parse, no hold on the row
-- Writes      deletion_holds (one row)             Commits  no
-- Execute     deletion_jobs_operator
-- Example     CALL release_deletion_hold('invoice', '42');

DROP PROCEDURE IF EXISTS release_deletion_hold;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE release_deletion_hold(
    IN p_table TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_pk TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Let go of a row that is held; jobs that it stopped go on by retry_deletion'
BEGIN
    DECLARE v_schema, v_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;  -- noqa: LT05,PRS
    DECLARE v_name TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin DEFAULT p_table;
    DECLARE v_pk TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_hold_id BIGINT UNSIGNED;
    DECLARE v_columns JSON;
    DECLARE v_is_there BOOLEAN DEFAULT TRUE;
    DECLARE v_own JSON;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        CALL deletion_widen_session(v_own);
        RESIGNAL;
    END;

    CALL deletion_widen_session(v_own);

    IF p_table IS NULL OR p_pk IS NULL THEN
        CALL deletion_raise('JD002', 'release_deletion_hold', 'table or key is NULL', NULL);
    END IF;

    -- A hold can be released when its table is gone, or its key: by what the view shows.
    BEGIN
        DECLARE EXIT HANDLER FOR SQLSTATE 'JD005' SET v_is_there = FALSE;
        CALL deletion_find_table(p_table, 'release_deletion_hold', v_schema, v_table);
    END;

    IF v_is_there THEN
        SET v_name = deletion_entity_name(v_schema, v_table);
        SET v_columns = deletion_table_key(v_schema, v_table);

        BEGIN
            DECLARE EXIT HANDLER FOR SQLSTATE 'JD002', SQLSTATE 'JD005' SET v_pk = NULL;
            CALL deletion_row_key(v_schema, v_table, p_pk, 'release_deletion_hold', v_pk);
        END;
    END IF;

    SET v_hold_id = (
        SELECT h.hold_id
        FROM deletion_holds AS h
        WHERE
            h.table_name = v_name
            AND h.released_at IS NULL
            AND (h.row_pk = p_pk OR (h.row_pk = v_pk AND h.key_columns = cast(v_columns AS CHAR)))
        ORDER BY
            coalesce(h.row_pk = v_pk AND h.key_columns = cast(v_columns AS CHAR), FALSE) DESC,
            h.hold_id
        LIMIT 1
    );

    UPDATE deletion_holds AS h
    SET h.released_at = utc_timestamp(6), h.released_by = user()
    WHERE h.hold_id = v_hold_id;

    IF v_hold_id IS NULL THEN
        -- What is no key at all is told as such.
        IF v_is_there THEN
            CALL deletion_row_key(v_schema, v_table, p_pk, 'release_deletion_hold', v_pk);
        END IF;

        CALL deletion_raise(
            'JD002', 'release_deletion_hold', concat('no hold on ', left(p_table, 64)), p_pk
        );
    END IF;
    CALL deletion_widen_session(v_own);
END$$
DELIMITER ;

GRANT EXECUTE ON PROCEDURE release_deletion_hold
TO 'deletion_jobs_operator';
-- <<<

-- >>> procedures/mysql/admin/preview_soft_deletion.sql
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
-- <<<

-- >>> procedures/mysql/admin/set_soft_deletion.sql
-- set_soft_deletion
-- Name the column by which soft deletion marks the rows of a table, target or dependant.
--
-- Parameters  p_table    the table, with or without its schema
--             p_column   a timestamp that may be NULL (it is set to the time of the run, UTC), a
--                        boolean (TRUE) or an integer; NULL: its rows are not marked any more
--             p_value    what an integer is set to; NULL: 1
--             p_purge_after_seconds   of a target: a job that has marked its rows removes them so
--                        much later; NULL: never
-- Errors      JD002 no such column, one that does not fit, or a number out of range; JD004 a purge
--             of a table that is no target; JD005 no such table, or one of ours
-- Writes      deletion_soft_columns (one row)      Commits  no
-- Execute     the owner only (DBAs)
-- Example     CALL set_soft_deletion('customer', 'deleted_at', NULL, 2592000);

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02,LT02,LT05
DROP PROCEDURE IF EXISTS set_soft_deletion;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE set_soft_deletion(
    IN p_table TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_column TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_value BIGINT,
    IN p_purge_after_seconds BIGINT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Name the column by which soft deletion marks the rows of a table, target or dependant'
BEGIN
    DECLARE v_schema, v_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_problem TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_own JSON;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        CALL deletion_widen_session(v_own);
        RESIGNAL;
    END;

    CALL deletion_widen_session(v_own);

    IF p_table IS NULL THEN
        CALL deletion_raise('JD002', 'set_soft_deletion', 'p_table is NULL', NULL);
    ELSEIF p_purge_after_seconds NOT BETWEEN 1 AND 3155760000 THEN
        CALL deletion_raise(
            'JD002', 'set_soft_deletion', 'p_purge_after_seconds is out of range',
            p_purge_after_seconds
        );
    END IF;

    IF p_column IS NULL THEN
        -- It may be taken back when its table is gone.
        DELETE FROM deletion_soft_columns AS s
        WHERE
            p_table IN (
                deletion_entity_name(s.table_schema, s.table_name),
                concat(s.table_schema, '.', s.table_name)
            );
    ELSE
        CALL deletion_find_table(p_table, 'set_soft_deletion', v_schema, v_table);

        IF deletion_is_ours(v_schema, v_table) THEN
            CALL deletion_raise(
                'JD005', 'set_soft_deletion', 'table belongs to deletion-jobs', p_table
            );
        ELSEIF p_purge_after_seconds IS NOT NULL AND deletion_target_name(p_table) IS NULL THEN
            CALL deletion_raise(
                'JD004', 'set_soft_deletion', 'table is no target: nothing to purge', p_table
            );
        -- What was marked is remembered by its key.
        ELSEIF deletion_table_key(v_schema, v_table) IS NULL THEN
            CALL deletion_raise(
                'JD005', 'set_soft_deletion',
                'table has no primary key and no unique key without NULLs', p_table
            );
        ELSEIF char_length(p_column) > 64 THEN
            CALL deletion_raise('JD002', 'set_soft_deletion', 'no such column', p_column);
        END IF;

        SET v_problem = deletion_soft_problem(v_schema, v_table, p_column, p_value);

        IF v_problem IS NOT NULL THEN
            CALL deletion_raise('JD002', 'set_soft_deletion', v_problem, p_column);
        END IF;

        -- A number that is given makes a TINYINT(1) one.
        SET v_kind = if(p_value IS NOT NULL, 'integer', (
            SELECT deletion_soft_kind(c.column_type)
            FROM information_schema.columns AS c
            WHERE
                c.table_schema = v_schema AND c.table_name = v_table AND c.column_name = p_column
        ));

        INSERT INTO deletion_soft_columns (
            table_schema, table_name, column_name, kind, mark_value, purge_after_seconds
        )
        VALUES (
            v_schema, v_table, p_column, v_kind,
            if(v_kind = 'integer', coalesce(p_value, 1), NULL), p_purge_after_seconds
        )
        ON DUPLICATE KEY UPDATE
            column_name = p_column,
            kind = v_kind,
            mark_value = if(v_kind = 'integer', coalesce(p_value, 1), NULL),
            purge_after_seconds = p_purge_after_seconds;
    END IF;
    CALL deletion_widen_session(v_own);
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_match_labels.sql
-- deletion_match_labels
-- Tell whether a label of one ENUM and the same label of another have the same number.
--
-- Parameters  p_first, p_second   the two types, as the server prints them
-- Returns     boolean: the lists of labels are the same, or one begins with the other
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_match_labels('enum(''a'')', 'enum(''a'',''b'')');
--
-- A foreign key compares the numbers: by labels in another order the engine means other rows.

DROP FUNCTION IF EXISTS deletion_match_labels;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_match_labels(
    p_first LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_second LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS BOOLEAN
LANGUAGE SQL
DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Tell whether a label of one ENUM and the same label of another have the same number'
BEGIN
    -- In place of the bracket a comma: no label of the list ends in the middle of another.
    DECLARE v_first LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
        DEFAULT concat(left(p_first, char_length(p_first) - 1), ',');
    DECLARE v_second LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
        DEFAULT concat(left(p_second, char_length(p_second) - 1), ',');

    RETURN left(v_first, char_length(v_second)) = v_second
        OR left(v_second, char_length(v_first)) = v_first;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_take_purge_back.sql
-- deletion_take_purge_back
-- Note that somebody asks for a removal that a target would have let follow its soft jobs.
--
-- Parameters  p_jobs   a JSON array of {"id": job}; NULL for a row without a job
-- Writes      deletion_attempts                    Commits  no
-- Execute     the owner only

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02
DROP PROCEDURE IF EXISTS deletion_take_purge_back;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_take_purge_back(
    IN p_jobs JSON
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Note that somebody asks for a removal that a target would have let follow its soft jobs'
BEGIN
    DECLARE v_job_id BIGINT UNSIGNED;
    DECLARE v_attempt_no INT;
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    -- Looked up without locks: those of a range would hold a claim up.
    DECLARE c_attempt CURSOR FOR
        SELECT a.job_id, a.attempt_no
        FROM json_table(p_jobs, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$.id')) AS p
        STRAIGHT_JOIN deletion_attempts AS a FORCE INDEX (PRIMARY) ON a.job_id = p.id
        WHERE a.purge_follows
        ORDER BY a.job_id, a.attempt_no;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    OPEN c_attempt;
    FETCH c_attempt INTO v_job_id, v_attempt_no;

    -- One by one, by their whole keys: a caller's safe mode refuses a join with a list.
    WHILE NOT v_is_done DO
        UPDATE deletion_attempts
        SET purge_follows = FALSE
        WHERE job_id = v_job_id AND attempt_no = v_attempt_no;
        SET v_is_done = FALSE;
        FETCH c_attempt INTO v_job_id, v_attempt_no;
    END WHILE;

    CLOSE c_attempt;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_key_changed.sql
-- deletion_key_changed
-- Tell whether the columns of a target's key now read texts otherwise than when it was registered.
--
-- Parameters  p_entity_table   the target, its table and columns still there
-- Returns     boolean; FALSE where a type has only grown, as from INT to BIGINT
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_key_changed('customer');

DROP FUNCTION IF EXISTS deletion_key_changed;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_key_changed(
    p_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS BOOLEAN
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Tell whether the columns of the key of a target now read texts otherwise than when registered'  -- noqa: LT05
BEGIN
    DECLARE v_before, v_now JSON;
    DECLARE v_old, v_new TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_pos INT DEFAULT 0;

    SELECT
        t.key_types,
        json_extract(deletion_columns(t.table_schema, t.table_name, t.key_columns), '$[*].type')
    INTO v_before, v_now
    FROM deletion_targets AS t
    WHERE t.entity_table = p_entity_table;

    WHILE v_pos < json_length(v_now) DO
        SET v_old = json_unquote(json_extract(v_before, concat('$[', v_pos, ']')));
        SET v_new = json_unquote(json_extract(v_now, concat('$[', v_pos, ']')));

        -- A BIT, a YEAR and a TIMESTAMP are spelled otherwise than their relatives.
        IF
            NOT deletion_type_family(v_old) <=> deletion_type_family(v_new)
            OR (
                concat(v_old, ',', v_new)
                REGEXP '(^|,)(bit|year|timestamp|date|char|binary)([( ,]|$)'
                AND regexp_substr(v_old, '^[a-z]+') <> regexp_substr(v_new, '^[a-z]+')
            )
        THEN
            RETURN TRUE;
        END IF;

        SET v_pos = v_pos + 1;
    END WHILE;

    RETURN FALSE;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_row_key.sql
-- deletion_row_key
-- Read the primary key of a row of any table strictly, and give the one text that stands for it.
--
-- Parameters  p_schema, p_table   the table
--             p_pk      the key as text; a composite one as a JSON array in key order
--             p_verb    the verb that was called
--             p_canonical   OUT the one text; composite keys as a JSON array of texts
-- Errors      JD002 it does not parse, or is longer than 512 characters; JD005 no key
-- Writes      nothing, and reads no row of the table     Commits  no
-- Execute     the owner only
-- Example     CALL deletion_row_key('shop', 'invoice', '042', 'hold_deletion', @dj_key);

DROP PROCEDURE IF EXISTS deletion_row_key;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_row_key(
    IN p_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_pk TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_verb VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    OUT p_canonical TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Read the primary key of a row of any table strictly'
BEGIN
    DECLARE v_columns, v_types, v_collations JSON;

    SET v_columns = deletion_columns(p_schema, p_table, deletion_table_key(p_schema, p_table));

    IF v_columns IS NULL THEN
        CALL deletion_raise(
            'JD005', p_verb, 'table has no key', deletion_entity_name(p_schema, p_table)
        );
    END IF;

    SET v_types = json_extract(v_columns, '$[*].type');
    SET v_collations = json_extract(v_columns, '$[*].text');
    SET p_canonical = deletion_key_texts(v_types, v_collations, p_pk);

    IF p_canonical IS NULL OR char_length(p_canonical) > 512 THEN
        CALL deletion_raise(
            'JD002', p_verb, concat('not a key of ', deletion_entity_name(p_schema, p_table)), p_pk
        );
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_column_frame.sql
-- deletion_column_frame
-- Describe how frames carry the values of a column of a type: written as JSON, and read as it is.
--
-- Parameters  p_column      the column
--             p_type, p_charset, p_collation   its type; the others NULL where it has none
--             p_field       its name in frames: k1 for a key, u1 for what is referred to, p1 for
--                           what refers
-- Returns     JSON object; its type is that of a JSON_TABLE column, put and get are functions
--             around the column and around the field; NULL: keys cannot be of that type
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_column_frame;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_column_frame(
    p_column VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_type LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_charset VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_collation VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_field VARCHAR(8)
) RETURNS JSON
LANGUAGE SQL
DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Describe how frames carry the values of a column of a type'
BEGIN
    DECLARE v_base, v_frame LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_family VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SET v_family = deletion_type_family(p_type);
    SET v_base = regexp_substr(p_type, '^[a-z]+');
    -- Own type, character set and collation: any other makes the engine compare by something else.
    SET v_frame = CASE
        WHEN v_base = 'bit' THEN 'BIGINT UNSIGNED'
        WHEN v_base = 'year' THEN 'SMALLINT UNSIGNED'
        WHEN v_family = 'number' THEN concat(
            upper(v_base),
            coalesce(if(v_base = 'decimal', regexp_substr(p_type, '[(][0-9, ]+[)]'), ''), ''),
            if(p_type LIKE '% unsigned%', ' UNSIGNED', '')
        )
        WHEN v_family = 'bytes' THEN concat(
            'VARCHAR(', 2 * regexp_substr(p_type, '[0-9]+'),
            ') CHARACTER SET ascii COLLATE ascii_bin'
        )
        WHEN v_family IN ('string', 'label') THEN concat(
            'VARCHAR(', if(v_family = 'label', '255', regexp_substr(p_type, '[0-9]+')),
            ') CHARACTER SET ', p_charset, ' COLLATE ', p_collation
        )
        WHEN v_base = 'date' THEN 'DATE'
        WHEN v_family IN ('moment', 'time') THEN concat(
            if(v_family = 'time', 'TIME', 'DATETIME'),
            coalesce(regexp_substr(p_type, '[(][0-9][)]'), '')
        )
    END;

    RETURN if(v_frame IS NULL, NULL, json_object(
        'f', p_field,
        'column', p_column,
        'name', deletion_quote_name(p_column),
        'family', v_family,
        'collation', p_collation,
        'type', v_frame,
        -- JSON keeps integers exactly; all else travels as text, bytes as hexadecimal digits.
        'put', CASE
            WHEN v_base IN ('bit', 'year') THEN json_array('CAST(', ' AS UNSIGNED)')
            WHEN v_family = 'number' AND v_base <> 'decimal' THEN json_array('', '')
            WHEN v_family = 'bytes' THEN json_array('HEX(', ')')
            WHEN v_family = 'string' AND p_charset = 'utf8mb4' THEN json_array('', '')
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

-- >>> procedures/mysql/planner/deletion_key_places.sql
-- deletion_key_places
-- Tell where the columns of a key stand in their table, and of how many columns.
--
-- Parameters  p_schema, p_table   the table
--             p_columns           the key's columns, a JSON array
-- Returns     JSON, an array: the place of each column, from 1, and last the number of all
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_key_places('shop', 'customer', '["id"]');
--
-- The server has no number that a column keeps. One that is renamed keeps its place, as all do; one
-- that is dropped leaves one column less, and others move up.

DROP FUNCTION IF EXISTS deletion_key_places;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_key_places(
    p_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_columns JSON
) RETURNS JSON
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Tell where the columns of a key stand in their table, and of how many columns'
BEGIN
    DECLARE v_places JSON DEFAULT json_array();
    DECLARE v_pos INT DEFAULT 0;

    -- One by one: the order of an aggregate is not promised.
    WHILE v_pos < json_length(p_columns) DO
        SET v_places = json_array_append(v_places, '$', (
            SELECT c.ordinal_position
            FROM information_schema.columns AS c
            WHERE
                c.table_schema = p_schema AND c.table_name = p_table
                AND c.column_name = json_unquote(json_extract(p_columns, concat('$[', v_pos, ']')))
        ));
        SET v_pos = v_pos + 1;
    END WHILE;

    RETURN json_array_append(v_places, '$', (
        SELECT count(*)
        FROM information_schema.columns AS c
        WHERE c.table_schema = p_schema AND c.table_name = p_table
    ));
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_sql_climb.sql
-- deletion_sql_climb
-- Write a statement that climbs from rows to those they hang from by one reference.
--
-- Parameters  p_plan_id, p_edge_no   the reference
--             p_kind                 climb, or climb_root for a declared reference to the target
-- Returns     text; climb binds rows of the child's table and answers the parents, each with the
--             "j" of its child; climb_root binds the roots and such rows, and answers, for each
--             root that a row hangs from, {"j": job, "h": the row's "j"}
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_sql_climb;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_climb(
    p_plan_id BIGINT UNSIGNED,
    p_edge_no INT,
    p_kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write a statement that climbs from rows to those they hang from by one reference'
BEGIN
    DECLARE v_keys, v_parent, v_column JSON;
    DECLARE v_child, v_above, v_on_parent, v_on_frame, v_own LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin DEFAULT '';  -- noqa: LT05
    DECLARE v_parent_no, v_pos INT DEFAULT 0;

    SELECT
        deletion_key_part(n.frame_columns), p.frame_columns, p.node_no,
        concat(n.sql_name, ' AS c', n.key_index), concat(p.sql_name, ' AS x'),
        e.on_parent, e.on_frame
    INTO v_keys, v_parent, v_parent_no, v_child, v_above, v_on_parent, v_on_frame
    FROM deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS n
        ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
    INNER JOIN deletion_plan_nodes AS p
        ON p.plan_id = e.plan_id AND p.node_no = e.parent_node_no
    WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no;

    IF p_kind = 'climb' THEN
        RETURN concat(
            'SELECT COALESCE(JSON_ARRAYAGG(JSON_OBJECT(\'n\', ', v_parent_no, ', \'j\', t.j, ',
            deletion_sql_list(v_parent, 'found_object', ', '), ')), JSON_ARRAY()), COUNT(*)\n',
            'INTO @dj_answer, @dj_rows\nFROM ',
            deletion_sql_frame(v_keys, 'j BIGINT UNSIGNED PATH \'$.j\', '),
            '\nSTRAIGHT_JOIN ', v_child, ' ON ', deletion_sql_list(v_keys, 'own', ' AND '),
            '\nSTRAIGHT_JOIN ', v_above, ' ON ', v_on_parent
        );
    END IF;

    -- Of a root that is not there a declared reference still tells the key.
    WHILE v_pos < json_length(v_keys) DO
        SET v_column = json_extract(v_keys, concat('$[', v_pos, ']'));
        SET v_own = concat(
            v_own, 'c.', v_column ->> '$.name', ' = ', v_column ->> '$.get[0]', 'h.',
            v_column ->> '$.f', v_column ->> '$.get[1]', ' AND '
        );
        SET v_pos = v_pos + 1;
    END WHILE;

    RETURN concat(
        'SELECT COALESCE(JSON_ARRAYAGG(JSON_OBJECT(\'j\', t.j, \'h\', h.j)), JSON_ARRAY()), ',
        'COUNT(*)\nINTO @dj_answer, @dj_rows\nFROM ',
        deletion_sql_frame(v_parent, 'j BIGINT UNSIGNED PATH \'$.j\', m INT PATH \'$.m\', '),
        '\nSTRAIGHT_JOIN JSON_TABLE(?, \'$[*]\' COLUMNS (j BIGINT UNSIGNED PATH \'$.j\', ',
        deletion_sql_list(v_keys, 'frame', ', '), ')) AS h\nSTRAIGHT_JOIN ', v_child, ' ON ',
        v_own, v_on_frame
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_sql_found.sql
-- deletion_sql_found
-- Write the part of a statement that finds rows by keys as holds store them.
--
-- Parameters  p_columns   the key's columns h1.., as deletion_column_frame describes them, an array
--             p_table     the table, with its index hint
-- Returns     text, from FROM on; t is the array that is bound, of {"j": number, "pk": key, "k":
--             the key as JSON}, x the rows
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_sql_found;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_found(
    p_columns JSON,
    p_table LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Write the part of a statement that finds rows by keys as holds store them'
BEGIN
    DECLARE v_frame LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin DEFAULT '';
    DECLARE v_column JSON;
    DECLARE v_pos INT DEFAULT 0;

    WHILE v_pos < json_length(p_columns) DO
        SET v_column = json_extract(p_columns, concat('$[', v_pos, ']'));
        -- What does not convert any more is an error: a hold is never passed over.
        SET v_frame = concat(
            v_frame, ', ', v_column ->> '$.f', ' ', v_column ->> '$.type', ' PATH \'$.',
            if(json_length(p_columns) = 1, 'pk', concat('k[', v_pos, ']')), '\' ERROR ON ERROR'
        );
        SET v_pos = v_pos + 1;
    END WHILE;

    RETURN concat(
        'FROM JSON_TABLE(?, \'$[*]\' COLUMNS (j BIGINT UNSIGNED PATH \'$.j\'', v_frame,
        ')) AS t\nSTRAIGHT_JOIN ', p_table, ' ON ', deletion_sql_list(p_columns, 'found', ' AND ')
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_sql_held.sql
-- deletion_sql_held
-- Write the statement that finds the held rows of a table by the key that was held.
--
-- Parameters  p_plan_id, p_node_no   the table, one of the plan's
--             p_columns              the columns of that key, a JSON array of names
-- Returns     text; binds an array of {"j": number of the hold, "pk": key, "k": the key as JSON};
--             answers the frame of the rows that are there, each with its table's number ("n");
--             NULL: the columns are no unique key of the table, or not there
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_sql_held;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_held(
    p_plan_id BIGINT UNSIGNED,
    p_node_no INT,
    p_columns JSON
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write the statement that finds the held rows of a table by the key that was held'
BEGIN
    DECLARE v_frame_columns, v_column JSON;
    DECLARE v_key JSON DEFAULT json_array();
    DECLARE v_sql_name LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_index VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
        DEFAULT deletion_unique_index(p_plan_id, p_node_no, p_columns);
    DECLARE v_pos INT DEFAULT 0;

    IF v_index IS NULL THEN
        RETURN NULL;
    END IF;

    SELECT n.sql_name, n.frame_columns
    INTO v_sql_name, v_frame_columns
    FROM deletion_plan_nodes AS n
    WHERE n.plan_id = p_plan_id AND n.node_no = p_node_no;

    WHILE v_pos < json_length(p_columns) DO
        SET v_column = deletion_frame_column(
            p_plan_id, p_node_no, json_unquote(json_extract(p_columns, concat('$[', v_pos, ']'))),
            concat('h', v_pos + 1)
        );

        IF v_column IS NULL THEN
            RETURN NULL;
        END IF;

        SET v_key = json_array_append(v_key, '$', v_column), v_pos = v_pos + 1;
    END WHILE;

    RETURN concat(
        'SELECT COALESCE(JSON_ARRAYAGG(JSON_OBJECT(\'n\', ', p_node_no, ', \'j\', t.j, ',
        deletion_sql_list(v_frame_columns, 'found_object', ', '), ')), JSON_ARRAY()), COUNT(*)\n',
        'INTO @dj_answer, @dj_rows\n',
        deletion_sql_found(v_key, concat(v_sql_name, ' AS x', deletion_sql_index(v_index)))
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_row_seen.sql
-- deletion_row_seen
-- Say whether a table has a row of a key.
--
-- Parameters  p_schema, p_table   the table
--             p_columns   the columns of the key, a JSON array of names
--             p_pk        their value, in canonical form
--             p_is_seen   OUT TRUE where it has; of a row that somebody is changing: where it
--                         had it before
-- Errors      the engine's, where the owner may not read the table
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     CALL deletion_row_seen('shop', 'invoice', '["id"]', '42', @dj_rows);

DROP PROCEDURE IF EXISTS deletion_row_seen;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_row_seen(
    IN p_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_columns JSON,
    IN p_pk TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    OUT p_is_seen BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Say whether a table has a row of a key'
BEGIN
    DECLARE v_columns JSON DEFAULT deletion_columns(p_schema, p_table, p_columns);
    DECLARE v_key JSON DEFAULT json_array();
    DECLARE v_column JSON;
    DECLARE v_sql LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_pos INT DEFAULT 0;

    WHILE v_pos < json_length(v_columns) DO
        SET v_column = json_extract(v_columns, concat('$[', v_pos, ']'));
        SET v_pos = v_pos + 1;
        SET v_key = json_array_append(v_key, '$', deletion_column_frame(
            v_column ->> '$.name', v_column ->> '$.type', v_column ->> '$.text.charset',
            v_column ->> '$.text.collation', concat('h', v_pos)
        ));
    END WHILE;

    SET v_sql = concat(
        'SELECT COUNT(*) INTO @dj_rows\n',
        deletion_sql_found(v_key, concat(
            deletion_quote_name(p_schema), '.', deletion_quote_name(p_table), ' AS x'
        ))
    );
    SET @dj_frame = json_array(json_object(
        'j', 0, 'pk', p_pk, 'k', CASE WHEN json_valid(p_pk) THEN cast(p_pk AS JSON) END
    ));

    BEGIN
        -- Somebody is changing it: what was committed last is what may have to be found again.
        DECLARE EXIT HANDLER FOR 3572
        BEGIN
            SET @dj_sql = v_sql;
            PREPARE dj_stmt FROM @dj_sql;
            EXECUTE dj_stmt USING @dj_frame;
            DEALLOCATE PREPARE dj_stmt;
        END;

        -- A snapshot of the caller's may be older than the last step: what is there now, under a
        -- lock; never waited for, since every step waits for this call.
        SET @dj_sql = concat(v_sql, '\nFOR SHARE OF x NOWAIT');
        PREPARE dj_stmt FROM @dj_sql;
        EXECUTE dj_stmt USING @dj_frame;
        DEALLOCATE PREPARE dj_stmt;
    END;

    SET p_is_seen = @dj_rows > 0;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_sql_keyless.sql
-- deletion_sql_keyless
-- Write a statement that reads child rows that have no key by which each could be told apart.
--
-- Parameters  p_plan_id, p_edge_no   the reference
--             p_kind   fetch: binds the frame and a limit; fetch_more: binds the row read last
--                      ("o": its place), the frame and a limit
-- Returns     text
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- Rows that agree in all columns by which references find them are found together, or not at all:
-- so the how-manieth of them a row is tells it apart, by whichever reference it is met.

DROP FUNCTION IF EXISTS deletion_sql_keyless;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_keyless(
    p_plan_id BIGINT UNSIGNED,
    p_edge_no INT,
    p_kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write a statement that reads child rows that have no key by which each could be told apart'
BEGIN
    DECLARE v_parent JSON;
    DECLARE v_table, v_on_frame, v_content LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SELECT
        p.frame_columns, concat(n.sql_name, ' AS c', deletion_sql_index(e.index_name)), e.on_frame
    INTO v_parent, v_table, v_on_frame
    FROM deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS p ON p.plan_id = e.plan_id AND p.node_no = e.parent_node_no
    INNER JOIN deletion_plan_nodes AS n ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
    WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no;

    IF p_kind = 'fetch' THEN
        RETURN concat(
            'SELECT JSON_ARRAY(), COUNT(*)\nINTO @dj_answer, @dj_rows\n',
            'FROM (\n    SELECT 1\n    FROM ',
            deletion_sql_frame(v_parent, 'm INT PATH \'$.m\', '),
            '\n    STRAIGHT_JOIN ', v_table, ' ON ', v_on_frame, '\n    LIMIT ?\n) AS q'
        );
    END IF;

    SELECT group_concat(
        DISTINCT concat(
            'COALESCE(HEX(CAST(c.', deletion_quote_name(k.column_name), ' AS BINARY)), \'-\')'
        )
        ORDER BY k.column_name SEPARATOR ', '
    )
    INTO v_content
    FROM deletion_plan_edges AS e
    INNER JOIN deletion_plan_edges AS o FORCE INDEX (idx_dpe_child)
        ON o.plan_id = e.plan_id AND o.child_node_no = e.child_node_no
    CROSS JOIN json_table(
        json_array_append(o.child_columns, '$', o.discriminator_column), '$[*]' COLUMNS (  -- noqa: CP02,LT05
            column_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'  -- noqa: PRS,LT05
        )
    ) AS k
    WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no;

    RETURN concat(
        'SELECT COALESCE(JSON_ARRAYAGG(JSON_OBJECT(\'j\', q.j, \'k1\', q.k1, \'o\', q.o)), ',
        'JSON_ARRAY()),\n    COUNT(*)\nINTO @dj_answer, @dj_rows\nFROM (\n',
        '    SELECT p.j, CONCAT(p.content, \':\', p.n - p.r) AS k1, MAX(p.n) OVER () AS o\n',
        '    FROM (\n        SELECT s.*\n        FROM (\n',
        '            SELECT t.j, b.content, a.o,\n',
        '                ROW_NUMBER() OVER w AS n, RANK() OVER w AS r\n            FROM ',
        'JSON_TABLE(?, \'$\' COLUMNS (o BIGINT PATH \'$.o\')) AS a\n            STRAIGHT_JOIN ',
        deletion_sql_frame(v_parent, 'j BIGINT UNSIGNED PATH \'$.j\', m INT PATH \'$.m\', '),
        '\n            STRAIGHT_JOIN ', v_table, ' ON ', v_on_frame,
        '\n            STRAIGHT_JOIN LATERAL (SELECT SHA2(CONCAT_WS(\':\', ', v_content,
        '), 256) AS content) AS b\n            WINDOW w AS (ORDER BY t.j, b.content)\n',
        '        ) AS s\n        WHERE s.o IS NULL OR s.n > s.o\n',
        '        ORDER BY s.n\n        LIMIT ?\n    ) AS p\n) AS q'
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_sql_change_rows.sql
-- deletion_sql_change_rows
-- Write the statements that delete, or set, child rows that have no key, below one row of a frame.
--
-- Parameters  p_plan_id, p_edge_no   the reference
--             p_kind   parent_row: binds one row of the frame; its values come into @dj_k1 and so
--                      on; change_rows: binds a limit; deletes, or sets, rows that hang from it
-- Returns     text
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_sql_change_rows;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_change_rows(
    p_plan_id BIGINT UNSIGNED,
    p_edge_no INT,
    p_kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write the statements that delete, or set, child rows that have no key'
BEGIN
    DECLARE v_parent JSON;
    DECLARE v_table, v_on_row, v_set, v_names, v_into, v_stays
        LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SELECT p.frame_columns, concat(n.sql_name, ' AS x'), e.set_list
    INTO v_parent, v_table, v_set
    FROM deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS p ON p.plan_id = e.plan_id AND p.node_no = e.parent_node_no
    INNER JOIN deletion_plan_nodes AS n ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
    WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no;

    IF p_kind = 'parent_row' THEN
        SET v_names = replace(deletion_sql_list(v_parent, 'order', ', '), 'q.', 't.');
        SET v_into = replace(deletion_sql_list(v_parent, 'order', ', '), 'q.', '@dj_');
        RETURN concat(
            'SELECT t.m, ', v_names, '\nINTO @dj_m, ', v_into,
            '\nFROM JSON_TABLE(?, \'$\' COLUMNS (',
            'm INT PATH \'$.m\', ', deletion_sql_list(v_parent, 'frame', ', '), ')) AS t'
        );
    END IF;

    -- Rows whose default is the very key that goes would be set to it for ever.
    SELECT concat(' AND NOT (', group_concat(  -- noqa: CP01
        'x.', deletion_quote_name(k.column_name), ' <=> DEFAULT(x.', deletion_quote_name(k.column_name), ')'  -- noqa: LT05
        SEPARATOR ' AND '
    ), ')')
    INTO v_stays
    FROM deletion_plan_edges AS e
    CROSS JOIN json_table(e.child_columns, '$[*]' COLUMNS (  -- noqa: CP02
        column_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'  -- noqa: PRS,LT05
    )) AS k
    INNER JOIN information_schema.columns AS d
        ON
            d.table_schema = e.child_schema
            AND d.table_name = e.child_table
            AND d.column_name = k.column_name
    WHERE
        e.plan_id = p_plan_id AND e.edge_no = p_edge_no AND e.action = 'set_default'
    -- Of an expression the server tells no value.
    HAVING max(d.extra LIKE '%DEFAULT_GENERATED%') = 0;

    -- A DELETE with a limit is of one table alone, and takes no hint: the parent's values stand in
    -- variables.
    SELECT concat(
        group_concat(  -- noqa: CP01
            'x.', deletion_quote_name(k.child_column), ' = ',
            -- A variable keeps the collation of whatever it held before, even of another plan.
            if(
                f.family IN ('string', 'label'),
                concat(
                    'CONVERT(@dj_', f.field, ' USING ', substring_index(f.collation, '_', 1),
                    ') COLLATE ', f.collation
                ),
                concat(f.get_before, '@dj_', f.field, f.get_after)
            )
            SEPARATOR ' AND '
        ),
        max(coalesce(concat(' AND x.', e.discriminator), '')),  -- noqa: CP01
        -- What hangs by a foreign key from a root that was not there is another story.
        max(if(e.parent_node_no = 0 AND NOT e.is_declared, ' AND @dj_m IS NULL', ''))  -- noqa: CP01
    )
    INTO v_on_row
    FROM deletion_plan_edges AS e
    CROSS JOIN json_table(e.child_columns, '$[*]' COLUMNS (  -- noqa: CP02
        pos FOR ORDINALITY, child_column VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'  -- noqa: PRS,LT05
    )) AS k
    INNER JOIN json_table(e.parent_columns, '$[*]' COLUMNS (  -- noqa: CP02
        pos FOR ORDINALITY, parent_column VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'  -- noqa: PRS,LT05
    )) AS o
        ON o.pos = k.pos
    INNER JOIN json_table(v_parent, '$[*]' COLUMNS (  -- noqa: CP02
        parent_column VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.column',  -- noqa: PRS,LT05
        field VARCHAR(8) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.f',
        family VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.family',
        collation VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.collation',  -- noqa: PRS,LT05
        get_before VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.get[0]',
        get_after VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.get[1]'
    )) AS f
        ON f.parent_column = o.parent_column
    WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no;

    RETURN concat(
        if(v_set IS NULL, 'DELETE FROM ', 'UPDATE '), v_table,
        coalesce(concat('\nSET ', v_set), ''),
        '\nWHERE ', v_on_row, coalesce(v_stays, ''), '\nLIMIT ?'
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_sql_find.sql
-- deletion_sql_find
-- Write a statement on the next child rows of one row of a wide frame, in the order of their key.
--
-- Parameters  p_plan_id, p_edge_no   the reference
--             p_kind                 find or drain_found
-- Returns     text; binds the frame, the place of the row in it, the key to begin at (and
--             for drain_found the last key) and a limit; find answers the last key in @dj_last and
--             the number of rows in @dj_rows. NULL: the index of the reference is in another order
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- An index keeps deleted rows as long as somebody's old snapshot may see them: each batch begins
-- where the one before ended. By constants alone the engine begins to read in the middle of one.

DROP FUNCTION IF EXISTS deletion_sql_find;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_find(
    p_plan_id BIGINT UNSIGNED,
    p_edge_no INT,
    p_kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write a statement on the next child rows of one row of a wide frame, in the order of their key'  -- noqa: LT05
BEGIN
    DECLARE v_key, v_child JSON;
    DECLARE v_table, v_index, v_where, v_field
        LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SELECT
        n.key_part, e.frame_columns, (
            SELECT c.f
            FROM json_table(p.frame_columns, '$[*]' COLUMNS (  -- noqa: CP02
                f VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.f',  -- noqa: PRS,LT05
                name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.column'
            )) AS c
            WHERE c.name = e.parent_columns ->> '$[0]'
        ) AS field,
        n.sql_name, e.index_name
    INTO v_key, v_child, v_field, v_table, v_index
    FROM deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS p
        ON p.plan_id = e.plan_id AND p.node_no = e.parent_node_no
    INNER JOIN deletion_plan_nodes AS n
        ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
    WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no AND e.is_ordered;

    SET v_where = concat(
        'WHERE\n    c.', v_child ->> '$[0].name',
        ' = CAST(JSON_UNQUOTE(JSON_EXTRACT(?, CONCAT(\'$[\', ?, \'].', v_field,
        '\'))) AS ', if(v_child ->> '$[0].type' LIKE '%UNSIGNED', 'UNSIGNED', 'SIGNED'), ')',
        -- Not behind it: the first of all keys may be a row's.
        '\n    AND c.', v_key ->> '$[0].name', ' >= ?'
    );

    RETURN if(
        p_kind = 'find',
        concat(
            'SELECT MAX(q.k), COUNT(*)\nINTO @dj_last, @dj_rows\nFROM (\nSELECT c.',
            v_key ->> '$[0].name', ' AS k\nFROM ', v_table, ' AS c', deletion_sql_index(v_index),
            '\n', v_where, '\nORDER BY c.', v_key ->> '$[0].name', '\nLIMIT ?\n) AS q'
        ),
        concat(
            'DELETE /*+ INDEX(c ', deletion_quote_name(v_index), ') */ FROM ', v_table, ' AS c\n',
            v_where, '\n    AND c.', v_key ->> '$[0].name', ' <= ?\nORDER BY c.',
            v_key ->> '$[0].name', '\nLIMIT ?'
        )
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_sql_default.sql
-- deletion_sql_default
-- Write the statement that finds rows whose default no parent will have, before any is touched.
--
-- Parameters  p_plan_id, p_edge_no   a reference whose rows get a default
-- Returns     text; binds a walk that has ended, and gives such rows of it the fate of those that
--             block as well. NULL: no row can be one, or what the default is to be cannot be known
--             beforehand
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- The engine refuses a default that is in no row of the parent. A job would find the one that is in
-- a row which it deletes as well when that has its turn, and much is gone by then. A declared
-- reference may point at nothing; but what points again at a row that goes would have no end.

DROP FUNCTION IF EXISTS deletion_sql_default;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_default(
    p_plan_id BIGINT UNSIGNED,
    p_edge_no INT
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write the statement that finds rows whose default no parent will have'
BEGIN
    DECLARE v_pos INT DEFAULT 0;
    DECLARE v_child, v_parent JSON;
    DECLARE v_schema, v_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_is_gone LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_values, v_match, v_root LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
        DEFAULT '';
    DECLARE v_misses, v_is_null, v_is_known, v_is_declared BOOLEAN;

    SELECT e.child_columns, e.parent_columns, e.child_schema, e.child_table, e.is_declared
    INTO v_child, v_parent, v_schema, v_table, v_is_declared
    FROM deletion_plan_edges AS e
    WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no;

    -- Without a default a column is set NULL, and the row refers to nothing; or it cannot be set.
    SELECT
        coalesce(max(c.column_default IS NULL AND c.is_nullable = 'NO'), FALSE),
        coalesce(max(c.column_default IS NULL), FALSE),
        coalesce(min(c.extra NOT LIKE '%DEFAULT_GENERATED%'), FALSE)
    INTO v_misses, v_is_null, v_is_known
    FROM information_schema.columns AS c
    WHERE
        c.table_schema = convert(v_schema USING utf8mb3) COLLATE utf8mb3_bin  -- noqa: CP01
        AND c.table_name = convert(v_table USING utf8mb3) COLLATE utf8mb3_bin  -- noqa: CP01
        AND json_contains(v_child, json_quote(c.column_name));

    IF NOT v_misses AND (v_is_null OR NOT v_is_known) THEN
        RETURN NULL;
    END IF;

    WHILE v_pos < json_length(v_child) DO
        SET v_values = concat(
            v_values, if(v_pos = 0, '', ', '), 'DEFAULT(c.', deletion_quote_name(
                json_unquote(json_extract(v_child, concat('$[', v_pos, ']')))
            ), ') AS v', v_pos
        );
        SET v_match = concat(
            v_match, if(v_pos = 0, '', ' AND '), 'x.', deletion_quote_name(
                json_unquote(json_extract(v_parent, concat('$[', v_pos, ']')))
            ), ' = v.v', v_pos
        );
        SET v_root = concat(v_root, if(v_pos = 0, '', ' AND '), (
            SELECT concat(f.get_0, 't.', f.f, f.get_1)
            FROM deletion_plan_edges AS e
            INNER JOIN deletion_plan_nodes AS p
                ON p.plan_id = e.plan_id AND p.node_no = e.parent_node_no
            INNER JOIN json_table(p.frame_columns, '$[*]' COLUMNS (  -- noqa: CP02
                name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.column',  -- noqa: PRS,LT05
                f VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.f',
                get_0 TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.get[0]',
                get_1 TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.get[1]'
            )) AS f
                ON f.name = json_unquote(json_extract(v_parent, concat('$[', v_pos, ']')))
            WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no
        ), ' = v.v', v_pos);
        SET v_pos = v_pos + 1;
    END WHILE;

    -- Row x of the parent goes by the same job. Counted: what EXISTS asks for the server would join
    -- to rows whose statistics say that there are none.
    SELECT concat(
        '(\n    SELECT COUNT(*) FROM deletion_walk_keys AS d FORCE INDEX (PRIMARY)\n    WHERE',
        ' d.walk_id = s.walk_id AND d.job_id = s.job_id AND d.node_no = ', p.node_no,
        ' AND d.fate = \'delete\'\n        AND d.key_hash = deletion_key_hash(JSON_OBJECT(',
        deletion_sql_list(p.key_part, 'found_object', ', '), '))\n) > 0'
    )
    INTO v_is_gone
    FROM deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS p ON p.plan_id = e.plan_id AND p.node_no = e.parent_node_no
    WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no;

    RETURN (
        SELECT concat(
            'INSERT IGNORE INTO deletion_walk_keys (\n    walk_id, job_id, node_no, fate,',
            ' key_hash, edge_no, `keys`, is_expanded\n)\nSELECT s.walk_id, s.job_id, s.node_no,',
            ' \'restrict\', s.key_hash, ', p_edge_no, ', s.`keys`, TRUE\nFROM ',
            if(v_misses, '', concat(
                '(SELECT ', v_values, ' FROM ', n.sql_name, ' AS c LIMIT 1) AS v\nLEFT JOIN ',
                p.sql_name, ' AS x ON ', v_match, '\nSTRAIGHT_JOIN '
            )),
            'deletion_walk_keys AS s FORCE INDEX (PRIMARY)\nWHERE s.walk_id = ? AND s.node_no = ',
            e.child_node_no, ' AND s.fate = \'set_default\'',
            -- A row that another reference sets first is not found by this one.
            if(
                EXISTS (  -- noqa: CP03,LT06
                    SELECT 1
                    FROM deletion_plan_edges AS o FORCE INDEX (idx_dpe_child)
                    WHERE
                        o.plan_id = p_plan_id
                        AND o.child_node_no = e.child_node_no
                        AND o.action IN ('set_null', 'scrub')
                        AND json_overlaps(o.child_columns, e.child_columns)
                ),
                concat(
                    '\n    AND (SELECT COUNT(*) FROM deletion_walk_keys AS d FORCE INDEX (PRIMARY)',
                    ' WHERE d.walk_id = s.walk_id AND d.job_id = s.job_id',
                    ' AND d.node_no = s.node_no AND d.fate IN (\'set_null\', \'scrub\')',
                    ' AND d.key_hash = s.key_hash) = 0'
                ),
                ''
            ),
            -- Of several references that would set it a row is known by one.
            if(n.key_columns IS NULL, '', concat(
                '\n    AND (s.edge_no = ', p_edge_no, ' OR (\n    SELECT COUNT(*)\n    FROM',
                ' JSON_TABLE(s.`keys`, \'$\' COLUMNS (', n.key_frame, ')) AS t\n    STRAIGHT_JOIN ',
                n.sql_name, ' AS c', n.key_index, ' ON ',
                deletion_sql_list(n.key_part, 'own', ' AND '),
                '\n    STRAIGHT_JOIN ', p.sql_name, ' AS x ON ', e.on_parent,
                '\n    WHERE ', v_is_gone, '\n) > 0)'
            )),
            CASE
                WHEN v_misses THEN ''
                WHEN v_is_declared THEN concat(
                    '\n    AND (', v_is_gone,
                    -- A root that is not there has nothing but its key.
                    if(p.node_no > 0, '', concat(
                        ' OR (\n    SELECT COUNT(*)\n    FROM deletion_walk_keys AS d',
                        ' FORCE INDEX (PRIMARY)\n    STRAIGHT_JOIN JSON_TABLE(d.`keys`, \'$\'',
                        ' COLUMNS (', p.row_frame, ')) AS t\n    WHERE d.walk_id = s.walk_id',
                        ' AND d.job_id = s.job_id AND d.node_no = 0 AND d.fate = \'delete\'',
                        ' AND JSON_CONTAINS_PATH(d.`keys`, \'one\', \'$.m\') AND ', v_root,
                        '\n) > 0'
                    )), ')'
                )
                ELSE concat(
                    '\n    AND (x.', deletion_quote_name(
                        json_unquote(json_extract(v_parent, '$[0]'))
                    ), ' IS NULL OR ', v_is_gone, ')'
                )
            END
        )
        FROM deletion_plan_edges AS e
        INNER JOIN deletion_plan_nodes AS n
            ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
        INNER JOIN deletion_plan_nodes AS p
            ON p.plan_id = e.plan_id AND p.node_no = e.parent_node_no
        WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_sql_scrub.sql
-- deletion_sql_scrub
-- Write what a rule sets beside the reference's own columns: constants, as quoted literals.
--
-- Parameters  p_schema, p_table   the table that refers
--             p_reference         the reference
-- Returns     text, ", x.column = literal" for each of the rule's columns; empty where it has none
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_sql_scrub;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_scrub(
    p_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_reference VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write what a rule sets beside the reference''s own columns: constants, as quoted literals'
BEGIN
    DECLARE v_scrub, v_columns, v_column JSON;
    DECLARE v_pos INT DEFAULT 0;
    DECLARE v_list, v_text, v_type LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
        DEFAULT '';

    SELECT r.scrub
    INTO v_scrub
    FROM deletion_rules AS r
    WHERE
        r.child_schema = p_schema AND r.child_table = p_table
        AND r.reference_name = p_reference;

    SET v_columns = deletion_columns(p_schema, p_table, json_keys(v_scrub));

    WHILE v_pos < coalesce(json_length(v_columns), 0) DO
        SET v_column = json_extract(v_columns, concat('$[', v_pos, ']'));
        SET v_type = v_column ->> '$.type';
        SET v_column = json_extract(v_column, '$.name');
        SET v_text = json_unquote(json_extract(v_scrub, concat('$.', v_column)));
        SET v_list = concat(
            v_list, ', x.', deletion_quote_name(json_unquote(v_column)), ' = ',
            CASE
                WHEN json_type(json_extract(v_scrub, concat('$.', v_column))) = 'NULL' THEN 'NULL'
                WHEN
                    deletion_type_family(v_type) = 'number'
                    OR v_type REGEXP '^(float|double)'
                    THEN v_text
                WHEN deletion_type_family(v_type) = 'bytes' OR v_type LIKE '%blob'
                    THEN concat('X\'', v_text, '\'')
                ELSE quote(v_text)
            END
        );
        SET v_pos = v_pos + 1;
    END WHILE;

    RETURN v_list;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_sql_untouched.sql
-- deletion_sql_untouched
-- Write what keeps an UPDATE from changing columns that the server sets by itself.
--
-- Parameters  p_plan_id, p_node_no   the table
--             p_columns              the columns that the UPDATE sets, a JSON array
--             p_row                  the name of the row in the statement
-- Returns     text, ", x.column = x.column" for each such column; empty where it has none
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- ON UPDATE CURRENT_TIMESTAMP: the engine's own SET NULL leaves such columns alone.

DROP FUNCTION IF EXISTS deletion_sql_untouched;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_untouched(
    p_plan_id BIGINT UNSIGNED,
    p_node_no INT,
    p_columns JSON,
    p_row VARCHAR(1) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write what keeps an UPDATE from changing columns that the server sets by itself'
BEGIN
    RETURN (
        SELECT coalesce(
            group_concat(  -- noqa: CP01
                ', ', p_row, '.', deletion_quote_name(c.column_name), ' = ', p_row, '.',
                deletion_quote_name(c.column_name)
                ORDER BY c.column_name SEPARATOR ''
            ),
            ''
        )
        FROM deletion_node_columns AS c
        WHERE
            c.plan_id = p_plan_id
            AND c.node_no = p_node_no
            AND c.sets_itself
            AND NOT json_contains(p_columns, json_quote(c.column_name))
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_table_key.sql
-- deletion_table_key
-- Find the columns that name a row of a table: its primary key, else its smallest unique key.
--
-- Parameters  p_schema, p_table   the table
-- Returns     JSON array of column names; NULL: no key without NULLs
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_table_key('shop', 'customer');

DROP FUNCTION IF EXISTS deletion_table_key;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_table_key(
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

-- >>> procedures/mysql/planner/deletion_sql_childless.sql
-- deletion_sql_childless
-- Write the condition that nothing refers to a row by any reference of the plan.
--
-- Parameters  p_plan_id, p_node_no   the row's table
-- Returns     text, to follow a condition: row x has no children; empty where no table can have any
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_sql_childless;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_childless(
    p_plan_id BIGINT UNSIGNED,
    p_node_no INT
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write the condition that nothing refers to a row by any reference of the plan'
BEGIN
    RETURN (
        SELECT coalesce(group_concat(
            '\n    AND NOT EXISTS (SELECT 1 FROM ', n.sql_name, ' AS c',
            e.index_hint, ' WHERE ', e.on_parent, ')'
            ORDER BY e.edge_no SEPARATOR ''
        ), '')
        FROM deletion_plan_edges AS e FORCE INDEX (uq_dpe_reference)
        INNER JOIN deletion_plan_nodes AS n
            ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
        WHERE
            e.plan_id = p_plan_id AND e.parent_node_no = p_node_no AND e.action <> 'keep'
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_sql_circle.sql
-- deletion_sql_circle
-- Write a statement that a walk needs where rows refer to each other in a circle.
--
-- Parameters  p_plan_id, p_edge_no   the reference; 0: the target's own rows
--             p_kind                 see below
-- Returns     text
--             fetch_beyond   as fetch_more, without rows that are on the stack: binds the row read
--                            last, the frame, the walk of the stack, and a limit
--             break          binds the frame, twice the walk, and a limit: children of the frame
--                            that the check let go of lose the reference; in tables where it let go
--                            of none, those that are on the stack for the same job. Both would keep
--                            a different one, and together none. break_look, without the limit,
--                            counts them
--             give_up        binds the frame, rows of the child's table that the walk came by, and
--                            a limit: those that are children of the frame lose the reference, and
--                            go without their default; give_look, without the limit, counts them
--             own_break      binds the frame and a limit: the frame's own rows lose references that
--                            would keep their parents; own_look, without the limit, counts them
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_sql_circle;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_circle(
    p_plan_id BIGINT UNSIGNED,
    p_edge_no INT,
    p_kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write a statement that a walk needs where rows refer to each other in a circle'
BEGIN
    DECLARE v_node_no INT DEFAULT 0;
    DECLARE v_keys, v_parent, v_pointers JSON;
    DECLARE v_table, v_child, v_own, v_on_frame, v_found, v_set, v_discriminator, v_stack, v_kept,
        v_rows LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SELECT e.child_node_no
    INTO v_node_no
    FROM deletion_plan_edges AS e
    WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no;

    SELECT
        n.key_part, concat(n.sql_name, ' AS x', n.key_index),
        concat(n.sql_name, ' AS c', n.key_index)
    INTO v_keys, v_table, v_own
    FROM deletion_plan_nodes AS n
    WHERE n.plan_id = p_plan_id AND n.node_no = v_node_no;

    -- Every key that such a walk has on its stack is among its scratch rows.
    SET v_stack = concat(
        'EXISTS (SELECT 1 FROM deletion_walk_keys AS w WHERE w.walk_id = ? AND w.job_id = 0',
        ' AND w.node_no = ', v_node_no, ' AND w.fate = \'stack\'',
        ' AND w.key_hash = deletion_key_hash(JSON_OBJECT(',
        deletion_sql_list(v_keys, 'own_object', ', '), '))'
    );

    -- Of most references this is all that is asked for.
    IF p_kind = 'fetch_beyond' THEN
        RETURN deletion_sql_fetch(p_plan_id, p_edge_no, TRUE, concat('NOT ', v_stack, ')'));
    END IF;

    SELECT
        p.frame_columns, e.frame_columns AS pointer_columns, e.on_frame,
        e.found_by, e.break_list, concat(n.sql_name, ' AS c', deletion_sql_index(e.index_name)),
        coalesce(concat(' AND c.', e.discriminator), '')
    INTO v_parent, v_pointers, v_on_frame, v_found, v_set, v_child, v_discriminator
    FROM deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS p ON p.plan_id = e.plan_id AND p.node_no = e.parent_node_no
    INNER JOIN deletion_plan_nodes AS n ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
    WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no;

    IF p_kind IN ('break', 'break_look', 'give_up', 'give_look') THEN
        SET v_pointers = json_merge_preserve(v_keys, v_pointers);
        SET v_rows = concat(
            '(\n    SELECT ', deletion_sql_list(v_pointers, 'raw', ', '),
            '\n    FROM ', deletion_sql_frame(
                v_parent, 'j BIGINT UNSIGNED PATH \'$.j\', m INT PATH \'$.m\', '
            ),
            '\n    STRAIGHT_JOIN ', v_child, ' ON ', v_on_frame,
            '\n    WHERE ',
            if(p_kind LIKE 'give%', concat(
                'EXISTS (SELECT 1 FROM ', deletion_sql_frame(v_keys, ''), ' WHERE ',
                deletion_sql_list(v_keys, 'own', ' AND '), ')'
            ), concat(
                -- Another job may be stopped before its row goes.
                v_stack, ' AND w.edge_no <> ', p_edge_no,
                ' AND CAST(w.`keys` AS UNSIGNED) = t.j',
                ' AND NOT EXISTS (SELECT 1 FROM deletion_walk_links AS l',
                ' WHERE l.walk_id = w.walk_id AND l.job_id = t.j AND l.child_node_no = w.node_no',
                ' AND l.is_let_go))',
                '\n    OR EXISTS (SELECT 1 FROM deletion_walk_links AS l WHERE l.walk_id = ?',
                ' AND l.job_id = t.j AND l.child_node_no = ', v_node_no, ' AND l.child_hash =',
                ' deletion_key_hash(JSON_OBJECT(', deletion_sql_list(v_keys, 'own_object', ', '),
                '))', ' AND l.edge_no = ', p_edge_no, ' AND l.is_let_go)'
            ))
        );
    END IF;

    IF p_kind LIKE 'own%' THEN
        SELECT
            group_concat(DISTINCT e.break_list SEPARATOR ', '),
            group_concat('(', (
                SELECT group_concat(
                    'x.', deletion_quote_name(k.name), ' IS NOT NULL' SEPARATOR ' AND '
                )
                FROM json_table(e.child_columns, '$[*]' COLUMNS (  -- noqa: CP02
                    name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'  -- noqa: PRS,LT05
                )) AS k
            ), ')' SEPARATOR ' OR ')
        INTO v_set, v_kept
        FROM deletion_plan_edges AS e FORCE INDEX (idx_dpe_child)
        WHERE
            e.plan_id = p_plan_id
            AND e.child_node_no = v_node_no
            AND e.action = 'restrict'
            AND e.break_list IS NOT NULL;
        SET v_pointers = json_merge_preserve(v_keys, coalesce(v_pointers, json_array()));
        SET v_rows = concat(
            '(\n    SELECT ', deletion_sql_list(v_pointers, 'found_raw', ', '),
            '\n    FROM ', deletion_sql_frame(v_pointers, 'm INT PATH \'$.m\', '),
            '\n    STRAIGHT_JOIN ', v_table, ' ON ', deletion_sql_list(v_keys, 'found', ' AND '),
            coalesce(concat(' AND ', v_found), ' AND t.m IS NULL'), '\n    WHERE ', v_kept
        );
    END IF;

    -- The number that UPDATE gives depends on the client: they are counted before and after.
    IF p_kind LIKE '%look' THEN
        RETURN concat(
            'SELECT NULL, COUNT(*)\nINTO @dj_answer, @dj_rows\nFROM ', v_rows, '\n) AS q'
        );
    END IF;

    RETURN concat(
        'UPDATE ', v_rows, '\n    LIMIT ?\n) AS q\nSTRAIGHT_JOIN ', v_own, ' ON ',
        deletion_sql_list(v_pointers, 'back', ' AND '), coalesce(v_discriminator, ''), '\nSET ',
        v_set
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_sql_link.sql
-- deletion_sql_link
-- Write the statement that finds which rows of a walk some others of it have to go before.
--
-- Parameters  p_plan_id, p_edge_no   the reference
-- Returns     text; binds a frame of child rows; answers each one's job, its hash and that of its
--             parent, in @dj_answer
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_sql_link;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_link(
    p_plan_id BIGINT UNSIGNED,
    p_edge_no INT
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write the statement that finds which rows of a walk some others of it have to go before'
BEGIN
    RETURN (
        SELECT concat(
            'SELECT COALESCE(JSON_ARRAYAGG(JSON_OBJECT(\'j\', t.j, ',
            '\'c\', HEX(deletion_key_hash(t.o)), \'p\', HEX(deletion_key_hash(JSON_OBJECT(',
            deletion_sql_list(p.key_part, 'found_object', ', '), '))))), JSON_ARRAY()),\n',
            '    COUNT(*)\nINTO @dj_answer, @dj_rows\nFROM ',
            deletion_sql_frame(n.key_part, 'o JSON PATH \'$\', j BIGINT UNSIGNED PATH \'$.j\', '),
            '\nSTRAIGHT_JOIN ', n.sql_name, ' AS c', n.key_index, ' ON ',
            deletion_sql_list(n.key_part, 'own', ' AND '),
            '\nSTRAIGHT_JOIN ', p.sql_name, ' AS x ON ', e.on_parent
        )
        FROM deletion_plan_edges AS e
        INNER JOIN deletion_plan_nodes AS n
            ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
        INNER JOIN deletion_plan_nodes AS p
            ON p.plan_id = e.plan_id AND p.node_no = e.parent_node_no
        WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_sql_part.sql
-- deletion_sql_part
-- Write the statement that parts rows from themselves which the engine would refuse to delete.
--
-- Parameters  p_plan_id, p_edge_no   the self-reference
-- Returns     text; binds a frame of rows that go in the same transaction
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_sql_part;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_part(
    p_plan_id BIGINT UNSIGNED,
    p_edge_no INT
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write the statement that parts rows from themselves which the engine would refuse to delete'  -- noqa: LT05
BEGIN
    RETURN (
        SELECT concat(
            'UPDATE ', deletion_sql_frame(n.key_part, ''), '\nSTRAIGHT_JOIN ', n.sql_name,
            ' AS c', n.key_index, ' ON ', deletion_sql_list(n.key_part, 'own', ' AND '), (
                SELECT group_concat(
                    ' AND c.', deletion_quote_name(k.name), ' = c.', deletion_quote_name(o.name)
                    SEPARATOR ''
                )
                FROM json_table(e.child_columns, '$[*]' COLUMNS (  -- noqa: CP02
                    pos FOR ORDINALITY,  -- noqa: PRS
                    name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'
                )) AS k
                INNER JOIN json_table(e.parent_columns, '$[*]' COLUMNS (  -- noqa: CP02
                    pos FOR ORDINALITY,  -- noqa: PRS
                    name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'
                )) AS o ON o.pos = k.pos
            ), '\nSET ', e.break_list
        )
        FROM deletion_plan_edges AS e
        INNER JOIN deletion_plan_nodes AS n
            ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
        WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_plan_kept.sql
-- deletion_plan_kept
-- Leave out of a plan what is kept and cannot be read: previews alone read it, no job needs it.
--
-- Parameters  p_plan_id   the plan
-- Writes      deletion_plan_edges                  Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_plan_kept;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_plan_kept(
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Leave out of a plan what is kept and cannot be read'
BEGIN
    DELETE e
    FROM deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS p
        ON p.plan_id = e.plan_id AND p.node_no = e.parent_node_no
    LEFT JOIN information_schema.tables AS t
        ON
            t.table_schema = e.child_schema
            AND t.table_name = e.child_table
            AND t.table_type = 'BASE TABLE'
            AND t.engine = 'InnoDB'
    WHERE
        e.plan_id = p_plan_id
        AND e.action = 'keep'
        AND (
            t.table_name IS NULL
            OR deletion_table_key(e.child_schema, e.child_table) IS NULL
            OR EXISTS (
                SELECT 1
                FROM information_schema.columns AS c
                WHERE
                    deletion_type_family(c.column_type) IS NULL
                    AND (
                        (
                            c.table_schema = e.child_schema
                            AND c.table_name = e.child_table
                            AND json_contains(
                                deletion_table_key(e.child_schema, e.child_table),
                                json_quote(c.column_name)
                            )
                        )
                        OR (
                            c.table_schema = p.table_schema
                            AND c.table_name = p.table_name
                            AND json_contains(e.parent_columns, json_quote(c.column_name))
                        )
                    )
            )
        );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_plan_catalog.sql
-- deletion_plan_catalog
-- Read the columns and indexes of a plan's tables from the server, all at once.
--
-- Parameters  p_plan_id   the plan, its tables known
-- Writes      deletion_node_columns, deletion_node_indexes     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_plan_catalog;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_plan_catalog(
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Read the columns and indexes of a plan''s tables from the server, all at once'
BEGIN
    -- In the dictionary's own character set: in any other, each look would read a whole schema.
    INSERT INTO deletion_node_columns (
        plan_id, node_no, column_name, column_type, character_set_name, collation_name, sets_itself
    )
    SELECT
        p_plan_id, n.node_no, c.column_name, c.column_type, c.character_set_name, c.collation_name,
        c.extra LIKE '%on update%'
    FROM deletion_plan_nodes AS n
    STRAIGHT_JOIN information_schema.columns AS c  -- noqa: PRS
        ON
            c.table_schema = convert(n.table_schema USING utf8mb3) COLLATE utf8mb3_bin
            AND c.table_name = convert(n.table_name USING utf8mb3) COLLATE utf8mb3_bin
    WHERE n.plan_id = p_plan_id;

    INSERT INTO deletion_node_indexes (
        plan_id, node_no, index_name, seq_in_index, column_name, is_unique, is_prefix, is_nullable,
        is_visible, index_type
    )
    SELECT
        p_plan_id, n.node_no, i.index_name, i.seq_in_index, i.column_name, i.non_unique = 0,
        i.sub_part IS NOT NULL, i.nullable = 'YES', i.is_visible = 'YES', i.index_type
    FROM deletion_plan_nodes AS n
    STRAIGHT_JOIN information_schema.statistics AS i  -- noqa: PRS
        ON
            i.table_schema = convert(n.table_schema USING utf8mb3) COLLATE utf8mb3_bin
            AND i.table_name = convert(n.table_name USING utf8mb3) COLLATE utf8mb3_bin
    WHERE n.plan_id = p_plan_id;

    UPDATE deletion_plan_nodes AS n
    SET n.key_columns = deletion_node_key(p_plan_id, n.node_no)
    -- The target's own key is the one that it is registered by.
    WHERE n.plan_id = p_plan_id AND n.node_no > 0;

    UPDATE deletion_plan_nodes AS n
    SET n.key_index = deletion_sql_index(
        deletion_unique_index(p_plan_id, n.node_no, n.key_columns)
    )
    WHERE n.plan_id = p_plan_id;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_read_scrub.sql
-- deletion_read_scrub
-- Read what a rule scrubs, strictly: columns of a table, each with a constant or NULL.
--
-- Parameters  p_schema, p_table   the table
--             p_scrub             a JSON object, column to value
--             p_values            OUT the same, each value as its type prints it
--             p_problem           OUT why it cannot be; NULL: it can
-- Writes      nothing, and reads no row of the table     Commits  no
-- Execute     the owner only
-- Example     CALL deletion_read_scrub('shop', 'invoice', '{"name": "gone"}', @dj_v, @dj_p);

DROP PROCEDURE IF EXISTS deletion_read_scrub;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_read_scrub(
    IN p_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_scrub JSON,
    OUT p_values JSON,
    OUT p_problem TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Read what a rule scrubs, strictly: columns of a table, each with a constant or NULL'
BEGIN
    DECLARE v_columns, v_column, v_value JSON;
    DECLARE v_pos INT DEFAULT 0;
    DECLARE v_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_text LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SET p_values = json_object(), p_problem = NULL;

    IF p_scrub IS NULL OR json_type(p_scrub) <> 'OBJECT' OR json_length(p_scrub) = 0 THEN
        SET p_problem = 'what to scrub is no object of columns';
    ELSE
        SET v_columns = deletion_columns(p_schema, p_table, json_keys(p_scrub));
        SET p_problem = if(v_columns IS NULL, 'there is no such column', NULL);
    END IF;

    WHILE p_problem IS NULL AND v_pos < json_length(v_columns) DO
        SET v_column = json_extract(v_columns, concat('$[', v_pos, ']'));
        SET v_name = v_column ->> '$.name';
        SET v_value = json_extract(p_scrub, concat('$.', json_quote(v_name)));
        SET v_text = deletion_column_text(
            v_value,
            v_column ->> '$.type',
            nullif(coalesce(v_column ->> '$.text.charset', 'null'), 'null')
        );
        SET p_problem = deletion_scrub_objection(
            p_schema, p_table, v_name, v_value, json_extract(v_column, '$.null') = TRUE, v_text
        );
        SET p_values = json_set(p_values, concat('$.', json_quote(v_name)), v_text);
        SET v_pos = v_pos + 1;
    END WHILE;

    SET p_problem = concat(p_problem, coalesce(concat(' (', v_name, ')'), ''));
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_rule_problem.sql
-- deletion_rule_problem
-- Say which rule of a plan does not fit its table any more, if one of them does not.
--
-- Parameters  p_plan_id   the plan
--             p_error     OUT text naming table and reference; NULL: all fit
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_rule_problem;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_rule_problem(
    IN p_plan_id BIGINT UNSIGNED,
    OUT p_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Say which rule of a plan does not fit its table any more, if one of them does not'
BEGIN
    DECLARE v_schema, v_table, v_reference VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;  -- noqa: LT05
    DECLARE v_problem TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_scrub, v_values JSON;
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE c_rule CURSOR FOR
        SELECT r.child_schema, r.child_table, r.reference_name, r.scrub
        FROM deletion_plan_edges AS e
        INNER JOIN deletion_rules AS r
            ON
                r.child_schema = e.child_schema
                AND r.child_table = e.child_table
                AND r.reference_name = e.reference_name
        WHERE e.plan_id = p_plan_id AND e.action = 'scrub'
        ORDER BY r.child_schema, r.child_table, r.reference_name;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    OPEN c_rule;
    FETCH c_rule INTO v_schema, v_table, v_reference, v_scrub;

    WHILE NOT v_is_done DO
        CALL deletion_read_scrub(v_schema, v_table, v_scrub, v_values, v_problem);
        SET p_error = coalesce(p_error, concat(
            deletion_entity_name(v_schema, v_table), ' cannot be scrubbed by ', v_reference, ': ',
            v_problem
        ));
        SET v_is_done = FALSE;
        FETCH c_rule INTO v_schema, v_table, v_reference, v_scrub;
    END WHILE;

    CLOSE c_rule;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_scrub_objection.sql
-- deletion_scrub_objection
-- Say why a column cannot be set to a constant when a row is scrubbed.
--
-- Parameters  p_schema, p_table, p_column   the column
--             p_value                       the constant
--             p_is_nullable                 TRUE: the column may be NULL
--             p_text                        the constant as the column's type prints it
-- Returns     text; NULL: it can
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_scrub_objection;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_scrub_objection(
    p_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_column VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_value JSON,
    p_is_nullable BOOLEAN,
    p_text LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Say why a column cannot be set to a constant when a row is scrubbed'
BEGIN
    DECLARE v_is_null BOOLEAN DEFAULT json_type(p_value) = 'NULL';
    DECLARE v_made JSON DEFAULT json_array();
    DECLARE v_from JSON DEFAULT json_array(p_column);
    DECLARE v_count INT DEFAULT -1;

    -- What the engine makes from the column, and from that again.
    WHILE json_length(v_made) > v_count DO
        SET v_count = json_length(v_made);
        SET v_made = (
            SELECT coalesce(json_arrayagg(c.column_name), json_array())
            FROM information_schema.columns AS c
            WHERE
                c.table_schema = p_schema
                AND c.table_name = p_table
                AND c.generation_expression <> ''
                AND EXISTS (
                    SELECT 1
                    FROM json_table(v_from, '$[*]' COLUMNS (  -- noqa: CP02
                        name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'  -- noqa: PRS,LT05
                    )) AS k
                    WHERE locate(deletion_quote_name(k.name), c.generation_expression) > 0
                )
        );
        SET v_from = json_merge_preserve(json_array(p_column), v_made);
    END WHILE;

    RETURN CASE
        WHEN EXISTS (
            SELECT 1
            FROM information_schema.columns AS c
            WHERE
                c.table_schema = p_schema AND c.table_name = p_table AND c.column_name = p_column
                AND c.generation_expression <> ''
        ) THEN 'the column is generated'
        WHEN json_contains(deletion_table_key(p_schema, p_table), json_quote(p_column))
            THEN 'the column is part of the key'
        -- A reference is what detaches; another one would lead the row elsewhere.
        WHEN EXISTS (
            SELECT 1
            FROM information_schema.key_column_usage AS k
            WHERE
                k.referenced_table_name IS NOT NULL
                AND (
                    (
                        k.table_schema = p_schema AND k.table_name = p_table
                        AND k.column_name = p_column
                    )
                    OR (
                        k.referenced_table_schema = p_schema
                        AND k.referenced_table_name = p_table
                        AND k.referenced_column_name = p_column
                    )
                )
        ) OR EXISTS (
            SELECT 1
            FROM deletion_references AS d
            WHERE
                (
                    d.child_schema = p_schema AND d.child_table = p_table
                    AND (
                        json_contains(d.child_columns, json_quote(p_column))
                        OR d.discriminator_column = p_column
                    )
                )
                OR (
                    d.parent_schema = p_schema AND d.parent_table = p_table
                    AND json_contains(d.parent_columns, json_quote(p_column))
                )
        ) THEN 'the column belongs to a reference'
        WHEN json_overlaps(coalesce(deletion_table_key(p_schema, p_table), json_array()), v_made)
            THEN 'a column of the key is made from it'
        WHEN EXISTS (
            SELECT 1
            FROM information_schema.key_column_usage AS k
            WHERE
                k.referenced_table_name IS NOT NULL
                AND (
                    (
                        k.table_schema = p_schema AND k.table_name = p_table
                        AND json_contains(v_made, json_quote(k.column_name))
                    )
                    OR (
                        k.referenced_table_schema = p_schema
                        AND k.referenced_table_name = p_table
                        AND json_contains(v_made, json_quote(k.referenced_column_name))
                    )
                )
        ) OR EXISTS (
            SELECT 1
            FROM deletion_references AS d
            WHERE
                (
                    d.child_schema = p_schema AND d.child_table = p_table
                    AND json_overlaps(
                        v_made, json_array_append(d.child_columns, '$', d.discriminator_column)
                    )
                )
                OR (
                    d.parent_schema = p_schema AND d.parent_table = p_table
                    AND json_overlaps(v_made, d.parent_columns)
                )
        ) THEN 'a column of a reference is made from it'
        WHEN v_is_null AND NOT p_is_nullable THEN 'the column cannot be NULL'
        WHEN NOT v_is_null AND p_text IS NULL THEN 'the column does not take the value'
        WHEN NOT v_is_null AND EXISTS (
            SELECT 1
            FROM information_schema.statistics AS i
            WHERE
                i.table_schema = p_schema AND i.table_name = p_table AND i.non_unique = 0
            GROUP BY i.index_name
            HAVING count(*) = 1 AND max(i.column_name = p_column)
        ) THEN 'the column is unique: two rows cannot hold the value'
        -- Of an expression the server names no column.
        WHEN NOT v_is_null AND EXISTS (
            SELECT 1
            FROM information_schema.statistics AS i
            WHERE
                i.table_schema = p_schema
                AND i.table_name = p_table
                AND i.non_unique = 0
                AND (
                    json_contains(v_made, json_quote(i.column_name))
                    OR EXISTS (
                        SELECT 1
                        FROM json_table(v_from, '$[*]' COLUMNS (  -- noqa: CP02
                            name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'  -- noqa: PRS,LT05
                        )) AS k
                        WHERE locate(deletion_quote_name(k.name), i.expression) > 0
                    )
                )
        ) THEN 'what is unique is made from it'
    END;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_misfits.sql
-- deletion_misfits
-- List the rules and declarations that fit the catalog no more, for vw_deletion_misfits.
--
-- Returns     JSON, an array of objects, which the view makes its rows of; NULL: all fit
-- Writes      nothing                              Commits  no
-- Execute     the owner only

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02,LT02,LT05
DROP FUNCTION IF EXISTS deletion_misfits;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_misfits()
RETURNS JSON
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'List the rules and declarations that fit the catalog no more, for vw_deletion_misfits'
BEGIN
    DECLARE v_lost, v_rules, v_references, v_columns JSON;

    -- A look at the catalog costs more than all else here: only what is there is looked for.
    IF EXISTS (SELECT 1 FROM deletion_rules) THEN
        SELECT json_arrayagg(json_object(
            's', r.child_schema, 't', r.child_table, 'r', r.reference_name
        ))
        INTO v_lost
        FROM deletion_rules AS r
        WHERE
            NOT EXISTS (
                SELECT 1
                FROM information_schema.referential_constraints AS k
                WHERE
                    k.constraint_schema
                    = convert(r.child_schema USING utf8mb3) COLLATE utf8mb3_bin
                    AND k.table_name = convert(r.child_table USING utf8mb3) COLLATE utf8mb3_bin
                    -- Regardless of case, and of blanks at the end.
                    AND k.constraint_name = r.reference_name
                    AND cast(k.constraint_name AS BINARY) = cast(r.reference_name AS BINARY)
                    AND (
                        r.parent_table IS NULL
                        OR (
                            k.unique_constraint_schema
                            = convert(r.parent_schema USING utf8mb3) COLLATE utf8mb3_bin
                            AND k.referenced_table_name
                            = convert(r.parent_table USING utf8mb3) COLLATE utf8mb3_bin
                        )
                    )
            );
    END IF;

    IF v_lost IS NOT NULL THEN
        SELECT json_arrayagg(json_object(
            'kind', 'rule without reference', 'name', r.reference_name,
            'child_schema', r.child_schema, 'child_table', r.child_table,
            'parent_schema', r.parent_schema, 'parent_table', r.parent_table,
            'is_everywhere', t.table_name IS NULL, 'since', r.created_at
        ))
        INTO v_rules
        FROM json_table(v_lost, '$[*]' COLUMNS (
            s VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.s',
            t VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.t',
            r VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.r'
        )) AS l
        INNER JOIN deletion_rules AS r
            ON r.child_schema = l.s AND r.child_table = l.t AND r.reference_name = l.r
        LEFT JOIN deletion_references AS d
            ON
                d.reference_name = r.reference_name
                AND d.child_schema = r.child_schema
                AND d.child_table = r.child_table
                AND (
                    r.parent_table IS NULL
                    OR (d.parent_schema = r.parent_schema AND d.parent_table = r.parent_table)
                )
        LEFT JOIN information_schema.tables AS t
            ON
                t.table_schema = convert(r.child_schema USING utf8mb3) COLLATE utf8mb3_bin
                AND t.table_name = convert(r.child_table USING utf8mb3) COLLATE utf8mb3_bin
                AND t.table_type = 'BASE TABLE'
        WHERE
            -- What is kept stays without a rule as well: no declared reference leads to it.
            if(t.table_name IS NULL, r.action <> 'keep', d.reference_name IS NULL);
    END IF;

    IF EXISTS (SELECT 1 FROM deletion_references) THEN
        SELECT json_arrayagg(json_object(
            'kind', 'reference without table', 'name', d.reference_name,
            'child_schema', d.child_schema, 'child_table', d.child_table,
            'parent_schema', d.parent_schema, 'parent_table', d.parent_table,
            'lost', if(
                c.table_name IS NULL,
                deletion_entity_name(d.child_schema, d.child_table),
                deletion_entity_name(d.parent_schema, d.parent_table)
            ),
            'is_everywhere', TRUE, 'since', d.created_at
        ))
        INTO v_references
        FROM deletion_references AS d
        LEFT JOIN deletion_rules AS r
            ON
                r.child_schema = d.child_schema
                AND r.child_table = d.child_table
                AND r.reference_name = d.reference_name
        LEFT JOIN information_schema.tables AS c
            ON
                c.table_schema = convert(d.child_schema USING utf8mb3) COLLATE utf8mb3_bin
                AND c.table_name = convert(d.child_table USING utf8mb3) COLLATE utf8mb3_bin
                AND c.table_type = 'BASE TABLE'
        LEFT JOIN information_schema.tables AS p
            ON
                p.table_schema = convert(d.parent_schema USING utf8mb3) COLLATE utf8mb3_bin
                AND p.table_name = convert(d.parent_table USING utf8mb3) COLLATE utf8mb3_bin
                AND p.table_type = 'BASE TABLE'
        WHERE
            (c.table_name IS NULL OR p.table_name IS NULL)
            AND coalesce(r.action, d.action) <> 'keep';
    END IF;

    IF EXISTS (SELECT 1 FROM deletion_soft_columns) THEN
        SELECT json_arrayagg(json_object(
            'kind', 'soft column without table', 'name', s.column_name,
            'child_schema', s.table_schema, 'child_table', s.table_name,
            'lost', deletion_entity_name(s.table_schema, s.table_name),
            'is_everywhere', TRUE, 'since', s.created_at
        ))
        INTO v_columns
        FROM deletion_soft_columns AS s
        LEFT JOIN information_schema.tables AS t
            ON
                t.table_schema = convert(s.table_schema USING utf8mb3) COLLATE utf8mb3_bin
                AND t.table_name = convert(s.table_name USING utf8mb3) COLLATE utf8mb3_bin
                AND t.table_type = 'BASE TABLE'
        WHERE t.table_name IS NULL;
    END IF;

    RETURN nullif(json_merge_preserve(
        coalesce(v_rules, json_array()),
        coalesce(v_references, json_array()),
        coalesce(v_columns, json_array())
    ), json_array());
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_misfit_problem.sql
-- deletion_misfit_problem
-- Say which rule or declaration fits the catalog no more, and so stops a plan, if one does.
--
-- Parameters  p_plan_id   the plan, its tables known
-- Returns     text naming it, with the SQL that takes it away; NULL: none stops this plan
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_misfit_problem;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_misfit_problem(
    p_plan_id BIGINT UNSIGNED
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Say which rule or declaration fits the catalog no more, and so stops a plan, if one does'
BEGIN
    RETURN (
        SELECT concat(m.why, ': ', m.advice, ' ', m.mend_sql)
        FROM vw_deletion_misfits AS m
        WHERE
            m.is_everywhere
            OR EXISTS (
                SELECT 1
                FROM deletion_plan_nodes AS n
                WHERE
                    n.plan_id = p_plan_id
                    AND (
                        (n.table_schema = m.child_schema AND n.table_name = m.child_table)
                        -- Another key may lead to the rows that the lost one led to.
                        OR (n.table_schema = m.parent_schema AND n.table_name = m.parent_table)
                    )
            )
        ORDER BY m.kind, m.why
        LIMIT 1
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_plan_set_order.sql
-- deletion_plan_set_order
-- Put references whose rows are set in such an order that none hides a row from another reference.
--
-- Parameters  p_plan_id   the plan, all its references known
-- Writes      deletion_plan_edges: touched_columns; set_order, when the reference has its turn
--             among those that are set when nothing else can go, or 0; action restrict where no
--             order would do
-- Commits     no
-- Execute     the owner only
--
-- A row of the closure that is set in a column by which it is found would stay; one that stays and
-- is set in a column of another reference would not be set by that. So the first kind comes last,
-- and of the second that which does not scrub, or sets fewer columns. Where rows below those that
-- would be set wait for such a turn as well, rows that are about to go are there still when it
-- comes, and are not to be told from rows that stay; and what a default would make of a row of the
-- closure is not known. Either blocks.

DROP PROCEDURE IF EXISTS deletion_plan_set_order;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_plan_set_order(
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Put references whose rows are set in an order in which none hides a row from another'
BEGIN
    CALL deletion_plan_kinds(p_plan_id);

    -- What changes where a row is set: with the columns what the engine generates from them.
    UPDATE deletion_plan_edges AS e
    SET e.touched_columns = e.child_columns
    WHERE e.plan_id = p_plan_id AND e.action IN ('set_null', 'set_default', 'scrub');

    UPDATE deletion_plan_edges AS e
    INNER JOIN (
        SELECT s.edge_no, json_arrayagg(s.name) AS names
        FROM (
            SELECT DISTINCT o.edge_no, g.column_name AS name
            FROM deletion_plan_edges AS o
            STRAIGHT_JOIN information_schema.columns AS g  -- noqa: PRS
                ON
                    g.table_schema = convert(o.child_schema USING utf8mb3) COLLATE utf8mb3_bin  -- noqa: CP01,LT05
                    AND g.table_name = convert(o.child_table USING utf8mb3) COLLATE utf8mb3_bin  -- noqa: CP01,LT05
            CROSS JOIN json_table(o.touched_columns, '$[*]' COLUMNS (  -- noqa: CP02
                name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'
            )) AS k
            WHERE
                o.plan_id = p_plan_id
                AND o.touched_columns IS NOT NULL
                AND g.generation_expression <> ''
                AND locate(deletion_quote_name(k.name), g.generation_expression) > 0
        ) AS s
        GROUP BY s.edge_no
    ) AS q ON q.edge_no = e.edge_no
    SET e.touched_columns = json_merge_preserve(e.touched_columns, q.names)
    WHERE e.plan_id = p_plan_id;

    -- By what rows of the closure are found: their key, what they hang from, with the
    -- discriminator, which tells two references apart by different values, and what hangs from
    -- them.
    UPDATE deletion_plan_edges AS e
    INNER JOIN (
        -- DISTINCT makes a table of its own: the server changes none that it reads.
        SELECT DISTINCT o.edge_no
        FROM deletion_plan_edges AS o
        INNER JOIN deletion_plan_nodes AS n
            ON n.plan_id = o.plan_id AND n.node_no = o.child_node_no AND n.in_closure
        WHERE
            o.plan_id = p_plan_id
            AND o.touched_columns IS NOT NULL
            AND (
                coalesce(json_overlaps(o.touched_columns, n.key_columns), FALSE)
                OR EXISTS (
                    SELECT 1
                    FROM deletion_plan_edges AS a FORCE INDEX (idx_dpe_child)
                    WHERE
                        a.plan_id = o.plan_id
                        AND a.child_node_no = o.child_node_no
                        AND a.action = 'cascade'
                        AND json_overlaps(
                            o.touched_columns,
                            json_array_append(a.child_columns, '$', a.discriminator_column)
                        )
                        AND NOT coalesce(
                            a.discriminator_column = o.discriminator_column
                            AND a.discriminator_value <> o.discriminator_value, FALSE
                        )
                )
                OR EXISTS (
                    SELECT 1
                    FROM deletion_plan_edges AS b FORCE INDEX (uq_dpe_reference)
                    WHERE
                        b.plan_id = o.plan_id
                        AND b.parent_node_no = o.child_node_no
                        AND b.action <> 'keep'
                        AND json_overlaps(o.touched_columns, b.parent_columns)
                )
            )
    ) AS q ON q.edge_no = e.edge_no
    SET e.set_order = 1, e.action = if(e.action = 'set_default', 'restrict', e.action)
    WHERE e.plan_id = p_plan_id;

    UPDATE deletion_plan_edges AS e
    INNER JOIN (
        WITH RECURSIVE hides AS (
            SELECT
                s.edge_no, o.edge_no AS hidden_no, o.action = 'scrub' AS is_scrub,
                s.action = 'scrub' AS scrubs,
                json_length(o.child_columns) > json_length(s.child_columns) AS is_wider
            FROM deletion_plan_edges AS s
            STRAIGHT_JOIN deletion_plan_edges AS o FORCE INDEX (idx_dpe_child)  -- noqa: PRS
                ON
                    o.plan_id = s.plan_id
                    AND o.child_node_no = s.child_node_no
                    AND o.edge_no <> s.edge_no
                    AND o.action IN ('set_null', 'set_default', 'scrub')
                    AND (
                        o.action = 'scrub'
                        OR NOT json_contains(s.child_columns, o.child_columns)
                    )
                    AND json_overlaps(
                        s.touched_columns,
                        json_array_append(o.child_columns, '$', o.discriminator_column)
                    )
                    AND NOT coalesce(
                        s.discriminator_column = o.discriminator_column
                        AND s.discriminator_value <> o.discriminator_value, FALSE
                    )
            WHERE s.plan_id = p_plan_id AND s.action IN ('set_null', 'set_default', 'scrub')
        ),

        ordered (edge_no, set_order) AS (
            SELECT t.edge_no, 1
            FROM deletion_plan_edges AS t
            WHERE t.plan_id = p_plan_id AND t.set_order > 0 AND t.action <> 'restrict'
            UNION DISTINCT
            SELECT h.edge_no, 1
            FROM hides AS h
            UNION DISTINCT
            -- Later than what it hides, unless that hides it as well, and sets no more. Where
            -- several hide each other in a circle no order is right, and any that ends will do.
            SELECT h.edge_no, o.set_order + 1
            FROM ordered AS o
            INNER JOIN hides AS h ON h.hidden_no = o.edge_no
            LEFT JOIN hides AS b ON b.edge_no = h.hidden_no AND b.hidden_no = h.edge_no
            WHERE
                o.set_order < 10
                AND if(h.is_scrub <> h.scrubs, h.is_scrub, h.is_wider OR b.edge_no IS NULL)
        )

        SELECT o.edge_no, max(o.set_order) AS set_order
        FROM ordered AS o
        GROUP BY o.edge_no
    ) AS q ON q.edge_no = e.edge_no
    SET e.set_order = q.set_order
    WHERE e.plan_id = p_plan_id;

    UPDATE deletion_plan_edges AS e
    SET e.set_order = 0
    WHERE e.plan_id = p_plan_id AND e.action = 'restrict';

    UPDATE deletion_plan_edges AS e
    INNER JOIN (
        WITH RECURSIVE below (edge_no, node_no) AS (
            SELECT s.edge_no, s.child_node_no
            FROM deletion_plan_edges AS s
            INNER JOIN deletion_plan_nodes AS n
                ON n.plan_id = s.plan_id AND n.node_no = s.child_node_no AND n.in_closure
            WHERE s.plan_id = p_plan_id AND s.set_order > 0
            UNION DISTINCT
            SELECT b.edge_no, r.child_node_no
            FROM below AS b
            INNER JOIN deletion_plan_edges AS r FORCE INDEX (uq_dpe_reference)  -- noqa: PRS
                ON
                    r.plan_id = p_plan_id
                    AND r.parent_node_no = b.node_no
                    AND (r.action IN ('cascade', 'restrict') OR r.set_order > 0)
            INNER JOIN deletion_plan_nodes AS n
                ON n.plan_id = r.plan_id AND n.node_no = r.child_node_no AND n.in_closure
        )

        SELECT DISTINCT b.edge_no
        FROM below AS b
        INNER JOIN deletion_plan_edges AS s FORCE INDEX (uq_dpe_reference)  -- noqa: PRS
            ON s.plan_id = p_plan_id AND s.parent_node_no = b.node_no AND s.set_order > 0
    ) AS q ON q.edge_no = e.edge_no
    SET e.action = 'restrict', e.set_order = 0
    WHERE e.plan_id = p_plan_id;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_plan_kinds.sql
-- deletion_plan_kinds
-- Write values of a discriminator alike that are one to its column.
--
-- Parameters  p_plan_id   the plan, its references and their tables' columns known
-- Writes      deletion_plan_edges: discriminator_value     Commits  no
-- Execute     the owner only
--
-- 'a' and 'A' under a collation that ignores case, 1 and 01 of a number: the rows are the same, and
-- what compares references afterwards compares these texts.

DROP PROCEDURE IF EXISTS deletion_plan_kinds;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_plan_kinds(
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write values of a discriminator alike that are one to its column'
BEGIN
    DECLARE v_edge_no INT;
    DECLARE v_first, v_second, v_type LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_charset, v_collation VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE c_pair CURSOR FOR
        SELECT
            b.edge_no, a.discriminator_value AS value_a, b.discriminator_value AS value_b,
            c.column_type, c.character_set_name, c.collation_name
        FROM deletion_plan_edges AS a
        INNER JOIN deletion_plan_edges AS b FORCE INDEX (idx_dpe_child)  -- noqa: PRS
            ON
                b.plan_id = a.plan_id
                AND b.child_node_no = a.child_node_no
                AND b.discriminator_column = a.discriminator_column
                AND b.discriminator_value <> a.discriminator_value
                AND b.edge_no > a.edge_no
        INNER JOIN deletion_node_columns AS c
            ON
                c.plan_id = a.plan_id
                AND c.node_no = a.child_node_no
                AND c.column_name = a.discriminator_column
        WHERE a.plan_id = p_plan_id
        ORDER BY b.edge_no, a.edge_no;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    OPEN c_pair;
    FETCH c_pair INTO v_edge_no, v_first, v_second, v_type, v_charset, v_collation;

    WHILE NOT v_is_done DO
        IF v_charset IS NULL THEN
            SET @dj_same = deletion_key_text(v_first, v_type, NULL)
            <=> deletion_key_text(v_second, v_type, NULL);
        ELSE
            SET @dj_first = v_first, @dj_second = v_second;
            SET @dj_sql = concat(
                'SET @dj_same = CONVERT(? USING ', v_charset, ') COLLATE ', v_collation,
                ' = CONVERT(? USING ', v_charset, ') COLLATE ', v_collation
            );
            PREPARE dj_stmt FROM @dj_sql;
            EXECUTE dj_stmt USING @dj_first, @dj_second;
            DEALLOCATE PREPARE dj_stmt;
        END IF;

        -- Unless it has become that of an earlier reference already.
        UPDATE deletion_plan_edges AS e
        SET e.discriminator_value = v_first
        WHERE
            e.plan_id = p_plan_id
            AND e.edge_no = v_edge_no
            AND e.discriminator_value = v_second
            AND @dj_same;

        SET v_is_done = FALSE;
        FETCH c_pair INTO v_edge_no, v_first, v_second, v_type, v_charset, v_collation;
    END WHILE;

    CLOSE c_pair;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_break_columns.sql
-- deletion_break_columns
-- Find which columns may be set NULL to let a parent go first, where rows go in a circle.
--
-- Parameters  p_plan_id   the plan, its circles marked
-- Writes      deletion_plan_edges: break_list; NULL: there are none     Commits  no
-- Execute     the owner only
--
-- They are nullable, and decide nothing else: no key, discriminator, generated column or CHECK
-- reads them, nor any other reference that a row may be found by. So it stays where it was found,
-- and what it was. Of references of a table to itself the list also serves rows that are their own
-- parents, whatever the reference's action; and of those that set a default it serves rows that go.

DROP PROCEDURE IF EXISTS deletion_break_columns;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_break_columns(
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Find which columns may be set NULL to let a parent go first, where rows go in a circle'
BEGIN
    UPDATE deletion_plan_edges AS e
    INNER JOIN (
        SELECT
            o.edge_no,
            concat(
                group_concat(  -- noqa: CP01
                    'c.', deletion_quote_name(k.name), ' = NULL' ORDER BY k.pos SEPARATOR ', '
                ),
                deletion_sql_untouched(
                    p_plan_id, max(o.child_node_no), json_arrayagg(k.name), 'c'
                )
            ) AS break_list
        FROM deletion_plan_edges AS o
        INNER JOIN deletion_plan_nodes AS n
            ON n.plan_id = o.plan_id AND n.node_no = o.child_node_no
        CROSS JOIN json_table(o.child_columns, '$[*]' COLUMNS (  -- noqa: CP02
            pos FOR ORDINALITY,  -- noqa: PRS
            name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'
        )) AS k
        INNER JOIN information_schema.columns AS c
            ON
                c.table_schema = convert(o.child_schema USING utf8mb3) COLLATE utf8mb3_bin  -- noqa: CP01,LT05
                AND c.table_name = convert(o.child_table USING utf8mb3) COLLATE utf8mb3_bin  -- noqa: CP01,LT05
                AND c.column_name = k.name
        WHERE
            o.plan_id = p_plan_id
            AND o.action <> 'keep'
            AND (
                (o.is_circular AND o.action IN ('cascade', 'restrict'))
                OR o.parent_node_no = o.child_node_no
                OR o.action = 'set_default'
            )
            AND c.is_nullable = 'YES'
            AND c.extra NOT LIKE '%GENERATED%'
            AND NOT json_contains(n.key_columns, json_quote(k.name))
            AND NOT EXISTS (
                SELECT 1
                FROM deletion_plan_edges AS s
                WHERE
                    s.plan_id = o.plan_id
                    AND (
                        (
                            s.parent_node_no = o.child_node_no
                            AND json_contains(s.parent_columns, json_quote(k.name))
                        )
                        OR (
                            s.child_node_no = o.child_node_no
                            AND (
                                s.discriminator_column = k.name
                                OR (
                                    s.edge_no <> o.edge_no
                                    AND s.action = 'cascade'
                                    AND json_contains(s.child_columns, json_quote(k.name))
                                )
                            )
                        )
                    )
            )
            -- What is declared of tables that no plan has read yet counts as well.
            AND NOT EXISTS (
                SELECT 1
                FROM deletion_references AS d
                WHERE
                    (
                        d.child_schema = o.child_schema
                        AND d.child_table = o.child_table
                        AND d.discriminator_column = k.name
                    )
                    OR (
                        d.parent_schema = o.child_schema
                        AND d.parent_table = o.child_table
                        AND json_contains(d.parent_columns, json_quote(k.name))
                    )
            )
            AND NOT EXISTS (
                SELECT 1
                FROM information_schema.columns AS g
                WHERE
                    g.table_schema = c.table_schema
                    AND g.table_name = c.table_name
                    AND locate(deletion_quote_name(k.name), g.generation_expression) > 0
            )
            -- A CHECK, or a unique key by an expression, may have another answer to a NULL.
            AND NOT EXISTS (
                SELECT 1
                FROM information_schema.table_constraints AS t
                INNER JOIN information_schema.check_constraints AS h
                    ON
                        h.constraint_schema = t.constraint_schema
                        AND h.constraint_name = t.constraint_name
                WHERE
                    t.table_schema = c.table_schema
                    AND t.table_name = c.table_name
                    AND t.constraint_type = 'CHECK'
                    AND t.enforced = 'YES'
                    AND locate(deletion_quote_name(k.name), h.check_clause) > 0
            )
            AND NOT EXISTS (
                SELECT 1
                FROM information_schema.statistics AS i
                WHERE
                    i.table_schema = c.table_schema
                    AND i.table_name = c.table_name
                    AND i.non_unique = 0
                    AND locate(deletion_quote_name(k.name), i.expression) > 0
            )
        GROUP BY o.edge_no
    ) AS q
        ON q.edge_no = e.edge_no
    SET e.break_list = q.break_list
    WHERE e.plan_id = p_plan_id;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_plan_links.sql
-- deletion_plan_links
-- Mark the references of a plan by whose rows the check searches for circles that nothing opens.
--
-- Parameters  p_plan_id   the plan, its circles marked and their loose columns found
-- Writes      deletion_plan_edges: is_link, is_refused     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_plan_links;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_plan_links(
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Mark the references of a plan by whose rows the check searches for circles'
BEGIN
    -- A row that may be found in two ways, or is the root, may be entered where it holds its circle
    -- together; all others come after what they hang from, and then no circle is left that a NULL
    -- does not open.
    UPDATE deletion_plan_edges AS e
    INNER JOIN (
        SELECT DISTINCT c.child_node_no
        FROM deletion_plan_edges AS c
        INNER JOIN (
            SELECT count(*) AS hard_count
            FROM deletion_plan_edges AS o
            WHERE
                o.plan_id = p_plan_id
                AND o.is_circular
                AND o.break_list IS NULL
                AND (
                    o.child_node_no = 0
                    OR (
                        SELECT count(*)
                        FROM deletion_plan_edges AS r
                        WHERE
                            r.plan_id = o.plan_id
                            AND r.child_node_no = o.child_node_no
                            AND r.action IN ('cascade', 'restrict')
                    ) > 1
                )
        ) AS h ON h.hard_count > 0
        WHERE c.plan_id = p_plan_id AND c.is_circular
    ) AS q ON q.child_node_no = e.child_node_no
    SET e.is_link = TRUE
    WHERE
        e.plan_id = p_plan_id
        AND e.is_circular
        AND (e.action = 'cascade' OR e.break_list IS NULL);

    -- A row that is its own parent by two keys: the engine follows each by the other (6575).
    UPDATE deletion_plan_edges AS e
    INNER JOIN (
        SELECT o.child_node_no, count(*) AS keys_count, sum(o.break_list IS NULL) AS hard_count
        FROM deletion_plan_edges AS o
        WHERE
            o.plan_id = p_plan_id
            AND o.parent_node_no = o.child_node_no
            AND NOT o.is_declared
        GROUP BY o.child_node_no
    ) AS q ON q.child_node_no = e.child_node_no
    SET e.is_refused = TRUE
    WHERE
        e.plan_id = p_plan_id
        AND e.parent_node_no = e.child_node_no
        AND NOT e.is_declared
        AND if(e.break_list IS NULL, q.hard_count, q.keys_count) > 1;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_write_holds.sql
-- deletion_write_holds
-- Store the steps by which a plan looks at held rows; a run without any never executes them.
--
-- Parameters  p_plan_id   the plan, its references numbered and described
-- Writes      deletion_plan_steps                  Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_write_holds;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_write_holds(
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Store the steps by which a plan looks at held rows; a run without any never executes them'  -- noqa: LT05
BEGIN
    DECLARE v_step_no INT DEFAULT (
        SELECT max(s.step_no) FROM deletion_plan_steps AS s WHERE s.plan_id = p_plan_id
    );

    INSERT INTO deletion_plan_steps (
        plan_id, step_no, kind, node_no, parent_node_no, edge_no, table_name, reference_name,
        action, index_name, sql_text
    )
    SELECT
        p_plan_id,
        v_step_no + row_number() OVER (
            ORDER BY q.node_no, q.edge_no IS NOT NULL, q.edge_no, q.kind, q.index_name
        ),
        q.kind, q.node_no, q.parent_node_no, q.edge_no, q.display_name, q.reference_name, q.action,
        q.index_name,
        if(
            q.kind = 'held', q.sql_text, deletion_sql_climb(p_plan_id, q.edge_no, q.kind)
        )
    FROM (
        SELECT
            'held' AS kind, k.node_no, NULL AS parent_node_no, NULL AS edge_no, k.display_name,
            NULL AS reference_name, NULL AS action, k.key_columns AS index_name,
            deletion_sql_held(p_plan_id, k.node_no, cast(k.key_columns AS JSON)) AS sql_text
        FROM (
            -- By the key of now, and by each that a hold in force was placed by and that still is.
            SELECT
                n.node_no, n.display_name,
                cast(deletion_node_key(p_plan_id, n.node_no) AS CHAR) AS key_columns
            FROM deletion_plan_nodes AS n
            -- Where there is none no row can be held; a hold from when there was one is met, and
            -- finds no row.
            WHERE n.plan_id = p_plan_id AND n.in_closure
            UNION DISTINCT
            SELECT n.node_no, n.display_name, h.key_columns
            FROM deletion_plan_nodes AS n
            INNER JOIN deletion_holds AS h
                ON h.table_name = n.display_name AND h.released_at IS NULL
            WHERE n.plan_id = p_plan_id AND n.in_closure
        ) AS k
        -- Soft jobs do not come to tables from which no marking column can be reached.
        WHERE
            k.node_no = 0
            OR EXISTS (
                SELECT 1
                FROM deletion_plan_edges AS e FORCE INDEX (idx_dpe_child)
                WHERE
                    e.plan_id = p_plan_id AND e.child_node_no = k.node_no AND e.action = 'cascade'
            )
        UNION ALL
        SELECT
            k.kind, n.node_no, e.parent_node_no, e.edge_no, n.display_name, e.reference_name,
            e.action, 'key', NULL
        FROM deletion_plan_edges AS e
        INNER JOIN deletion_plan_nodes AS n
            ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
        INNER JOIN (SELECT 'climb' AS kind UNION ALL SELECT 'climb_root' AS kind) AS k
            ON k.kind = 'climb' OR (e.is_declared AND e.parent_node_no = 0)
        -- Nothing hangs from a row without a key.
        WHERE
            e.plan_id = p_plan_id AND e.action = 'cascade' AND n.key_columns IS NOT NULL
    ) AS q
    WHERE q.kind <> 'held' OR q.sql_text IS NOT NULL OR q.index_name IS NULL;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_write_circles.sql
-- deletion_write_circles
-- Store the further steps of a plan whose rows may refer to each other in a circle.
--
-- Parameters  p_plan_id   the plan, its references numbered and described
-- Writes      deletion_plan_steps                  Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_write_circles;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_write_circles(
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Store the further steps of a plan whose rows may refer to each other in a circle'
BEGIN
    DECLARE v_step_no INT DEFAULT (
        SELECT max(s.step_no) FROM deletion_plan_steps AS s WHERE s.plan_id = p_plan_id
    );

    INSERT INTO deletion_plan_steps (
        plan_id, step_no, kind, node_no, parent_node_no, edge_no, table_name, reference_name,
        action, is_leaf, waits, in_check, index_name, sql_text
    )
    SELECT
        p_plan_id, v_step_no + row_number() OVER (ORDER BY e.edge_no, k.place),
        k.kind, n.node_no, e.parent_node_no, e.edge_no, n.display_name, e.reference_name,
        e.action, FALSE, FALSE, FALSE, e.index_name,
        if(
            k.kind IN ('circle', 'loose', 'meets'),
            NULL,
            deletion_sql_circle(p_plan_id, e.edge_no, k.kind)
        )
    FROM (
        SELECT
            r.edge_no, r.parent_node_no, r.child_node_no, r.reference_name, r.action, r.index_name,
            r.is_leaf, r.is_circular, r.is_link, r.break_list
        FROM deletion_plan_edges AS r
        WHERE r.plan_id = p_plan_id
        UNION ALL
        SELECT 0, NULL, 0, NULL, NULL, 'key', FALSE, FALSE, FALSE, NULL
    ) AS e
    INNER JOIN deletion_plan_nodes AS n
        ON n.plan_id = p_plan_id AND n.node_no = e.child_node_no AND n.in_closure
    INNER JOIN json_table(
        '["circle", "loose", "meets", "fetch_beyond", "break", "break_look", "own_break",
        "own_look", "give_up", "give_look"]',
        '$[*]' COLUMNS (  -- noqa: CP02
            place FOR ORDINALITY,  -- noqa: PRS
            kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'
        )
    ) AS k
        ON CASE k.kind
            -- It is known that tables go in a circle: every run of the plan looks at its stack.
            WHEN 'circle' THEN e.is_circular
            WHEN 'loose' THEN e.break_list IS NOT NULL AND e.action IN ('cascade', 'restrict')
            -- It leads from elsewhere to rows that the check ties to each other.
            WHEN 'meets' THEN e.action = 'cascade' AND NOT e.is_link AND EXISTS (
                SELECT 1
                FROM deletion_plan_edges AS o FORCE INDEX (idx_dpe_child)
                WHERE o.plan_id = p_plan_id AND o.child_node_no = e.child_node_no AND o.is_link
            )
            WHEN 'fetch_beyond' THEN e.action = 'cascade' AND NOT e.is_leaf
            WHEN 'give_up' THEN
                e.action = 'set_default' AND e.break_list IS NOT NULL AND n.key_columns IS NOT NULL
            WHEN 'give_look' THEN
                e.action = 'set_default' AND e.break_list IS NOT NULL AND n.key_columns IS NOT NULL
            WHEN 'break' THEN e.action = 'cascade' AND e.break_list IS NOT NULL
            WHEN 'break_look' THEN e.action = 'cascade' AND e.break_list IS NOT NULL
            ELSE coalesce(e.action, 'cascade') = 'cascade' AND EXISTS (
                SELECT 1
                FROM deletion_plan_edges AS o FORCE INDEX (idx_dpe_child)
                WHERE
                    o.plan_id = p_plan_id
                    AND o.child_node_no = e.child_node_no
                    AND o.action = 'restrict'
                    AND o.break_list IS NOT NULL
            )
        END
    WHERE k.kind IN ('give_up', 'give_look') OR EXISTS (
        SELECT 1
        FROM deletion_plan_edges AS o
        WHERE
            o.plan_id = p_plan_id
            AND (
                o.is_circular
                OR (o.parent_node_no = o.child_node_no AND o.action IN ('cascade', 'restrict'))
            )
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_column_text.sql
-- deletion_column_text
-- Read a constant for a column strictly, and give it as the column's type prints it.
--
-- Parameters  p_value     the constant: a JSON text, number or boolean
--             p_type      type of the column, as the catalog prints it
--             p_charset   character set of the column; NULL: none
-- Returns     text; NULL: the type does not take it, or takes no constants at all
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_column_text('"gone"', 'varchar(20)', 'utf8mb4');

DROP FUNCTION IF EXISTS deletion_column_text;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_column_text(
    p_value JSON,
    p_type TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_charset VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Read a constant for a column strictly, and give it as the column''s type prints it'
BEGIN
    DECLARE v_text LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    IF
        json_type(p_value) NOT IN (
            'STRING', 'INTEGER', 'UNSIGNED INTEGER', 'DOUBLE', 'DECIMAL', 'BOOLEAN'
        )
    THEN
        RETURN NULL;
    END IF;

    SET v_text = json_unquote(p_value);

    IF json_type(p_value) = 'BOOLEAN' THEN
        SET v_text = if(v_text = 'true', '1', '0');
    END IF;

    IF deletion_type_family(p_type) IS NOT NULL THEN
        RETURN if(char_length(v_text) > 16000, NULL, deletion_key_text(v_text, p_type, p_charset));
    END IF;

    -- No types of keys, but each value has one meaning.
    RETURN CASE
        WHEN p_type REGEXP '^(tiny|medium|long)?text$' THEN if(
            length(v_text) <= if(p_type LIKE 'tiny%', 255, 65535)
            AND deletion_fits_charset(v_text, p_charset),
            v_text, NULL
        )
        WHEN p_type REGEXP '^(tiny|medium|long)?blob$' THEN if(
            v_text REGEXP '^([0-9A-F]{2})*\\z'
            AND length(v_text) <= if(p_type LIKE 'tiny%', 510, 131070),
            v_text, NULL
        )
        WHEN p_type REGEXP '^(float|double)([( ]|$)' THEN if(
            char_length(v_text) <= 30 AND v_text REGEXP '^-?[0-9]+([.][0-9]+)?\\z', v_text, NULL
        )
        WHEN p_type = 'json' THEN if(json_valid(v_text), v_text, NULL)
    END;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_soft_kind.sql
-- deletion_soft_kind
-- Tell how a column of a type can mark a row as deleted.
--
-- Parameters  p_type   the type, as the catalog prints it
-- Returns     text: timestamp, boolean or integer; NULL: it cannot
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_soft_kind('datetime(6)');

DROP FUNCTION IF EXISTS deletion_soft_kind;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_soft_kind(
    p_type TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Tell how a column of a type can mark a row as deleted'
BEGIN
    RETURN CASE
        WHEN p_type REGEXP '^(datetime|timestamp)([(]|$)' THEN 'timestamp'
        WHEN p_type = 'tinyint(1)' THEN 'boolean'
        WHEN p_type REGEXP '^(tiny|small|medium|big)?int([( ]|$)' THEN 'integer'
    END;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_soft_problem.sql
-- deletion_soft_problem
-- Say why a column cannot mark the rows of its table as deleted.
--
-- Parameters  p_schema, p_table, p_column   the column
--             p_value   what an integer would be set to; NULL: nothing was given
-- Returns     text; NULL: it can
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_soft_problem('shop', 'customer', 'deleted_at', NULL);

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02,LT02,LT05
DROP FUNCTION IF EXISTS deletion_soft_problem;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_soft_problem(
    p_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_column VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_value BIGINT
) RETURNS TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Say why a column cannot mark the rows of its table as deleted'
BEGIN
    DECLARE v_type TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_is_nullable, v_is_set BOOLEAN;
    DECLARE v_kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    -- The catalog compares names regardless of case.
    SELECT
        c.column_type, c.is_nullable = 'YES',
        c.extra LIKE '%GENERATED%' AND c.extra NOT LIKE '%DEFAULT_GENERATED%'
        OR c.extra LIKE '%VIRTUAL%' OR c.extra LIKE '%STORED%' OR c.extra LIKE '%auto_increment%'
        OR c.extra LIKE '%on update%'
    INTO v_type, v_is_nullable, v_is_set
    FROM information_schema.columns AS c
    WHERE
        c.table_schema = p_schema AND c.table_name = p_table
        AND cast(c.column_name AS BINARY) = cast(p_column AS BINARY);

    SET v_kind = deletion_soft_kind(v_type);

    RETURN CASE
        WHEN v_type IS NULL THEN 'no such column'
        WHEN v_kind IS NULL THEN 'column is no timestamp, boolean or integer'
        WHEN v_kind = 'timestamp' AND p_value IS NOT NULL THEN 'only an integer is set to a value'
        WHEN v_kind = 'timestamp' AND NOT v_is_nullable THEN 'column cannot be NULL: not deleted'
        WHEN v_is_set THEN 'column is generated'
        WHEN
            p_value IS NOT NULL
            AND (
                (p_value < 0 AND v_type LIKE '%unsigned%')
                OR p_value NOT BETWEEN
                -pow(2, CASE regexp_substr(v_type, '^[a-z]+') WHEN 'tinyint' THEN 7
                    WHEN 'smallint' THEN 15 WHEN 'mediumint' THEN 23 WHEN 'int' THEN 31
                    ELSE 63 END)
                AND pow(2, (CASE regexp_substr(v_type, '^[a-z]+') WHEN 'tinyint' THEN 7
                    WHEN 'smallint' THEN 15 WHEN 'mediumint' THEN 23 WHEN 'int' THEN 31
                    ELSE 63 END) + (v_type LIKE '%unsigned%')) - 1
            ) THEN 'column cannot hold the value'
        WHEN
            -- The primary key names rows; where there is none, a unique key without NULLs.
            EXISTS (
                SELECT 1
                FROM information_schema.statistics AS i
                WHERE
                    i.table_schema = p_schema AND i.table_name = p_table
                    AND i.column_name = p_column AND i.non_unique = 0 AND i.nullable <> 'YES'
                    AND (
                        i.index_name = 'PRIMARY'
                        OR NOT EXISTS (
                            SELECT 1
                            FROM information_schema.statistics AS k
                            WHERE
                                k.table_schema = p_schema AND k.table_name = p_table
                                AND k.index_name = 'PRIMARY'
                        )
                    )
            )
            OR EXISTS (
                SELECT 1
                FROM deletion_targets AS t
                WHERE
                    t.table_schema = p_schema AND t.table_name = p_table
                    AND json_contains(t.key_columns, json_quote(p_column))
            ) THEN 'column is part of the key'
        WHEN EXISTS (
            SELECT 1
            FROM information_schema.key_column_usage AS k
            WHERE
                k.referenced_table_name IS NOT NULL
                AND (
                    (
                        k.table_schema = p_schema AND k.table_name = p_table
                        AND k.column_name = p_column
                    )
                    OR (
                        k.referenced_table_schema = p_schema AND k.referenced_table_name = p_table
                        AND k.referenced_column_name = p_column
                    )
                )
        ) OR EXISTS (
            SELECT 1
            FROM deletion_references AS d
            WHERE
                (
                    d.child_schema = p_schema AND d.child_table = p_table
                    AND (
                        json_contains(d.child_columns, json_quote(p_column))
                        OR d.discriminator_column = p_column
                    )
                )
                OR (
                    d.parent_schema = p_schema AND d.parent_table = p_table
                    AND json_contains(d.parent_columns, json_quote(p_column))
                )
        ) THEN 'column is part of a reference'
    END;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_has_soft_column.sql
-- deletion_has_soft_column
-- Tell whether a target's own rows can be marked as deleted.
--
-- Parameters  p_entity_table   the target, as it is registered
-- Returns     boolean
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_has_soft_column('customer');

DROP FUNCTION IF EXISTS deletion_has_soft_column;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_has_soft_column(
    p_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS BOOLEAN
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Tell whether the rows of a target itself can be marked as deleted'
BEGIN
    RETURN EXISTS (
        SELECT 1
        FROM deletion_targets AS t
        INNER JOIN deletion_soft_columns AS s
            ON s.table_schema = t.table_schema AND s.table_name = t.table_name
        WHERE t.entity_table = p_entity_table
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_soft_live.sql
-- deletion_soft_live
-- Write the condition that the row x of a table is not marked as deleted, or what marks it.
--
-- Parameters  p_schema, p_table   the table
--             p_is_value          TRUE: what the column is set to, where @dj_mark is the run's time
-- Returns     text; NULL: its rows cannot be marked
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_soft_live('shop', 'customer', FALSE);

DROP FUNCTION IF EXISTS deletion_soft_live;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_soft_live(
    p_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_is_value BOOLEAN
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write the condition that the row x of a table is not marked as deleted, or what marks it'
BEGIN
    RETURN (
        SELECT CASE
            WHEN p_is_value THEN CASE s.kind
                WHEN 'timestamp' THEN 'CAST(@dj_mark AS DATETIME(6))'
                WHEN 'boolean' THEN 'TRUE'
                ELSE s.mark_value
            END
            ELSE concat('x.', deletion_quote_name(s.column_name), CASE s.kind
                WHEN 'timestamp' THEN ' IS NULL'
                WHEN 'boolean' THEN ' IS NOT TRUE'
                ELSE concat(
                    ' IS NULL OR x.', deletion_quote_name(s.column_name), ' <> ', s.mark_value
                )
            END)
        END
        FROM deletion_soft_columns AS s
        WHERE s.table_schema = p_schema AND s.table_name = p_table
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_soft_graph.sql
-- deletion_soft_graph
-- Read the catalog from a target on: the tables and references that its soft deletion walks.
--
-- Parameters  p_plan_id, p_entity_table   the plan and its target
--             p_code, p_error             OUT why the plan cannot be run; NULL: it can
-- Writes      deletion_plan_nodes, deletion_plan_edges     Commits  no
-- Execute     the owner only
--
-- References that cascade, and of the tables behind them those that can be marked or lead to such;
-- circles are no error here. All tables stay with the plan, so that a change of any makes it stale.

DROP PROCEDURE IF EXISTS deletion_soft_graph;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_soft_graph(
    IN p_plan_id BIGINT UNSIGNED,
    IN p_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    OUT p_code CHAR(5) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    OUT p_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Read the catalog from a target on: the tables and references that its soft deletion walks'
BEGIN
    DECLARE v_count INT;
    DECLARE v_is_grown BOOLEAN DEFAULT TRUE;
    DECLARE v_schema, v_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_key, v_useful JSON;

    SELECT t.table_schema, t.table_name, t.key_columns
    INTO v_schema, v_table, v_key
    FROM deletion_targets AS t
    WHERE t.entity_table = p_entity_table;

    CALL deletion_plan_node(p_plan_id, v_schema, v_table, v_key, TRUE);

    WHILE v_is_grown DO
        SET v_count = (
            SELECT count(*) FROM deletion_plan_nodes AS n WHERE n.plan_id = p_plan_id
        );
        CALL deletion_references_to(p_plan_id);
        DELETE FROM deletion_plan_edges WHERE plan_id = p_plan_id AND action <> 'cascade';
        CALL deletion_plan_children(p_plan_id, TRUE);
        UPDATE deletion_plan_nodes AS n
        SET n.is_expanded = TRUE
        WHERE n.plan_id = p_plan_id AND n.node_no < v_count;
        SET v_is_grown = EXISTS (  -- noqa: CP03,LT06
            SELECT 1 FROM deletion_plan_nodes AS n WHERE n.plan_id = p_plan_id AND NOT n.is_expanded
        );
    END WHILE;

    CALL deletion_plan_catalog(p_plan_id);

    UPDATE deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS n
        ON
            n.plan_id = e.plan_id
            AND n.table_schema = e.child_schema
            AND n.table_name = e.child_table
    SET e.child_node_no = n.node_no
    WHERE e.plan_id = p_plan_id;

    SET p_error = (
        SELECT min(concat(
            s.column_name, ' of ', n.display_name, ': ',
            deletion_soft_problem(s.table_schema, s.table_name, s.column_name, s.mark_value)
        ))
        FROM deletion_plan_nodes AS n
        INNER JOIN deletion_soft_columns AS s
            ON s.table_schema = n.table_schema AND s.table_name = n.table_name
        WHERE n.plan_id = p_plan_id
    );

    IF p_error IS NULL AND NOT deletion_has_soft_column(p_entity_table) THEN
        SET p_error = concat(p_entity_table, ' has no soft-delete column');
    END IF;

    IF p_error IS NOT NULL THEN
        SET p_code = 'JD011';
    ELSE
        SET p_error = deletion_misfit_problem(p_plan_id);

        IF p_error IS NULL THEN
            CALL deletion_plan_problem(p_plan_id, p_error);
        END IF;

        SET p_code = if(p_error IS NULL, NULL, 'JD005');
    END IF;

    IF p_error IS NULL THEN
        -- A table from which no marking column can be reached is not looked at.
        WITH RECURSIVE useful (node_no) AS (
            SELECT n.node_no
            FROM deletion_plan_nodes AS n
            INNER JOIN deletion_soft_columns AS s
                ON s.table_schema = n.table_schema AND s.table_name = n.table_name
            WHERE n.plan_id = p_plan_id
            UNION DISTINCT
            SELECT e.parent_node_no
            FROM useful AS u
            INNER JOIN deletion_plan_edges AS e FORCE INDEX (idx_dpe_child)  -- noqa: PRS
                ON e.plan_id = p_plan_id AND e.child_node_no = u.node_no
        )

        SELECT json_arrayagg(u.node_no) INTO v_useful FROM useful AS u;

        -- What was marked is remembered by its key.
        SET p_error = (
            SELECT min(
                concat(n.display_name, ' has no primary key and no unique key without NULLs')
            )
            FROM deletion_plan_nodes AS n
            WHERE
                n.plan_id = p_plan_id AND n.key_columns IS NULL
                AND json_contains(v_useful, cast(n.node_no AS JSON))
        );
        SET p_code = if(p_error IS NULL, NULL, 'JD005');
    END IF;

    IF p_error IS NULL THEN
        DELETE FROM deletion_plan_edges
        WHERE plan_id = p_plan_id AND NOT json_contains(v_useful, cast(child_node_no AS JSON));
        CALL deletion_plan_ranks(p_plan_id);
        CALL deletion_plan_columns(p_plan_id);
        -- What marks a row travels with its key.
        UPDATE deletion_plan_nodes AS n
        INNER JOIN deletion_soft_columns AS s
            ON s.table_schema = n.table_schema AND s.table_name = n.table_name
        SET n.frame_columns = json_array_append(
            n.frame_columns, '$',
            deletion_frame_column(p_plan_id, n.node_no, s.column_name, 's')
        )
        WHERE n.plan_id = p_plan_id;
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

-- >>> procedures/mysql/planner/deletion_sql_mark.sql
-- deletion_sql_mark
-- Write one of the statements that mark the rows of a frame, or look at what cannot be marked.
--
-- Parameters  p_plan_id   the plan
--             p_edge_no   the reference that the rows were found by; 0: the target's own rows
--             p_kind      pass, lock, mark or marked
-- Returns     text; binds the frame; pass and lock answer those of its rows that are still where
--             they were found (lock: x is 1 in those that are marked), marked those that hold a
--             mark now, with the values before and since; in @dj_answer and @dj_rows
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_sql_mark;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_mark(
    p_plan_id BIGINT UNSIGNED,
    p_edge_no INT,
    p_kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write one of the statements that mark the rows of a frame'
BEGIN
    DECLARE v_node_no INT DEFAULT 0;
    DECLARE v_columns, v_keys, v_pointers, v_soft JSON;
    DECLARE v_table, v_found, v_live, v_value, v_name, v_own
        LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    IF p_edge_no > 0 THEN
        SELECT e.child_node_no, e.found_by, e.frame_columns
        INTO v_node_no, v_found, v_pointers
        FROM deletion_plan_edges AS e
        WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no;
    END IF;

    SELECT
        concat(n.sql_name, ' AS x', n.key_index), n.frame_columns,
        deletion_key_part(n.frame_columns),
        deletion_soft_live(n.table_schema, n.table_name, FALSE),
        deletion_soft_live(n.table_schema, n.table_name, TRUE),
        json_extract(n.frame_columns, '$[last]')
    INTO v_table, v_columns, v_keys, v_live, v_value, v_soft
    FROM deletion_plan_nodes AS n
    WHERE n.plan_id = p_plan_id AND n.node_no = v_node_no;

    SET v_name = concat('x.', json_unquote(json_extract(v_soft, '$.name')));
    SET v_own = concat(
        '\nSTRAIGHT_JOIN ', v_table, ' ON ', deletion_sql_list(v_keys, 'found', ' AND ')
    );

    RETURN CASE p_kind
        WHEN 'mark' THEN concat(
            'UPDATE ', deletion_sql_frame(v_keys, ''), v_own, '\nSET ', v_name, ' = ', v_value,
            '\nWHERE ', v_live
        )
        WHEN 'marked' THEN concat(
            'SELECT COALESCE(JSON_ARRAYAGG(JSON_OBJECT(\'j\', t.j, \'k\', JSON_ARRAY(',
            deletion_sql_list(v_keys, 'value', ', '), '), \'c\', ',
            quote(json_unquote(json_extract(v_soft, '$.column'))), ', \'old\', t.old, \'new\', ',
            deletion_sql_list(json_array(v_soft), 'value', ''), ')), JSON_ARRAY()), COUNT(*)\n',
            'INTO @dj_answer, @dj_rows\nFROM ', deletion_sql_frame(
                v_keys, 'j BIGINT UNSIGNED PATH \'$.j\', old JSON PATH \'$.s\', '
            ),
            v_own, '\nWHERE NOT (', v_live, ')'
        )
        ELSE concat(
            'SELECT COALESCE(JSON_ARRAYAGG(JSON_OBJECT(\'j\', t.j, ',
            deletion_sql_list(v_columns, 'found_object', ', '),
            if(p_kind = 'lock', concat(', \'x\', IF(', v_live, ', 0, 1)'), ''),
            ')), JSON_ARRAY()), COUNT(*)\nINTO @dj_answer, @dj_rows\nFROM ',
            deletion_sql_frame(
                if(p_edge_no = 0, v_keys, json_merge_preserve(v_keys, v_pointers)),
                concat(
                    'j BIGINT UNSIGNED PATH \'$.j\', ',
                    if(p_edge_no = 0, 'm INT PATH \'$.m\', ', '')
                )
            ),
            v_own, if(p_edge_no = 0, ' AND t.m IS NULL', concat(' AND ', v_found)),
            if(p_kind = 'lock', '\nFOR UPDATE OF x', '')
        )
    END;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_sql_live.sql
-- deletion_sql_live
-- Write the statement that finds the roots of a frame that are not marked as deleted.
--
-- Parameters  p_plan_id   the plan
-- Returns     text; binds the frame; answers the jobs of these roots in @dj_answer, NULL for each
--             that is marked, and locks all roots. NULL: the target marks no rows, or its column
--             cannot tell any more
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_sql_live;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_live(
    p_plan_id BIGINT UNSIGNED
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write the statement that finds the roots of a frame that are not marked as deleted'
BEGIN
    RETURN (
        SELECT concat(
            'SELECT COALESCE(JSON_ARRAYAGG(IF(',
            deletion_soft_live(n.table_schema, n.table_name, FALSE),
            ', t.j, NULL)), JSON_ARRAY()), COUNT(*)\nINTO @dj_answer, @dj_rows\n',
            'FROM JSON_TABLE(?, \'$[*]\' COLUMNS (',
            'j BIGINT UNSIGNED PATH \'$.j\', m INT PATH \'$.m\', ', n.key_frame, ')) AS t',
            '\nSTRAIGHT_JOIN ', n.sql_name, ' AS x', n.key_index, ' ON ', n.key_found,
            ' AND t.m IS NULL\nFOR SHARE OF x'
        )
        FROM deletion_plan_nodes AS n
        INNER JOIN deletion_soft_columns AS s
            ON s.table_schema = n.table_schema AND s.table_name = n.table_name
        WHERE
            n.plan_id = p_plan_id
            AND n.node_no = 0
            AND deletion_soft_problem(
                s.table_schema, s.table_name, s.column_name, s.mark_value
            ) IS NULL
            AND s.kind = (
                SELECT deletion_soft_kind(c.column_type)
                FROM deletion_node_columns AS c
                WHERE
                    c.plan_id = p_plan_id AND c.node_no = 0 AND c.column_name = s.column_name
            )
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_sql_restore.sql
-- deletion_sql_restore
-- Write one of the statements that take marks back from the rows of a table that still hold them.
--
-- Parameters  p_plan_id, p_node_no   the table
--             p_kind      restore_lock or restore
-- Returns     text; binds an array of {"id": mark, "k": key, "o": old value, "n": new value};
--             restore_lock answers those whose row holds the new value, in @dj_answer and @dj_rows
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_sql_restore;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_restore(
    p_plan_id BIGINT UNSIGNED,
    p_node_no INT,
    p_kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write one of the statements that take marks back from rows that still hold them'
BEGIN
    DECLARE v_pos INT DEFAULT 0;
    DECLARE v_keys, v_soft JSON;
    DECLARE v_table, v_name, v_type LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_marks LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin DEFAULT '';

    SELECT
        concat(n.sql_name, ' AS x', n.key_index), deletion_key_part(n.frame_columns),
        json_extract(n.frame_columns, '$[last]')
    INTO v_table, v_keys, v_soft
    FROM deletion_plan_nodes AS n
    WHERE n.plan_id = p_plan_id AND n.node_no = p_node_no;

    SET v_name = concat('x.', json_unquote(json_extract(v_soft, '$.name')));
    SET v_type = json_unquote(json_extract(v_soft, '$.type'));

    WHILE v_pos < json_length(v_keys) DO
        SET v_marks = concat(
            v_marks, 'k', v_pos + 1, ' ',
            json_unquote(json_extract(v_keys, concat('$[', v_pos, '].type'))),
            ' PATH \'$.k[', v_pos, ']\' ERROR ON ERROR, '
        );
        SET v_pos = v_pos + 1;
    END WHILE;

    SET v_marks = concat(
        'JSON_TABLE(?, \'$[*]\' COLUMNS (e JSON PATH \'$\', ', v_marks,
        'o ', v_type, ' PATH \'$.o\' ERROR ON ERROR, n ', v_type,
        ' PATH \'$.n\' ERROR ON ERROR)) AS t\nSTRAIGHT_JOIN ', v_table, ' ON ',
        deletion_sql_list(v_keys, 'found', ' AND '), ' AND ', v_name, ' = t.n'
    );

    RETURN if(
        p_kind = 'restore',
        concat('UPDATE ', v_marks, '\nSET ', v_name, ' = t.o'),
        concat(
            'SELECT COALESCE(JSON_ARRAYAGG(t.e), JSON_ARRAY()), COUNT(*)\n',
            'INTO @dj_answer, @dj_rows\nFROM ', v_marks, '\nFOR UPDATE OF x'
        )
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_sql_spread.sql
-- deletion_sql_spread
-- Write the statement that reads for soft jobs what hangs from a frame by one reference.
--
-- Parameters  p_plan_id, p_edge_no   the reference
-- Returns     text; binds the row read last ({} at first), the frame, and a limit; answers the
--             child frame in @dj_answer, in order, and its number of keys in @dj_rows
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_sql_spread;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_spread(
    p_plan_id BIGINT UNSIGNED,
    p_edge_no INT
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write the statement that reads for soft jobs what hangs from a frame by one reference'
BEGIN
    DECLARE v_parent, v_child, v_keys, v_pointers JSON;
    DECLARE v_table, v_on_frame LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_same LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin DEFAULT '';
    DECLARE v_pos INT DEFAULT 0;

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

    -- A row is met once for each job: a page may end between two jobs.
    WHILE v_pos < json_length(v_keys) DO
        SET v_same = concat(
            v_same, 'c.', json_unquote(json_extract(v_keys, concat('$[', v_pos, '].name'))), ' = ',
            json_unquote(json_extract(v_keys, concat('$[', v_pos, '].get[0]'))), 'a.',
            json_unquote(json_extract(v_keys, concat('$[', v_pos, '].f'))),
            json_unquote(json_extract(v_keys, concat('$[', v_pos, '].get[1]'))), ' AND '
        );
        SET v_pos = v_pos + 1;
    END WHILE;

    RETURN concat(
        'SELECT COALESCE(JSON_ARRAYAGG(JSON_OBJECT(\'j\', q.j, ',
        deletion_sql_list(v_child, 'object', ', '), ')), JSON_ARRAY()), COUNT(*)\n',
        'INTO @dj_answer, @dj_rows\nFROM (\n    SELECT t.j, ',
        deletion_sql_list(v_child, 'answer', ', '),
        '\n    FROM JSON_TABLE(?, \'$\' COLUMNS (j BIGINT UNSIGNED PATH \'$.j\', ',
        deletion_sql_list(v_keys, 'frame', ', '), ')) AS a\n    STRAIGHT_JOIN ',
        deletion_sql_frame(v_parent, 'j BIGINT UNSIGNED PATH \'$.j\', m INT PATH \'$.m\', '),
        '\n    STRAIGHT_JOIN ', v_table, ' ON ', v_on_frame,
        '\n    WHERE ', deletion_sql_after(v_keys), ' OR (', v_same, 't.j > a.j)',
        '\n    ORDER BY ', deletion_sql_list(v_keys, 'sort', ', '), ', t.j\n    LIMIT ?\n) AS q'
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_write_soft_plan.sql
-- deletion_write_soft_plan
-- Store a compiled plan of the soft mode: each step with its finished SQL.
--
-- Parameters  p_plan_id   the plan, its references numbered and described
-- Writes      deletion_plan_steps                  Commits  no
-- Execute     the owner only

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02,LT02,LT05
DROP PROCEDURE IF EXISTS deletion_write_soft_plan;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_write_soft_plan(
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Store a compiled plan of the soft mode: each step with its finished SQL'
BEGIN
    INSERT INTO deletion_plan_steps (
        plan_id, step_no, kind, node_no, parent_node_no, edge_no, table_name, reference_name,
        action, is_leaf, in_check, index_name, sql_text
    )
    SELECT
        p_plan_id,
        row_number() OVER (ORDER BY s.edge_no, k.place),
        k.kind, s.node_no, s.parent_node_no, s.edge_no, s.display_name, s.reference_name, s.action,
        s.is_leaf, TRUE,
        if(k.kind IN ('fetch_more', 'spread', 'size'), s.index_name, coalesce(s.index_name, 'key')),
        CASE k.kind
            -- To read is all that is needed of most tables: no column changes meanwhile.
            WHEN 'guard' THEN deletion_sql_guard(p_plan_id)
            WHEN 'roots' THEN deletion_sql_roots(p_plan_id)
            WHEN 'fetch_more' THEN deletion_sql_fetch(p_plan_id, s.edge_no, TRUE, NULL)
            WHEN 'spread' THEN deletion_sql_spread(p_plan_id, s.edge_no)
            WHEN 'size' THEN concat(
                'SELECT COUNT(*) INTO @dj_rows FROM (SELECT 1 FROM ', s.sql_name, ' LIMIT ?) AS q'
            )
            WHEN 'restore_lock' THEN deletion_sql_restore(p_plan_id, s.node_no, k.kind)
            WHEN 'restore' THEN deletion_sql_restore(p_plan_id, s.node_no, k.kind)
            ELSE deletion_sql_mark(p_plan_id, s.edge_no, k.kind)
        END
    FROM (
        SELECT
            0 AS edge_no, n.node_no, NULL AS parent_node_no, n.display_name, n.sql_name,
            NULL AS reference_name, NULL AS action, NULL AS index_name,
            NOT EXISTS (SELECT 1 FROM deletion_plan_edges AS b WHERE b.plan_id = p_plan_id)
            AS is_leaf,
            TRUE AS is_soft, TRUE AS is_first
        FROM deletion_plan_nodes AS n
        WHERE n.plan_id = p_plan_id AND n.node_no = 0
        UNION ALL
        SELECT
            e.edge_no, n.node_no, e.parent_node_no, n.display_name, n.sql_name, e.reference_name,
            e.action, e.index_name, e.is_leaf,
            c.table_name IS NOT NULL,
            -- Once for a table, whichever of its references leads to it.
            n.node_no <> 0
            AND row_number() OVER (PARTITION BY n.node_no ORDER BY e.edge_no) = 1
        FROM deletion_plan_edges AS e
        INNER JOIN deletion_plan_nodes AS n
            ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
        LEFT JOIN deletion_soft_columns AS c
            ON c.table_schema = n.table_schema AND c.table_name = n.table_name
        WHERE e.plan_id = p_plan_id
    ) AS s
    INNER JOIN json_table(
        '["guard", "roots", "fetch_more", "size", "spread", "pass", "lock", "mark", "marked",
        "restore_lock", "restore"]',
        '$[*]' COLUMNS (
            place FOR ORDINALITY,
            kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'
        )
    ) AS k
        ON CASE
            WHEN k.kind IN ('guard', 'roots') THEN s.edge_no = 0
            WHEN k.kind IN ('fetch_more', 'spread') THEN s.edge_no > 0
            WHEN k.kind = 'size' THEN s.edge_no > 0 AND s.index_name IS NULL
            WHEN k.kind = 'pass' THEN NOT s.is_soft
            WHEN k.kind IN ('restore_lock', 'restore') THEN s.is_soft AND s.is_first
            ELSE s.is_soft
        END;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_soft_plan.sql
-- deletion_soft_plan
-- Compile the plan of a target's soft mode, or raise why there is none that can run.
--
-- Parameters  p_table     the target                p_verb   the verb that was called
--             p_plan_id   OUT the plan, one that can be run
-- Errors      JD002 NULL; JD004 the table is no target; JD005 a table that cannot take part;
--             JD011 no soft-delete column, or one that does not fit any more
-- Writes      deletion_plans, deletion_plan_steps  Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_soft_plan;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_soft_plan(
    IN p_table LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_verb VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    OUT p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Compile the plan of the soft mode of a target, or raise why there is none that can run'
BEGIN
    DECLARE v_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_code CHAR(5) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    CALL deletion_check_wish(p_verb, p_table, FALSE, v_entity_table);
    CALL deletion_compile(v_entity_table, FALSE, p_plan_id);

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

-- >>> procedures/mysql/planner/deletion_detach_problem.sql
-- deletion_detach_problem
-- Say why rows cannot be taken off a reference by setting its columns NULL.
--
-- Parameters  p_schema, p_table   the table that refers
--             p_reference         the reference
-- Returns     text; NULL: they can
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_detach_problem;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_detach_problem(
    p_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_reference VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Say why rows cannot be taken off a reference by setting its columns NULL'
BEGIN
    RETURN (
        SELECT concat('a column of the reference cannot be NULL (', min(c.column_name), ')')
        FROM information_schema.columns AS c
        WHERE
            c.table_schema = p_schema
            AND c.table_name = p_table
            AND c.is_nullable = 'NO'
            AND (
                EXISTS (
                    SELECT 1
                    FROM information_schema.key_column_usage AS k
                    WHERE
                        k.constraint_schema = p_schema AND k.table_name = p_table
                        AND k.constraint_name = p_reference AND k.column_name = c.column_name
                        AND k.referenced_table_name IS NOT NULL
                )
                OR EXISTS (
                    SELECT 1
                    FROM deletion_references AS d
                    WHERE
                        d.reference_name = p_reference AND d.child_schema = p_schema
                        AND d.child_table = p_table
                        AND json_contains(d.child_columns, json_quote(c.column_name))
                )
            )
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_change_rows.sql
-- deletion_change_rows
-- Delete, or set, rows without a key that hang from the present frame, one of its rows at a time.
--
-- Parameters  p_edge_no   the reference            p_action   cascade, set_null or set_default
-- Writes      the application's table, deletion_receipts     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_change_rows;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_change_rows(
    IN p_edge_no INT,
    IN p_action VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Delete, or set, rows without a key that hang from the present frame'
BEGIN
    DECLARE v_pos INT DEFAULT 0;
    DECLARE v_key JSON;

    WHILE v_pos < @dj_count AND @dj_left > 0 DO
        SET v_key = json_extract(@dj_keys, concat('$[', v_pos, ']')), v_pos = v_pos + 1;
        SET @dj_frame = v_key, @dj_limit = @dj_left;
        CALL deletion_execute(@dj_plan_id, p_edge_no, 'parent_row');
        CALL deletion_execute(@dj_plan_id, p_edge_no, 'change_rows');
        SET @dj_here = @dj_here + @dj_rows;
        CALL deletion_count(
            p_edge_no, if(p_action = 'cascade', 'delete', p_action), @dj_rows,
            -- So many rows of that job.
            if(@dj_rows = 0, NULL, concat(
                '[', repeat(concat('{"j": ', json_extract(v_key, '$.j'), '},'), @dj_rows - 1),
                '{"j": ', json_extract(v_key, '$.j'), '}]'
            ))
        );
    END WHILE;

    IF @dj_left > 0 THEN
        SET @dj_pos = p_edge_no, @dj_is_dirty = TRUE;
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_check_holds.sql
-- deletion_check_holds
-- Go on with a run's climb from held rows, and fail the jobs that it leads to.
--
-- Parameters  p_run_id, p_plan_id   the run, fenced
--             p_is_over             OUT TRUE where the climb has ended
-- Writes      deletion_walk_keys, deletion_attempts, deletion_jobs, deletion_frames   Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_check_holds;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_check_holds(
    IN p_run_id BIGINT UNSIGNED,
    IN p_plan_id BIGINT UNSIGNED,
    OUT p_is_over BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Go on with a run''s climb from held rows, and fail the jobs that it leads to'
BEGIN
    DECLARE v_pos INT DEFAULT 0;
    DECLARE v_roots, v_met, v_job JSON;

    CALL deletion_climb(p_run_id, p_plan_id, p_is_over);

    IF p_is_over THEN
        SELECT json_arrayagg(q.o)
        INTO v_roots
        FROM (
            SELECT k.o
            FROM deletion_frames AS f
            CROSS JOIN json_table(f.`keys`, '$[*]' COLUMNS (o JSON PATH '$')) AS k
            WHERE f.run_id = p_run_id AND f.edge_no = 0
            UNION ALL
            -- Soft jobs that have begun have no frames: they keep their roots themselves.
            SELECT s.`keys`
            FROM deletion_runs AS r
            INNER JOIN deletion_attempts AS a ON a.run_id = r.run_id AND a.outcome IS NULL
            INNER JOIN deletion_soft_keys AS s
                ON s.job_id = a.job_id AND s.node_no = 0 AND s.edge_no = 0
            WHERE r.run_id = p_run_id AND NOT r.hard_delete
        ) AS q;
        CALL deletion_held_roots(p_run_id, p_plan_id, v_roots, v_met);
        DELETE FROM deletion_walk_keys WHERE walk_id = p_run_id;

        WHILE v_pos < coalesce(json_length(v_met), 0) DO
            SET v_job = json_extract(v_met, concat('$[', v_pos, ']'));
            CALL deletion_fail_jobs(
                p_run_id, json_array(json_extract(v_job, '$.j')),
                deletion_hold_error(json_extract(v_job, '$.holds'))
            );
            SET v_pos = v_pos + 1;
        END WHILE;
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_drain_wide.sql
-- deletion_drain_wide
-- Delete childless rows that hang from a wide frame, for one of its rows after the other.
--
-- Parameters  p_edge_no   the reference
-- Writes      the application's table, deletion_receipts     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_drain_wide;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_drain_wide(
    IN p_edge_no INT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Delete childless rows that hang from a wide frame, for one of its rows after the other'
BEGIN
    -- No key of any type of whole numbers is below.
    DECLARE v_first BIGINT DEFAULT -9223372036854775808;
    DECLARE v_found BIGINT;
    DECLARE v_table VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin DEFAULT (
        SELECT s.table_name
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = @dj_plan_id AND s.edge_no = p_edge_no AND s.kind = 'find'
    );

    SET @dj_frame = @dj_keys;
    SET @dj_place = cast(coalesce(json_extract(@dj_read, '$.place'), 0) AS SIGNED);
    SET @dj_after = v_first;

    -- Of the column's own kind, or the engine would not begin to read there.
    IF json_extract(@dj_read, '$.after') > 0 THEN
        SET @dj_after = cast(json_extract(@dj_read, '$.after') AS UNSIGNED);
    ELSEIF json_contains_path(@dj_read, 'one', '$.after') THEN
        SET @dj_after = cast(json_extract(@dj_read, '$.after') AS SIGNED);
    END IF;

    WHILE @dj_left > 0 AND @dj_place < @dj_count DO
        SET @dj_limit = @dj_left;

        -- What hangs from a root that was not there is another story, should it come back.
        IF json_contains_path(@dj_keys, 'one', concat('$[', @dj_place, '].m')) THEN
            SET v_found = 0;
        ELSE
            CALL deletion_execute(@dj_plan_id, p_edge_no, 'find');
            SET v_found = @dj_rows;
        END IF;

        IF v_found > 0 THEN
            CALL deletion_execute(@dj_plan_id, p_edge_no, 'drain_found');
            SET @dj_after = @dj_last;
            SET @dj_left = @dj_left - @dj_rows, @dj_changed = @dj_changed + @dj_rows;
            SET @dj_here = @dj_here + @dj_rows;

            IF @dj_rows > 0 THEN
                CALL deletion_add_receipts(@dj_run_id, v_table, 'delete', json_object(
                    json_extract(@dj_keys, concat('$[', @dj_place, '].j')), @dj_rows
                ));
            END IF;
        END IF;

        IF v_found < @dj_limit THEN
            SET @dj_place = @dj_place + 1, @dj_after = v_first;
        END IF;
    END WHILE;

    IF @dj_place >= @dj_count THEN
        SET @dj_pos = p_edge_no, @dj_read = NULL;
    ELSE
        SET @dj_read = json_object('place', @dj_place, 'after', @dj_after);
    END IF;

    SET @dj_is_dirty = TRUE;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_drop_soft_keys.sql
-- deletion_drop_soft_keys
-- Drop, some at a time, what soft jobs have noted that nobody goes on with.
--
-- Parameters  none
-- Writes      deletion_soft_keys; locks deletion_jobs     Commits  no
-- Execute     the owner only
--
-- A job that was cut into slices keeps its notes; then it may be cancelled, or wanted for good.

DROP PROCEDURE IF EXISTS deletion_drop_soft_keys;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_drop_soft_keys()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Drop, some at a time, what soft jobs have noted that nobody goes on with'
BEGIN
    DECLARE v_jobs JSON;  -- noqa: PRS

    -- A look at the index for each job; what a caller holds waits for the next time.
    SELECT json_arrayagg(j.id)
    INTO v_jobs
    FROM (SELECT DISTINCT k.job_id FROM deletion_soft_keys AS k) AS n
    STRAIGHT_JOIN deletion_jobs AS j FORCE INDEX (PRIMARY)
        ON j.id = n.job_id AND j.status <> 'running' AND (j.status <> 'pending' OR j.hard_delete)
    FOR UPDATE OF j SKIP LOCKED;

    DELETE k
    FROM (
        SELECT d.job_id, d.node_no, d.key_hash
        FROM json_table(v_jobs, '$[*]' COLUMNS (j BIGINT UNSIGNED PATH '$')) AS t
        STRAIGHT_JOIN deletion_soft_keys AS d FORCE INDEX (PRIMARY) ON d.job_id = t.j
        LIMIT 20000
    ) AS q
    STRAIGHT_JOIN deletion_soft_keys AS k FORCE INDEX (PRIMARY)
        ON k.job_id = q.job_id AND k.node_no = q.node_no AND k.key_hash = q.key_hash;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_spare_live.sql
-- deletion_spare_live
-- Cancel the removals that nobody asked for, where the row is not marked as deleted any more.
--
-- Parameters  p_run_id    the run, its roots found
--             p_plan_id   its plan
-- Writes      deletion_attempts, deletion_jobs, deletion_runs, deletion_frames     Commits  no
-- Execute     the owner only
--
-- A target may let its soft jobs remove what they marked after a grace. Whoever takes the mark back
-- in between, by the application's own means, wants the row to stay. The roots are locked, so that
-- they are still marked when this step removes the first rows.

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP02
DROP PROCEDURE IF EXISTS deletion_spare_live;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_spare_live(
    IN p_run_id BIGINT UNSIGNED,
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Cancel the removals that nobody asked for, where the row is not marked any more'
BEGIN
    DECLARE v_jobs, v_spared, v_free, v_held, v_keys JSON;
    DECLARE v_is_told BOOLEAN DEFAULT TRUE;

    -- Targets that never marked a row are most.
    IF EXISTS (
        SELECT 1
        FROM deletion_runs AS r
        INNER JOIN deletion_plans AS p
            ON p.entity_table = r.entity_table AND NOT p.hard_delete
        WHERE r.run_id = p_run_id AND r.hard_delete
    ) THEN
        SELECT json_arrayagg(q.job_id)
        INTO v_jobs
        FROM (
            SELECT DISTINCT o.job_id
            FROM deletion_attempts AS o FORCE INDEX (idx_da_run)
            STRAIGHT_JOIN deletion_attempts AS a FORCE INDEX (PRIMARY) ON a.job_id = o.job_id
            WHERE o.run_id = p_run_id AND o.outcome IS NULL AND a.purge_follows
        ) AS q;
    END IF;

    IF v_jobs IS NOT NULL THEN
        SET v_is_told = EXISTS (  -- noqa: CP03,LT06
            SELECT 1
            FROM deletion_plan_steps AS s
            WHERE s.plan_id = p_plan_id AND s.edge_no = 0 AND s.kind = 'live'
        );

        IF v_is_told THEN
            SELECT f.`keys`
            INTO v_keys
            FROM deletion_frames AS f
            WHERE f.run_id = p_run_id AND f.depth = 0;
            SET @dj_frame = v_keys;
            CALL deletion_execute(p_plan_id, 0, 'live');
            SET v_spared = (
                SELECT json_arrayagg(l.j)
                FROM json_table(@dj_answer, '$[*]' COLUMNS (j BIGINT UNSIGNED PATH '$')) AS l
                WHERE l.j IS NOT NULL AND json_contains(v_jobs, cast(l.j AS JSON))
            );
        ELSE
            SET v_spared = v_jobs;
        END IF;
    END IF;

    IF v_spared IS NOT NULL THEN
        -- Whoever holds a job now may be asking for its removal: it comes again when that is known.
        SELECT json_arrayagg(j.id)
        INTO v_free
        FROM json_table(v_spared, '$[*]' COLUMNS (j BIGINT UNSIGNED PATH '$')) AS l
        STRAIGHT_JOIN deletion_jobs AS j FORCE INDEX (PRIMARY) ON j.id = l.j
        FOR UPDATE OF j SKIP LOCKED;

        SELECT json_arrayagg(l.j)
        INTO v_held
        FROM json_table(v_spared, '$[*]' COLUMNS (j BIGINT UNSIGNED PATH '$')) AS l
        WHERE NOT coalesce(json_contains(v_free, cast(l.j AS JSON)), FALSE);

        SELECT json_arrayagg(l.j)
        INTO v_spared
        FROM json_table(v_free, '$[*]' COLUMNS (j BIGINT UNSIGNED PATH '$')) AS l
        WHERE EXISTS (
            SELECT 1 FROM deletion_attempts AS a WHERE a.job_id = l.j AND a.purge_follows
        );

        IF v_held IS NOT NULL THEN
            CALL deletion_settle(p_run_id, v_held, 'returned', NULL, FALSE, NULL);
            CALL deletion_drop_jobs(p_run_id, v_held);
        END IF;

        IF v_spared IS NOT NULL THEN
            CALL deletion_settle(
                p_run_id,
                v_spared,
                if(v_is_told, 'cancelled', 'failed'),
                concat(if(
                    v_is_told,
                    'JD003: the row is live again, and stays',
                    'JD011: no marking column tells any more whether the row is live again'
                ), '; enqueue_deletion with p_hard_delete TRUE removes it'),
                FALSE,
                NULL
            );
            CALL deletion_drop_jobs(p_run_id, v_spared);
        END IF;
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_refuse_temporary.sql
-- deletion_refuse_temporary
-- Refuse to work in a session that hides one of our own tables behind a temporary one.
--
-- Parameters  p_verb   the verb that was called
-- Errors      JD003 the session has such a table
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- A temporary table stands before the one of its name, also in a routine that runs by the rights of
-- its owner: whoever could put rows before deletion_plan_steps would have the owner run them. No
-- catalog lists it; but the server opens none twice in one statement.

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02,LT02,LT05,AL05,AM05
DROP PROCEDURE IF EXISTS deletion_refuse_temporary;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_refuse_temporary(
    IN p_verb VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Refuse to work in a session that hides one of our own tables behind a temporary one'
BEGIN
    DECLARE EXIT HANDLER FOR 1137
    CALL deletion_raise(
        'JD003', p_verb, 'a temporary table of the session hides one of deletion-jobs', NULL
    );

    DO (SELECT count(*) FROM (
        SELECT 1 FROM deletion_attempts AS x, deletion_attempts AS y WHERE FALSE
        UNION ALL SELECT 1 FROM deletion_frames AS x, deletion_frames AS y WHERE FALSE
        UNION ALL SELECT 1 FROM deletion_hold_latches AS x, deletion_hold_latches AS y WHERE FALSE
        UNION ALL SELECT 1 FROM deletion_holds AS x, deletion_holds AS y WHERE FALSE
        UNION ALL SELECT 1 FROM deletion_jobs AS x, deletion_jobs AS y WHERE FALSE
        UNION ALL SELECT 1 FROM deletion_marks AS x, deletion_marks AS y WHERE FALSE
        UNION ALL SELECT 1 FROM deletion_node_columns AS x, deletion_node_columns AS y WHERE FALSE
        UNION ALL SELECT 1 FROM deletion_node_indexes AS x, deletion_node_indexes AS y WHERE FALSE
        UNION ALL SELECT 1 FROM deletion_plan_edges AS x, deletion_plan_edges AS y WHERE FALSE
        UNION ALL SELECT 1 FROM deletion_plan_nodes AS x, deletion_plan_nodes AS y WHERE FALSE
        UNION ALL SELECT 1 FROM deletion_plan_steps AS x, deletion_plan_steps AS y WHERE FALSE
        UNION ALL SELECT 1 FROM deletion_plans AS x, deletion_plans AS y WHERE FALSE
        UNION ALL SELECT 1 FROM deletion_receipts AS x, deletion_receipts AS y WHERE FALSE
        UNION ALL SELECT 1 FROM deletion_references AS x, deletion_references AS y WHERE FALSE
        UNION ALL SELECT 1 FROM deletion_rules AS x, deletion_rules AS y WHERE FALSE
        UNION ALL SELECT 1 FROM deletion_runs AS x, deletion_runs AS y WHERE FALSE
        UNION ALL SELECT 1 FROM deletion_settings AS x, deletion_settings AS y WHERE FALSE
        UNION ALL SELECT 1 FROM deletion_slots AS x, deletion_slots AS y WHERE FALSE
        UNION ALL SELECT 1 FROM deletion_soft_columns AS x, deletion_soft_columns AS y WHERE FALSE
        UNION ALL SELECT 1 FROM deletion_soft_keys AS x, deletion_soft_keys AS y WHERE FALSE
        UNION ALL SELECT 1 FROM deletion_targets AS x, deletion_targets AS y WHERE FALSE
        UNION ALL SELECT 1 FROM deletion_walk_keys AS x, deletion_walk_keys AS y WHERE FALSE
        UNION ALL SELECT 1 FROM deletion_walk_links AS x, deletion_walk_links AS y WHERE FALSE
    ) AS q);
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_give_up.sql
-- deletion_give_up
-- Let rows that the walk came by go of the present frame, where they refer to it and get a default.
--
-- Parameters  p_edge_no   the reference that sets a default
-- Errors      JD006 rows are found and not changed; JD007 rows of several jobs wait for each other:
--             each job goes on alone
-- Writes      the application's table              Commits  no
-- Execute     the owner only
--
-- The frame hangs from them, and they from the frame: a default that is in a row which goes as
-- well, or in none, does not part the two. They go, whatever they refer to: they are on the stack,
-- and held. Takes from @dj_left.

DROP PROCEDURE IF EXISTS deletion_give_up;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_give_up(
    IN p_edge_no INT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Let rows that the walk came by go of the present frame, where they refer to it'
BEGIN
    DECLARE v_found BIGINT;
    DECLARE v_node_no INT;
    DECLARE v_table VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SELECT max(s.node_no), max(s.table_name)
    INTO v_node_no, v_table
    FROM deletion_plan_steps AS s FORCE INDEX (idx_dps_edge)
    WHERE s.plan_id = @dj_plan_id AND s.edge_no = p_edge_no AND s.kind = 'give_up';

    SET @dj_stack = (
        SELECT json_arrayagg(k.o)
        FROM deletion_frames AS f
        CROSS JOIN json_table(f.`keys`, '$[*]' COLUMNS (o JSON PATH '$')) AS k  -- noqa: CP02,PRS
        WHERE f.run_id = @dj_run_id AND f.depth < @dj_depth AND f.node_no = v_node_no
    );

    IF @dj_stack IS NOT NULL THEN
        -- The number that UPDATE gives depends on the client: they are counted before and after.
        SET @dj_frame = @dj_keys, @dj_limit = @dj_left;
        CALL deletion_execute(@dj_plan_id, p_edge_no, 'give_look');
        SET v_found = @dj_rows;

        IF v_found > 0 AND @dj_job_id IS NULL THEN
            CALL deletion_raise(
                'JD007', 'run_deletion_jobs',
                'rows wait for each other among several jobs, each goes alone', v_table
            );
        ELSEIF v_found > 0 THEN
            CALL deletion_execute(@dj_plan_id, p_edge_no, 'give_up');
            CALL deletion_execute(@dj_plan_id, p_edge_no, 'give_look');

            IF @dj_rows >= v_found THEN
                CALL deletion_raise(
                    'JD006', 'run_deletion_jobs', 'rows are found and not changed', v_table
                );
            END IF;

            SET v_found = v_found - @dj_rows;
            SET @dj_left = @dj_left - v_found, @dj_changed = @dj_changed + v_found;
        END IF;
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_held_roots.sql
-- deletion_held_roots
-- Say which jobs a finished climb has led to, and from which holds.
--
-- Parameters  p_walk_id   the climb                p_plan_id   its plan
--             p_roots     the rows that the jobs name, as the root frame keeps them
--             p_met       OUT JSON array of {"j": job, "holds": [numbers of the holds]}
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_held_roots;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_held_roots(
    IN p_walk_id BIGINT,
    IN p_plan_id BIGINT UNSIGNED,
    IN p_roots JSON,
    OUT p_met JSON
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Say which jobs a finished climb has led to, and from which holds'
BEGIN
    DECLARE v_edge_no, v_node_no INT;
    DECLARE v_pairs JSON;
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE c_edge CURSOR FOR
        SELECT s.edge_no, s.node_no
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = p_plan_id
            AND s.kind = 'climb_root'
            AND json_contains_path(p_roots, 'one', '$[*].m')
        ORDER BY s.step_no;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    SELECT coalesce(json_arrayagg(json_object('j', k.j, 'h', w.job_id)), json_array())
    INTO v_pairs
    FROM json_table(p_roots, '$[*]' COLUMNS (
        o JSON PATH '$', j BIGINT UNSIGNED PATH '$.j'
    )) AS k
    INNER JOIN deletion_walk_keys AS w
        ON
            w.walk_id = p_walk_id
            AND w.node_no = 0
            AND w.fate = 'held'
            AND w.key_hash = deletion_key_hash(k.o);

    -- What is declared may hang from a root that is not there: no row leads up to it.
    SET v_is_done = FALSE;
    OPEN c_edge;
    FETCH c_edge INTO v_edge_no, v_node_no;

    WHILE NOT v_is_done DO
        SET @dj_frame = p_roots;
        SET @dj_cursor = (
            SELECT coalesce(json_arrayagg(w.`keys`), json_array())
            FROM deletion_walk_keys AS w
            WHERE w.walk_id = p_walk_id AND w.node_no = v_node_no AND w.fate = 'held'
        );
        CALL deletion_execute(p_plan_id, v_edge_no, 'climb_root');
        SET v_pairs = json_merge_preserve(v_pairs, @dj_answer), v_is_done = FALSE;
        FETCH c_edge INTO v_edge_no, v_node_no;
    END WHILE;

    CLOSE c_edge;

    SELECT json_arrayagg(json_object('j', q.j, 'holds', q.holds))
    INTO p_met
    FROM (
        SELECT p.j, json_arrayagg(p.h - 4611686018427387904) AS holds
        FROM (
            SELECT DISTINCT m.j, m.h
            FROM json_table(v_pairs, '$[*]' COLUMNS (
                j BIGINT UNSIGNED PATH '$.j', h BIGINT UNSIGNED PATH '$.h'
            )) AS m
            -- It may have been let go, or be over, since the climb began.
            INNER JOIN deletion_holds AS d
                ON
                    d.hold_id = m.h - 4611686018427387904
                    AND d.released_at IS NULL
                    AND (d.held_until IS NULL OR d.held_until > utc_timestamp(6))
        ) AS p
        GROUP BY p.j
    ) AS q;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_held_rows.sql
-- deletion_held_rows
-- Find the rows of a plan's tables on which a hold is in force.
--
-- Parameters  p_plan_id   the plan
--             p_rows      OUT JSON array of the rows that are there, as frames keep them, each with
--                         its table's number ("n"); "j" is the hold's number, above all jobs'.
--                         A hold whose row is found no more stands there with "lost": which row it
--                         was nobody can say
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_held_rows;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_held_rows(
    IN p_plan_id BIGINT UNSIGNED,
    OUT p_rows JSON
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Find the rows of a plan''s tables on which a hold is in force'
BEGIN
    DECLARE v_sql LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;  -- noqa: PRS
    DECLARE v_node_no INT;
    DECLARE v_holds, v_lost JSON;
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE c_table CURSOR FOR
        SELECT
            t.node_no,
            s.sql_text,
            json_arrayagg(json_object(
                'j', h.hold_id + 4611686018427387904,
                'pk', h.row_pk,
                'k', CASE WHEN json_valid(h.row_pk) THEN cast(h.row_pk AS JSON) END,
                'seen', h.row_seen_at IS NOT NULL
            ))
        FROM deletion_holds AS h
        -- By the columns that the hold was placed by; without such a step they are no key now.
        INNER JOIN (
            SELECT DISTINCT d.node_no, d.table_name
            FROM deletion_plan_steps AS d
            WHERE d.plan_id = p_plan_id AND d.kind = 'held'
        ) AS t ON t.table_name = h.table_name
        LEFT JOIN deletion_plan_steps AS s
            ON
                s.plan_id = p_plan_id AND s.kind = 'held' AND s.node_no = t.node_no
                AND s.index_name = h.key_columns
        WHERE
            h.released_at IS NULL
            AND (h.held_until IS NULL OR h.held_until > utc_timestamp(6))
        GROUP BY t.node_no, s.step_no, s.sql_text
        ORDER BY t.node_no, s.step_no;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    SET p_rows = json_array();
    OPEN c_table;
    FETCH c_table INTO v_node_no, v_sql, v_holds;

    WHILE NOT v_is_done DO
        SET @dj_sql = v_sql, @dj_frame = v_holds, @dj_answer = NULL;

        IF v_sql IS NOT NULL THEN
            BEGIN
                -- The columns are of another type now, which does not take what was held.
                DECLARE EXIT HANDLER FOR 3156, 3665, 3666, 3667, 1264, 1292, 1366, 1406  -- noqa: PRS
                    SET @dj_answer = NULL;

                PREPARE dj_stmt FROM @dj_sql;
                EXECUTE dj_stmt USING @dj_frame;
                DEALLOCATE PREPARE dj_stmt;
            END;
        END IF;

        SELECT coalesce(
            json_arrayagg(json_object('n', v_node_no, 'j', l.j, 'lost', TRUE)), json_array()
        )
        INTO v_lost
        FROM (
            SELECT h.j
            FROM json_table(v_holds, '$[*]' COLUMNS (
                j BIGINT UNSIGNED PATH '$.j', seen BOOLEAN PATH '$.seen'
            )) AS h
            LEFT JOIN json_table(@dj_answer, '$[*]' COLUMNS (
                j BIGINT UNSIGNED PATH '$.j'
            )) AS a ON a.j = h.j
            WHERE @dj_answer IS NULL OR (h.seen AND a.j IS NULL)
        ) AS l;
        SET p_rows = json_merge_preserve(
            p_rows, coalesce(@dj_answer, json_array()), v_lost
        );
        SET v_is_done = FALSE;
        FETCH c_table INTO v_node_no, v_sql, v_holds;
    END WHILE;

    CLOSE c_table;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_hold_error.sql
-- deletion_hold_error
-- Write the error of a job that holds stop: table, key, end and reason of the first of them.
--
-- Parameters  p_holds   numbers of the holds
-- Returns     text
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_hold_error;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_hold_error(
    p_holds JSON
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write the error of a job that holds stop: table, key, end and reason of the first of them'  -- noqa: LT05
BEGIN
    RETURN (
        SELECT concat(
            'JD006: held: ',
            group_concat(  -- noqa: CP01
                if(h.place > 3, NULL, concat(
                    h.table_name, ' ', h.row_pk, ' ',
                    coalesce(
                        concat('until ', date_format(h.held_until, '%Y-%m-%d %H:%i:%s'), ' UTC'),
                        'without end'
                    ),
                    ': ', h.reason
                ))
                ORDER BY h.hold_id SEPARATOR '; '
            ),
            if(count(*) > 3, concat('; and ', count(*) - 3, ' more'), '')
        )
        FROM (
            SELECT d.*, row_number() OVER (ORDER BY d.hold_id) AS place
            FROM json_table(p_holds, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$')) AS i
            INNER JOIN deletion_holds AS d ON d.hold_id = i.id
        ) AS h
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_lost_hold.sql
-- deletion_lost_hold
-- Look for holds in force whose table is not found: it may have another name now.
--
-- Returns     text, the error of every job meanwhile; NULL: there is no such hold
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_lost_hold;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_lost_hold()
RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Look for holds in force whose table is not found: it may have another name'
BEGIN
    RETURN concat(
        deletion_hold_error(deletion_lost_holds()),
        ' (no such table is found: release the hold, or release it and hold the row by the ',
        'table''s name of now)'
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_lost_holds.sql
-- deletion_lost_holds
-- List the holds in force whose table is not found: it may have another name now.
--
-- Returns     JSON array of hold_id; NULL: there is none
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- What it lists the view of problems shows to accounts that may see none of the tables.

DROP FUNCTION IF EXISTS deletion_lost_holds;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_lost_holds()
RETURNS JSON
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'List the holds in force whose table is not found: it may have another name now'
BEGIN
    -- A name may hold a dot itself.
    RETURN (
        SELECT json_arrayagg(h.hold_id)
        FROM deletion_holds AS h
        WHERE
            h.released_at IS NULL
            AND (h.held_until IS NULL OR h.held_until > utc_timestamp(6))
            AND NOT EXISTS (
                SELECT 1
                FROM information_schema.tables AS t
                WHERE
                    t.table_schema = database()
                    AND t.table_name = convert(h.table_name USING utf8mb3) COLLATE utf8mb3_bin  -- noqa: CP01,LT05
                    AND t.table_type = 'BASE TABLE'
            )
            AND NOT EXISTS (
                SELECT 1
                FROM information_schema.tables AS t
                WHERE
                    locate('.', h.table_name) > 0
                    AND t.table_schema = convert(  -- noqa: CP01
                        substring_index(h.table_name, '.', 1) USING utf8mb3
                    ) COLLATE utf8mb3_bin
                    AND t.table_name = convert(  -- noqa: CP01
                        substring(h.table_name, locate('.', h.table_name) + 1) USING utf8mb3
                    ) COLLATE utf8mb3_bin
                    AND t.table_type = 'BASE TABLE'
            )
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_circle_error.sql
-- deletion_circle_error
-- Write the error of a job whose rows go in a circle that nothing opens.
--
-- Parameters  p_rows                   how many rows
--             p_tables, p_references   their tables, and the references that tie them
--             p_key_table, p_key       the table of one of them, and its key, a JSON array
-- Returns     text
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_circle_error;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_circle_error(
    p_rows BIGINT,
    p_tables LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_references LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_key_table LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_key LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Write the error of a job whose rows go in a circle that nothing opens'
BEGIN
    RETURN concat(
        'JD007: ',
        if(p_rows = 1, '1 row of ', concat(p_rows, ' rows of ')), p_tables,
        if(p_rows = 1, ' refers to itself by ', ' go in a circle by '), p_references,
        ', such as ', p_key_table, ' (', substr(p_key, 2, char_length(p_key) - 2), ')'
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_fail_circles.sql
-- deletion_fail_circles
-- Fail the jobs whose rows go in a circle that no NULL opens, and say which rows those are.
--
-- Parameters  p_run_id, p_plan_id   the run; of its links those are left that circles keep
-- Writes      deletion_attempts, deletion_jobs, deletion_frames, deletion_walk_keys,
--             deletion_walk_links     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_fail_circles;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_fail_circles(
    IN p_run_id BIGINT UNSIGNED,
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Fail the jobs whose rows go in a circle that no NULL opens, and say which rows those are'
BEGIN
    DECLARE v_job_id BIGINT UNSIGNED;
    DECLARE v_node_no INT;
    DECLARE v_hash BINARY(32);
    DECLARE v_rows BIGINT;
    DECLARE v_edges JSON;
    DECLARE v_tables, v_references, v_key_table, v_key
        LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_loose JSON DEFAULT (
        SELECT coalesce(json_arrayagg(s.edge_no), json_array())
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = p_plan_id AND s.kind = 'loose'
    );

    SET v_job_id = (
        SELECT min(l.job_id)
        FROM deletion_walk_links AS l
        WHERE l.walk_id = p_run_id AND NOT l.is_let_go
    );

    WHILE v_job_id IS NOT NULL DO
        CALL deletion_trace_circle(p_run_id, v_job_id, v_loose, v_rows, v_edges, v_node_no, v_hash);

        IF v_rows IS NOT NULL THEN
            SELECT
                group_concat(DISTINCT s.table_name ORDER BY s.table_name SEPARATOR ', '),
                group_concat(DISTINCT s.reference_name ORDER BY s.reference_name SEPARATOR ', ')
            INTO v_tables, v_references
            FROM deletion_plan_steps AS s
            WHERE
                s.plan_id = p_plan_id
                AND s.kind = 'fetch'
                AND json_contains_path(v_edges, 'one', concat('$."', s.edge_no, '"'));

            SET v_key_table = (
                SELECT min(s.table_name)
                FROM deletion_plan_steps AS s
                WHERE s.plan_id = p_plan_id AND s.node_no = v_node_no
            );
            SET v_key = (
                SELECT json_extract(
                    w.`keys`, '$.k1', '$.k2', '$.k3', '$.k4', '$.k5', '$.k6', '$.k7', '$.k8',
                    '$.k9', '$.k10', '$.k11', '$.k12', '$.k13', '$.k14', '$.k15', '$.k16'
                )
                FROM deletion_walk_keys AS w
                WHERE
                    w.walk_id = p_run_id
                    AND w.job_id = v_job_id
                    AND w.node_no = v_node_no
                    AND w.fate = 'delete'
                    AND w.key_hash = v_hash
            );
            CALL deletion_fail_jobs(
                p_run_id, json_array(v_job_id),
                deletion_circle_error(v_rows, v_tables, v_references, v_key_table, v_key)
            );
        END IF;

        SET v_job_id = (
            SELECT min(l.job_id)
            FROM deletion_walk_links AS l
            WHERE l.walk_id = p_run_id AND l.job_id > v_job_id AND NOT l.is_let_go
        );
    END WHILE;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_trace_circle.sql
-- deletion_trace_circle
-- Find a circle of rows that nothing opens, among the links that a walk has left of a job.
--
-- Parameters  p_walk_id, p_job_id   the walk, and the job
--             p_loose               the references that can be set NULL, an array
--             p_rows                OUT how many rows the circle has; NULL: there is none
--             p_edges               OUT its references, each with its number of rows, an object
--             p_node_no, p_hash     OUT one of its rows that the walk has met
-- Writes      deletion_walk_links: those that are in no circle go     Commits  no
-- Execute     the owner only
--
-- Who goes on from parent to parent comes into a circle, or to an end: a row that others have moved
-- since, or that the job does not remove. A circle is met once the row in hand is one that was
-- marked before; marks come ever farther apart, so that none has to be kept but the last.

DROP PROCEDURE IF EXISTS deletion_trace_circle;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_trace_circle(
    IN p_walk_id BIGINT,
    IN p_job_id BIGINT UNSIGNED,
    IN p_loose JSON,
    OUT p_rows BIGINT,
    OUT p_edges JSON,
    OUT p_node_no INT,
    OUT p_hash BINARY(32)
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Find a circle of rows that nothing opens, among the links that a walk has left of a job'
BEGIN
    DECLARE v_node_no, v_mark_no, v_edge_no INT;  -- noqa: PRS
    DECLARE v_hash, v_mark BINARY(32);
    DECLARE v_steps, v_most BIGINT;
    DECLARE v_is_end, v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_end = TRUE;

    WHILE NOT v_is_done DO
        SET v_is_end = FALSE, v_steps = 0, v_most = 1, p_rows = NULL, p_hash = NULL;
        SELECT l.parent_node_no, l.parent_hash
        INTO v_node_no, v_hash
        FROM deletion_walk_links AS l
        WHERE l.walk_id = p_walk_id AND l.job_id = p_job_id AND NOT l.is_let_go
        LIMIT 1;
        SET v_is_done = v_is_end, v_mark_no = v_node_no, v_mark = v_hash;

        -- The last time around, the circle's references are noted, and a row that the walk has met.
        WHILE NOT v_is_end AND (p_rows IS NULL OR v_steps > 0) DO
            SELECT l.parent_node_no, l.parent_hash, l.edge_no
            INTO v_node_no, v_hash, v_edge_no
            FROM deletion_walk_links AS l FORCE INDEX (idx_dwl_child)
            WHERE
                l.walk_id = p_walk_id
                AND l.job_id = p_job_id
                AND l.child_node_no = v_node_no
                AND l.child_hash = v_hash
                AND NOT l.is_let_go
            -- What cannot be set NULL first: that is what keeps the row.
            ORDER BY
                json_contains(p_loose, cast(l.edge_no AS JSON)),
                l.parent_node_no, l.parent_hash, l.edge_no
            LIMIT 1;

            IF p_rows IS NULL THEN
                SET v_steps = v_steps + 1;

                IF v_node_no = v_mark_no AND v_hash = v_mark THEN
                    SET p_rows = v_steps, p_edges = json_object();
                ELSEIF v_steps = v_most THEN
                    SET v_steps = 0, v_most = 2 * v_most, v_mark_no = v_node_no, v_mark = v_hash;
                END IF;
            ELSE
                SET v_steps = v_steps - 1;
                SET p_edges = json_set(p_edges, concat('$."', v_edge_no, '"'), 1 + coalesce(
                    cast(json_extract(p_edges, concat('$."', v_edge_no, '"')) AS SIGNED), 0
                ));

                IF p_hash IS NULL AND EXISTS (
                    SELECT 1
                    FROM deletion_walk_keys AS w
                    WHERE
                        w.walk_id = p_walk_id
                        AND w.job_id = p_job_id
                        AND w.node_no = v_node_no
                        AND w.fate = 'delete'
                        AND w.key_hash = v_hash
                ) THEN
                    SET p_node_no = v_node_no, p_hash = v_hash;
                END IF;
            END IF;
        END WHILE;

        IF p_hash IS NOT NULL THEN
            SET v_is_done = TRUE;
        ELSEIF NOT v_is_done THEN
            SET p_rows = NULL;
            DELETE l
            FROM (
                WITH RECURSIVE below (node_no, key_hash) AS (
                    SELECT v_node_no, v_hash
                    UNION DISTINCT
                    SELECT o.child_node_no, o.child_hash
                    FROM below AS b
                    STRAIGHT_JOIN deletion_walk_links AS o FORCE INDEX (PRIMARY)
                        ON
                            o.walk_id = p_walk_id
                            AND o.job_id = p_job_id
                            AND o.parent_node_no = b.node_no
                            AND o.parent_hash = b.key_hash
                            AND NOT o.is_let_go
                )

                SELECT b.node_no, b.key_hash FROM below AS b
            ) AS q
            STRAIGHT_JOIN deletion_walk_links AS l FORCE INDEX (PRIMARY)
                ON
                    l.walk_id = p_walk_id
                    AND l.job_id = p_job_id
                    AND l.parent_node_no = q.node_no
                    AND l.parent_hash = q.key_hash
                    AND NOT l.is_let_go;
        END IF;
    END WHILE;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_part.sql
-- deletion_part
-- Part rows from themselves that are their own parents, where the engine would refuse them.
--
-- Writes      the application's table              Commits  no
-- Execute     the owner only
--
-- They are in @dj_frame, and go in this very transaction.

DROP PROCEDURE IF EXISTS deletion_part;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_part()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Part rows from themselves that are their own parents, where the engine would refuse them'
BEGIN
    DECLARE v_edge_no INT;
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE c_edge CURSOR FOR
        SELECT s.edge_no
        FROM deletion_plan_steps AS s FORCE INDEX (idx_dps_parent)
        WHERE
            s.plan_id = @dj_plan_id AND s.parent_node_no = @dj_node_no AND s.kind = 'part'
        ORDER BY s.edge_no;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    OPEN c_edge;
    FETCH c_edge INTO v_edge_no;

    WHILE NOT v_is_done DO
        CALL deletion_execute(@dj_plan_id, v_edge_no, 'part');
        SET v_is_done = FALSE;
        FETCH c_edge INTO v_edge_no;
    END WHILE;

    CLOSE c_edge;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_place.sql
-- deletion_place
-- Cut, for a moment, the links from rows of a finished walk that a circle cannot keep.
--
-- Parameters  p_walk_id, p_plan_id   the walk
--             p_turn                 INOUT the rows whose turn is not over, as the call before left
--                                    it, a JSON array; NULL: the roots have their turn now
--             p_is_over              OUT TRUE where no row has its turn any more
-- Writes      deletion_walk_links, deletion_walk_keys     Commits  no
-- Execute     the owner only
--
-- It is a row's turn when one that it hangs from had its turn, and all had that it hangs from by a
-- reference which cannot be set NULL. By any other the run lets go of it, since it stays reachable
-- by the first: such links stay, for the run. What is left is in a circle that nothing opens, or
-- below one. is_expanded FALSE: it is the row's turn; edge_no -2: it has it now, -1: it had it. A
-- round costs what it cuts, and a further step goes on where this one ended.

DROP PROCEDURE IF EXISTS deletion_place;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_place(
    IN p_walk_id BIGINT,
    IN p_plan_id BIGINT UNSIGNED,
    INOUT p_turn JSON,
    OUT p_is_over BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Cut, for a moment, the links from rows of a finished walk that a circle cannot keep'
BEGIN
    DECLARE v_until DATETIME(6) DEFAULT timestampadd(  -- noqa: PRS
        MICROSECOND, 1000 * deletion_setting_int('batch_ms'), utc_timestamp(6)
    );
    DECLARE v_cut, v_below, v_nodes, v_links, v_leading, v_hard JSON;

    SELECT
        json_merge_preserve(json_arrayagg(l.node_no), json_arrayagg(l.parent_node_no)),
        json_arrayagg(l.edge_no),
        json_arrayagg(if(l.action = 'cascade', l.edge_no, NULL)),
        json_arrayagg(if(
            EXISTS (
                SELECT 1
                FROM deletion_plan_steps AS s
                WHERE s.plan_id = p_plan_id AND s.edge_no = l.edge_no AND s.kind = 'loose'
            ),
            NULL,
            l.edge_no
        ))
    INTO v_nodes, v_links, v_leading, v_hard
    FROM deletion_plan_steps AS l
    WHERE l.plan_id = p_plan_id AND l.kind = 'link';

    IF p_turn IS NULL THEN
        -- The roots, and what is met from tables in no circle.
        UPDATE deletion_walk_keys AS w
        SET w.is_expanded = FALSE
        WHERE
            w.walk_id = p_walk_id
            AND w.fate = 'delete'
            AND json_contains(v_nodes, cast(w.node_no AS JSON))
            AND NOT json_contains(v_links, cast(w.edge_no AS JSON))
            AND NOT EXISTS (
                SELECT 1
                FROM deletion_walk_links AS l FORCE INDEX (idx_dwl_child)
                WHERE
                    l.walk_id = w.walk_id
                    AND l.job_id = w.job_id
                    AND l.child_node_no = w.node_no
                    AND l.child_hash = w.key_hash
                    AND json_contains(v_hard, cast(l.edge_no AS JSON))
            );
        SET p_turn = json_array();
    END IF;

    SET p_is_over = FALSE;

    -- Each call gets on, however short its moment is.
    REPEAT
        IF json_length(p_turn) = 0 THEN
            SELECT coalesce(
                json_arrayagg(json_object('j', q.job_id, 'n', q.node_no, 'h', hex(q.key_hash))),
                json_array()
            )
            INTO p_turn
            FROM (
                SELECT w.job_id, w.node_no, w.key_hash
                FROM deletion_walk_keys AS w
                WHERE w.walk_id = p_walk_id AND NOT w.is_expanded
                LIMIT 1000
            ) AS q;
            SET p_is_over = json_length(p_turn) = 0;

            UPDATE json_table(p_turn, '$[*]' COLUMNS (
                j BIGINT UNSIGNED PATH '$.j', n INT PATH '$.n', h CHAR(64) PATH '$.h'
            )) AS t
            STRAIGHT_JOIN deletion_walk_keys AS w FORCE INDEX (PRIMARY)
                ON
                    w.walk_id = p_walk_id
                    AND w.job_id = t.j
                    AND w.node_no = t.n
                    AND w.fate = 'delete'
                    AND w.key_hash = unhex(t.h)
            SET w.edge_no = -2;
        END IF;

        -- A row may have any number of others below it: a page of them at a time.
        SELECT json_arrayagg(json_object(
            'j', q.job_id, 'p', q.parent_node_no, 'ph', hex(q.parent_hash),
            'n', q.child_node_no, 'h', hex(q.child_hash), 'e', q.edge_no
        ))
        INTO v_cut
        FROM (
            SELECT
                l.job_id, l.parent_node_no, l.parent_hash, l.child_node_no, l.child_hash, l.edge_no
            FROM json_table(p_turn, '$[*]' COLUMNS (
                j BIGINT UNSIGNED PATH '$.j', n INT PATH '$.n', h CHAR(64) PATH '$.h'
            )) AS t
            STRAIGHT_JOIN deletion_walk_links AS l FORCE INDEX (PRIMARY)
                ON
                    l.walk_id = p_walk_id
                    AND l.job_id = t.j
                    AND l.parent_node_no = t.n
                    AND l.parent_hash = unhex(t.h)
                    AND NOT l.is_let_go
            LIMIT 10000
        ) AS q;

        -- Of two rows whose turn it is at once either may come first.
        UPDATE json_table(v_cut, '$[*]' COLUMNS (
            j BIGINT UNSIGNED PATH '$.j', p INT PATH '$.p', ph CHAR(64) PATH '$.ph',
            n INT PATH '$.n', h CHAR(64) PATH '$.h', e INT PATH '$.e'
        )) AS t
        STRAIGHT_JOIN deletion_walk_keys AS w FORCE INDEX (PRIMARY)
            ON
                w.walk_id = p_walk_id
                AND w.job_id = t.j
                AND w.node_no = t.n
                AND w.fate = 'delete'
                AND w.key_hash = unhex(t.h)
        STRAIGHT_JOIN deletion_walk_links AS l FORCE INDEX (PRIMARY)
            ON
                l.walk_id = p_walk_id
                AND l.job_id = t.j
                AND l.parent_node_no = t.p
                AND l.parent_hash = unhex(t.ph)
                AND l.child_node_no = t.n
                AND l.child_hash = unhex(t.h)
                AND l.edge_no = t.e
        SET l.is_let_go = TRUE
        WHERE
            (w.edge_no = -1 OR (w.edge_no = -2 AND (t.n, t.h) < (t.p, t.ph)))
            AND json_contains(v_leading, cast(t.e AS JSON));

        DELETE l
        FROM json_table(v_cut, '$[*]' COLUMNS (
            j BIGINT UNSIGNED PATH '$.j', p INT PATH '$.p', ph CHAR(64) PATH '$.ph',
            n INT PATH '$.n', h CHAR(64) PATH '$.h', e INT PATH '$.e'
        )) AS t
        STRAIGHT_JOIN deletion_walk_links AS l FORCE INDEX (PRIMARY)
            ON
                l.walk_id = p_walk_id
                AND l.job_id = t.j
                AND l.parent_node_no = t.p
                AND l.parent_hash = unhex(t.ph)
                AND l.child_node_no = t.n
                AND l.child_hash = unhex(t.h)
                AND l.edge_no = t.e
                AND NOT l.is_let_go;

        IF coalesce(json_length(v_cut), 0) < 10000 THEN
            UPDATE json_table(p_turn, '$[*]' COLUMNS (
                j BIGINT UNSIGNED PATH '$.j', n INT PATH '$.n', h CHAR(64) PATH '$.h'
            )) AS t
            STRAIGHT_JOIN deletion_walk_keys AS w FORCE INDEX (PRIMARY)
                ON
                    w.walk_id = p_walk_id
                    AND w.job_id = t.j
                    AND w.node_no = t.n
                    AND w.fate = 'delete'
                    AND w.key_hash = unhex(t.h)
            SET w.is_expanded = TRUE, w.edge_no = -1;
            SET p_turn = json_array();
        END IF;

        SELECT json_arrayagg(json_object('j', q.j, 'n', q.n, 'h', q.h, 'm', q.is_met))
        INTO v_below
        FROM (
            SELECT t.j, t.n, t.h, max(json_contains(v_leading, cast(t.e AS JSON))) AS is_met
            FROM json_table(v_cut, '$[*]' COLUMNS (
                j BIGINT UNSIGNED PATH '$.j', n INT PATH '$.n', h CHAR(64) PATH '$.h',
                e INT PATH '$.e'
            )) AS t
            GROUP BY t.j, t.n, t.h
        ) AS q;

        -- A row has one turn.
        UPDATE json_table(v_below, '$[*]' COLUMNS (
            j BIGINT UNSIGNED PATH '$.j', n INT PATH '$.n', h CHAR(64) PATH '$.h',
            m BOOLEAN PATH '$.m'
        )) AS t
        STRAIGHT_JOIN deletion_walk_keys AS w FORCE INDEX (PRIMARY)
            ON
                w.walk_id = p_walk_id
                AND w.job_id = t.j
                AND w.node_no = t.n
                AND w.fate = 'delete'
                AND w.key_hash = unhex(t.h)
                AND coalesce(w.edge_no, 0) >= 0
        SET
            w.is_expanded = NOT (t.m OR NOT json_contains(v_links, cast(w.edge_no AS JSON)))
            OR EXISTS (
                SELECT 1
                FROM deletion_walk_links AS l FORCE INDEX (idx_dwl_child)
                WHERE
                    l.walk_id = p_walk_id
                    AND l.job_id = w.job_id
                    AND l.child_node_no = w.node_no
                    AND l.child_hash = w.key_hash
                    AND json_contains(v_hard, cast(l.edge_no AS JSON))
            ),
            w.edge_no = if(t.m, 0, w.edge_no);
    UNTIL p_is_over OR utc_timestamp(6) >= v_until END REPEAT;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_note_frame.sql
-- deletion_note_frame
-- Note that a frame's rows come onto the stack, or leave it, where rows may go in a circle.
--
-- Parameters  p_node_no, p_edge_no, p_keys   the frame
--             p_is_on                        FALSE: it leaves
-- Writes      deletion_walk_keys (of fate stack and job 0; the job beside)     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_note_frame;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_note_frame(
    IN p_node_no INT,
    IN p_edge_no INT,
    IN p_keys JSON,
    IN p_is_on BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Note that a frame''s rows come onto the stack, or leave it, where rows may go in a circle'
BEGIN
    IF json_contains_path(@dj_state, 'one', '$.careful') AND p_is_on THEN  -- noqa: PRS
        INSERT IGNORE INTO deletion_walk_keys (
            walk_id, job_id, node_no, fate, key_hash, edge_no, `keys`, is_expanded
        )
        SELECT
            @dj_run_id, 0, p_node_no, 'stack', deletion_key_hash(k.o), p_edge_no,
            json_extract(k.o, '$.j'), TRUE
        FROM json_table(p_keys, '$[*]' COLUMNS (o JSON PATH '$')) AS k;
    ELSEIF json_contains_path(@dj_state, 'one', '$.careful') THEN
        DELETE w
        FROM json_table(p_keys, '$[*]' COLUMNS (o JSON PATH '$')) AS k
        STRAIGHT_JOIN deletion_walk_keys AS w FORCE INDEX (PRIMARY)
            ON
                w.walk_id = @dj_run_id
                AND w.job_id = 0
                AND w.node_no = p_node_no
                AND w.fate = 'stack'
                AND w.key_hash = deletion_key_hash(k.o);
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_note_stack.sql
-- deletion_note_stack
-- Note anew which rows are on the run's stored stack, where rows may go in a circle.
--
-- Writes      deletion_walk_keys                   Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_note_stack;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_note_stack()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Note anew which rows are on the run''s stored stack, where rows may go in a circle'
BEGIN
    IF json_contains_path(@dj_state, 'one', '$.careful') THEN
        DELETE FROM deletion_walk_keys WHERE walk_id = @dj_run_id;
        INSERT IGNORE INTO deletion_walk_keys (
            walk_id, job_id, node_no, fate, key_hash, edge_no, `keys`, is_expanded
        )
        SELECT
            @dj_run_id, 0, f.node_no, 'stack', deletion_key_hash(k.o), f.edge_no,
            json_extract(k.o, '$.j'), TRUE
        FROM deletion_frames AS f
        CROSS JOIN json_table(f.`keys`, '$[*]' COLUMNS (o JSON PATH '$')) AS k  -- noqa: CP02,PRS
        WHERE f.run_id = @dj_run_id;
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_open_circle.sql
-- deletion_open_circle
-- Get on where the present frame's rows wait for rows that wait for them.
--
-- Errors      JD006 rows are found and not changed; JD007 rows of several jobs go in a circle: each
--             job goes on alone
-- Writes      the application's tables             Commits  no
-- Execute     the owner only
--
-- Rows that the check placed before the frame's rows lose the reference by which they would go
-- before these: they stay reachable by the one that they were placed by. In tables where it placed
-- none so, rows on the stack do, and stay reachable by the one they were found by. When nothing
-- else goes on any more, the frame's rows lose references that keep others back. All of it is done
-- in a run of one job: another's only way to a row might be lost. Where @dj_changed is as before,
-- it was of no use.

DROP PROCEDURE IF EXISTS deletion_open_circle;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_open_circle()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Get on where the present frame''s rows wait for rows that wait for them'
BEGIN
    DECLARE v_edge_no INT;
    DECLARE v_found BIGINT;
    DECLARE v_kind, v_look VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_table VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_together BOOLEAN DEFAULT json_contains_path(@dj_state, 'one', '$.together');
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE c_step CURSOR FOR
        SELECT s.edge_no, s.kind, s.table_name
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = @dj_plan_id
            AND (
                (s.kind = 'break' AND s.parent_node_no = @dj_node_no)
                OR (s.kind = 'own_break' AND s.edge_no = @dj_edge_no AND v_together)
            )
        ORDER BY s.step_no;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    OPEN c_step;
    FETCH c_step INTO v_edge_no, v_kind, v_table;

    WHILE NOT v_is_done AND @dj_left > 0 DO
        SET v_look = if(v_kind = 'break', 'break_look', 'own_look');
        SET @dj_frame = @dj_keys, @dj_limit = @dj_left;
        CALL deletion_execute(@dj_plan_id, v_edge_no, v_look);
        SET v_found = @dj_rows;

        IF v_found > 0 AND @dj_job_id IS NULL THEN
            CALL deletion_raise(
                'JD007', 'run_deletion_jobs',
                'rows go in a circle among several jobs, each goes alone', v_table
            );
        ELSEIF v_found > 0 THEN
            CALL deletion_execute(@dj_plan_id, v_edge_no, v_kind);
            CALL deletion_execute(@dj_plan_id, v_edge_no, v_look);

            IF @dj_rows >= v_found THEN
                CALL deletion_raise(
                    'JD006', 'run_deletion_jobs', 'rows are found and not changed', v_table
                );
            END IF;

            SET v_found = v_found - @dj_rows;
            SET @dj_left = @dj_left - v_found, @dj_changed = @dj_changed + v_found;
        END IF;

        SET v_is_done = FALSE;
        FETCH c_step INTO v_edge_no, v_kind, v_table;
    END WHILE;

    CLOSE c_step;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_mind_holds.sql
-- deletion_mind_holds
-- Look whether rows are held that a run could reach; a hold that is new sends it back to its check.
--
-- Parameters  p_run_id   the run, fenced
--             p_held     OUT the held rows that are there, a JSON array; NULL: nothing is held on
--                        the plan's tables
--             p_state    OUT what the step answers at once: more (the run has to climb from the
--                        held rows first), ended (a hold's row is not found: its jobs have
--                        failed); NULL: the step may go on
-- Writes      deletion_runs, deletion_walk_keys, deletion_holds, deletion_attempts, deletion_jobs;
--             locks deletion_hold_latches          Commits  no
-- Execute     the owner only
--
-- What the step then deletes is held against these rows: whichever way one went, by a move under
-- the run's rows, a trigger or an action of the engine, the step is rolled back.

DROP PROCEDURE IF EXISTS deletion_mind_holds;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_mind_holds(
    IN p_run_id BIGINT UNSIGNED,
    OUT p_held JSON,
    OUT p_state VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Look whether rows are held that a run could reach; a new hold sends it back to its check'
BEGIN
    DECLARE v_newest, v_plan_id BIGINT UNSIGNED;  -- noqa: PRS
    DECLARE v_retries INT;
    DECLARE v_state, v_rows, v_lost, v_seen JSON;
    DECLARE v_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    -- Until this step commits no hold comes, and one that is coming is waited for.
    SET v_newest = (
        SELECT l.newest_hold
        FROM deletion_hold_latches AS l
        WHERE l.latch_id = 1
        FOR SHARE
    );
    SET p_held = NULL, p_state = NULL;

    IF v_newest > 0 THEN
        SELECT r.plan_id, r.retries, coalesce(r.state, json_object())
        INTO v_plan_id, v_retries, v_state
        FROM deletion_runs AS r
        WHERE r.run_id = p_run_id;
        SET v_newest = deletion_newest_hold(v_plan_id);

        IF v_newest IS NOT NULL THEN
            CALL deletion_held_rows(v_plan_id, v_rows);
            SELECT
                json_arrayagg(if(k.is_lost, k.j - 4611686018427387904, NULL)),
                json_arrayagg(if(h.row_seen_at IS NULL AND NOT k.is_lost, h.hold_id, NULL))
            INTO v_lost, v_seen
            FROM json_table(v_rows, '$[*]' COLUMNS (
                j BIGINT UNSIGNED PATH '$.j', is_lost BOOLEAN EXISTS PATH '$.lost'
            )) AS k
            INNER JOIN deletion_holds AS h ON h.hold_id = k.j - 4611686018427387904;
            SET p_held = v_rows;

            -- The row may have another key now, and be any: nothing that could reach it goes.
            IF json_contains_path(v_rows, 'one', '$[*].lost') THEN
                SET v_error = concat(
                    deletion_hold_error(v_lost), ' (no row is found by the key that was held: ',
                    'release the hold, or release it and hold the row by its key of now)'
                );
                CALL deletion_settle(p_run_id, NULL, 'failed', v_error, TRUE, NULL);
                CALL deletion_end_run(p_run_id, 'failed', v_error);
                SET p_state = 'ended';
            END IF;

            -- From now on its absence means that its key was changed, or that it was removed.
            UPDATE json_table(v_seen, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$')) AS s
            STRAIGHT_JOIN deletion_holds AS h FORCE INDEX (PRIMARY) ON h.hold_id = s.id
            SET h.row_seen_at = utc_timestamp(6);

            -- A step that was rolled back may have met a row that moved: climb once more.
            IF p_state IS NULL AND (
                v_newest > coalesce(json_extract(v_state, '$.held'), 0)
                OR v_retries > coalesce(json_extract(v_state, '$.held_retries'), 0)
            ) THEN
                DELETE FROM deletion_walk_keys WHERE walk_id = p_run_id;
                CALL deletion_seed_climb(p_run_id, v_rows);
                UPDATE deletion_runs AS r
                SET
                    r.state = json_set(
                        v_state, '$.climb', TRUE, '$.held', v_newest, '$.held_retries', v_retries,
                        '$.is_back', r.phase = 'advance'
                    ),
                    r.phase = 'check'
                WHERE r.run_id = p_run_id;
                SET p_state = 'more';
            END IF;
        END IF;
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_hidden_table.sql
-- deletion_hidden_table
-- Find a table that deletes of a plan reach and that the owner account cannot see.
--
-- Parameters  p_plan_id   the plan
--             p_error     OUT an error that names both tables; NULL: there is none
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- The catalog tells an account nothing of tables on which it has no right, not even that they refer
-- to others: the engine would change their rows, and no receipt count them. But a DELETE locks the
-- definition of each table that its foreign keys or triggers reach, and of these locks the server
-- tells, unless it has no performance_schema, or its instrument wait/lock/metadata/sql/mdl is off.

DROP PROCEDURE IF EXISTS deletion_hidden_table;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_hidden_table(
    IN p_plan_id BIGINT UNSIGNED,
    OUT p_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Find a table that deletes of a plan reach and that the owner account cannot see'
BEGIN
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE v_thread BIGINT UNSIGNED;
    DECLARE v_edge_no INT;
    DECLARE v_kind, v_table VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE c_write CURSOR FOR
        SELECT s.table_name, NULL AS edge_no, NULL AS kind
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = p_plan_id
            AND (
                s.kind IN ('remove', 'drain')
                OR (s.kind = 'change_rows' AND left(s.sql_text, 7) = 'DELETE ')
            )
        GROUP BY s.table_name
        UNION ALL
        -- What sets columns may be followed by ON UPDATE.
        SELECT s.table_name, s.edge_no, s.kind
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = p_plan_id
            AND left(s.sql_text, 7) = 'UPDATE '
            AND s.kind <> 'restore'
            AND coalesce(s.action, '') <> 'keep';
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    SET v_thread = (
        SELECT t.thread_id
        FROM performance_schema.threads AS t
        WHERE t.processlist_id = connection_id()
    );
    -- No row, neither by a frame nor by a limit: nothing is changed, and no trigger fires.
    SET @dj_frame = '[]', @dj_stack = '[]', @dj_run_id = NULL, @dj_limit = 0;
    OPEN c_write;
    FETCH c_write INTO v_table, v_edge_no, v_kind;

    WHILE NOT v_is_done AND v_thread IS NOT NULL DO
        IF v_kind IS NULL THEN
            SET @dj_sql = concat('DELETE FROM ', deletion_quote_path(v_table), ' WHERE FALSE');
            PREPARE dj_stmt FROM @dj_sql;
            EXECUTE dj_stmt;
            DEALLOCATE PREPARE dj_stmt;
        ELSE
            CALL deletion_execute(p_plan_id, v_edge_no, v_kind);
        END IF;

        FETCH c_write INTO v_table, v_edge_no, v_kind;
    END WHILE;

    CLOSE c_write;

    SELECT concat(
        '42000: deletes reach ', q.hidden, ', which deletion_jobs_owner cannot see: GRANT',
        ' REFERENCES ON ', q.hidden, ' TO ''deletion_jobs_owner''@''localhost'''
    )
    INTO p_error
    FROM (
        SELECT min(concat(
            deletion_quote_name(m.object_schema), '.', deletion_quote_name(m.object_name)
        )) AS hidden
        FROM performance_schema.metadata_locks AS m
        LEFT JOIN information_schema.tables AS t
            ON
                t.table_schema = convert(m.object_schema USING utf8mb3)  -- noqa: CP01
                AND t.table_name = convert(m.object_name USING utf8mb3)  -- noqa: CP01
        WHERE
            m.owner_thread_id = v_thread
            AND m.object_type = 'TABLE'
            AND m.object_schema NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys')
            AND t.table_name IS NULL
            -- Where it has such a right on all of a schema it sees all tables of it: a name that
            -- is locked all the same is one of no table, such as a trigger's temporary one.
            AND NOT EXISTS (
                SELECT 1
                FROM information_schema.schema_privileges AS g
                WHERE
                    g.grantee = '\'deletion_jobs_owner\'@\'localhost\''
                    AND g.privilege_type IN ('SELECT', 'UPDATE', 'DELETE', 'REFERENCES')
                    AND convert(m.object_schema USING utf8mb3) LIKE g.table_schema  -- noqa: CP01
            )
    ) AS q;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_newest_hold.sql
-- deletion_newest_hold
-- Find the newest hold in force on a table whose rows a plan deletes.
--
-- Parameters  p_plan_id   the plan
-- Returns     bigint, the hold's number; NULL: there is none
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_newest_hold;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_newest_hold(
    p_plan_id BIGINT UNSIGNED
) RETURNS BIGINT UNSIGNED
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Find the newest hold in force on a table whose rows a plan deletes'
BEGIN
    -- One look where nothing is held.
    IF NOT EXISTS (SELECT 1 FROM deletion_holds AS h WHERE h.released_at IS NULL) THEN
        RETURN NULL;
    END IF;

    RETURN (
        SELECT max(h.hold_id)
        FROM deletion_holds AS h
        INNER JOIN deletion_plan_steps AS s
            ON s.plan_id = p_plan_id AND s.kind = 'held' AND s.table_name = h.table_name
        WHERE
            h.released_at IS NULL
            AND (h.held_until IS NULL OR h.held_until > utc_timestamp(6))
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_preview_held.sql
-- deletion_preview_held
-- Note, for a preview, which rows below its root are held.
--
-- Parameters  p_walk_id   the preview              p_plan_id   its plan
--             p_roots     the root frame           p_until     when to stop
--             p_is_over   OUT FALSE where the time did not suffice
-- Writes      deletion_walk_keys                   Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_preview_held;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_preview_held(
    IN p_walk_id BIGINT,
    IN p_plan_id BIGINT UNSIGNED,
    IN p_roots JSON,
    IN p_until DATETIME(6),
    OUT p_is_over BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Note, for a preview, which rows below its root are held'
BEGIN
    DECLARE v_rows, v_met JSON;

    SET p_is_over = deletion_newest_hold(p_plan_id) IS NULL;

    IF NOT p_is_over THEN
        CALL deletion_held_rows(p_plan_id, v_rows);
        CALL deletion_seed_climb(p_walk_id, v_rows);

        WHILE NOT p_is_over AND utc_timestamp(6) < p_until DO
            CALL deletion_climb(p_walk_id, p_plan_id, p_is_over);
        END WHILE;

        CALL deletion_held_roots(p_walk_id, p_plan_id, p_roots, v_met);
        DELETE FROM deletion_walk_keys WHERE walk_id = p_walk_id;
        INSERT IGNORE INTO deletion_walk_keys (
            walk_id, job_id, node_no, fate, key_hash, edge_no, `keys`, is_expanded
        )
        SELECT
            p_walk_id, 0, k.n, 'held',
            if(k.is_lost, deletion_key_hash(json_object('k1', k.j)), deletion_key_hash(k.o)), 0,
            json_object(), TRUE
        FROM json_table(v_rows, '$[*]' COLUMNS (
            o JSON PATH '$', j BIGINT UNSIGNED PATH '$.j', n INT PATH '$.n',
            is_lost BOOLEAN EXISTS PATH '$.lost'
        )) AS k
        -- A hold whose row is not found stops every job that could reach it.
        WHERE
            k.is_lost
            OR json_contains(
                json_extract(v_met, '$[0].holds'), cast(k.j - 4611686018427387904 AS JSON)
            );
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_preview_circle.sql
-- deletion_preview_circle
-- Say of a preview's finished walk which rows go in a circle that would stop the job.
--
-- Parameters  p_walk_id, p_plan_id   the walk
--             p_until                when to stop
--             p_found                OUT references by which rows go so, an array: table t,
--                                    reference r, number of rows n
--             p_is_over              OUT FALSE: it was cut short
-- Writes      deletion_walk_keys, deletion_walk_links     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_preview_circle;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_preview_circle(
    IN p_walk_id BIGINT,
    IN p_plan_id BIGINT UNSIGNED,
    IN p_until DATETIME(6),
    OUT p_found JSON,
    OUT p_is_over BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Say of a preview''s finished walk which rows go in a circle that would stop the job'
BEGIN
    DECLARE v_is_careful BOOLEAN DEFAULT FALSE;
    DECLARE v_own, v_edges, v_turn JSON;
    DECLARE v_rows BIGINT;
    DECLARE v_node_no INT;
    DECLARE v_hash BINARY(32);

    CALL deletion_walk_rings(p_walk_id, p_plan_id, v_is_careful, v_own);
    SET p_is_over = NOT EXISTS (
        SELECT 1 FROM deletion_walk_links AS l WHERE l.walk_id = p_walk_id
    );

    WHILE NOT p_is_over AND utc_timestamp(6) < p_until DO
        CALL deletion_place(p_walk_id, p_plan_id, v_turn, p_is_over);
    END WHILE;

    IF p_is_over THEN
        CALL deletion_trace_circle(
            p_walk_id, 0, (
                SELECT coalesce(json_arrayagg(s.edge_no), json_array())
                FROM deletion_plan_steps AS s
                WHERE s.plan_id = p_plan_id AND s.kind = 'loose'
            ), v_rows, v_edges, v_node_no, v_hash
        );
    END IF;

    -- A row that is in its own way stops the job before any other circle does.
    SET p_found = (
        SELECT coalesce(json_arrayagg(json_object(
            't', s.table_name, 'r', s.reference_name,
            'n', coalesce(k.n, json_extract(v_edges, concat('$."', s.edge_no, '"')))
        )), json_array())
        FROM deletion_plan_steps AS s
        LEFT JOIN json_table(v_own, '$[*]' COLUMNS (e INT PATH '$.e', n BIGINT PATH '$.n')) AS k
            ON k.e = s.edge_no
        WHERE
            s.plan_id = p_plan_id
            AND s.kind = 'fetch'
            AND (
                k.e IS NOT NULL
                OR (v_rows IS NOT NULL AND json_contains_path(
                    v_edges, 'one', concat('$."', s.edge_no, '"')
                ))
            )
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_climb.sql
-- deletion_climb
-- Climb, for a moment, from held rows to all rows that they hang from in a plan.
--
-- Parameters  p_walk_id   the run, or a preview's negative number      p_plan_id   its plan
--             p_is_over   OUT TRUE where the climb has ended
-- Writes      deletion_walk_keys                   Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_climb;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_climb(
    IN p_walk_id BIGINT,
    IN p_plan_id BIGINT UNSIGNED,
    OUT p_is_over BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Climb, for a moment, from held rows to all rows that they hang from in a plan'
BEGIN
    DECLARE v_until DATETIME(6) DEFAULT timestampadd(  -- noqa: PRS
        MICROSECOND, 1000 * deletion_setting_int('batch_ms'), utc_timestamp(6)
    );
    DECLARE v_node_no, v_edge_no INT;
    DECLARE v_frame JSON;
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE c_edge CURSOR FOR
        SELECT s.edge_no
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = p_plan_id AND s.kind = 'climb' AND s.node_no = v_node_no
        ORDER BY s.step_no;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    SET p_is_over = FALSE;

    WHILE NOT p_is_over AND utc_timestamp(6) < v_until DO
        SET v_node_no = (
            SELECT w.node_no
            FROM deletion_walk_keys AS w
            WHERE w.walk_id = p_walk_id AND NOT w.is_expanded
            LIMIT 1
        );
        SET p_is_over = v_node_no IS NULL;

        SELECT json_arrayagg(json_object('h', hex(q.key_hash), 'o', q.`keys`, 'j', q.job_id))
        INTO v_frame
        FROM (
            SELECT w.job_id, w.key_hash, w.`keys`
            FROM deletion_walk_keys AS w
            WHERE w.walk_id = p_walk_id AND NOT w.is_expanded AND w.node_no = v_node_no
            LIMIT 200
        ) AS q;

        UPDATE json_table(v_frame, '$[*]' COLUMNS (
            j BIGINT UNSIGNED PATH '$.j', h CHAR(64) PATH '$.h'
        )) AS t
        STRAIGHT_JOIN deletion_walk_keys AS w FORCE INDEX (PRIMARY)
            ON
                w.walk_id = p_walk_id
                AND w.job_id = t.j
                AND w.node_no = v_node_no
                AND w.fate = 'held'
                AND w.key_hash = unhex(t.h)
        SET w.is_expanded = TRUE;

        OPEN c_edge;
        SET v_is_done = FALSE;
        FETCH c_edge INTO v_edge_no;

        WHILE NOT v_is_done DO
            SET @dj_frame = json_extract(v_frame, '$[*].o');
            CALL deletion_execute(p_plan_id, v_edge_no, 'climb');
            CALL deletion_seed_climb(p_walk_id, @dj_answer);
            SET v_is_done = FALSE;
            FETCH c_edge INTO v_edge_no;
        END WHILE;

        CLOSE c_edge;
    END WHILE;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_see_holds.sql
-- deletion_see_holds
-- After a step: see that the held rows of its plan are all still there, the same and unmarked.
--
-- Parameters  p_run_id, p_plan_id   the run
--             p_held          the held rows before the step
--             p_has_climbed   TRUE: the step was rolled back once, and the run has climbed since
-- Errors      40001 the step took one: it is rolled back, and the run climbs from them once more;
--             JD006 it did so although it had climbed: the job is blocked
-- Writes      deletion_runs                        Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_see_holds;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_see_holds(
    IN p_run_id BIGINT UNSIGNED,
    IN p_plan_id BIGINT UNSIGNED,
    IN p_held JSON,
    IN p_has_climbed BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'After a step: see that the held rows of its plan are all still there, the same and unmarked'  -- noqa: LT05
BEGIN
    DECLARE v_rows, v_taken JSON;
    DECLARE v_error VARCHAR(128) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    CALL deletion_held_rows(p_plan_id, v_rows);

    -- Row by row: one that goes is not made good by one that comes.
    SELECT json_arrayagg(b.j - 4611686018427387904)
    INTO v_taken
    FROM json_table(p_held, '$[*]' COLUMNS (
        o JSON PATH '$', j BIGINT UNSIGNED PATH '$.j', n INT PATH '$.n'
    )) AS b
    -- One that was let go meanwhile, or is over, forbids nothing any more.
    INNER JOIN deletion_holds AS h
        ON
            h.hold_id = b.j - 4611686018427387904
            AND h.released_at IS NULL
            AND (h.held_until IS NULL OR h.held_until > utc_timestamp(6))
    LEFT JOIN json_table(v_rows, '$[*]' COLUMNS (
        o JSON PATH '$', j BIGINT UNSIGNED PATH '$.j', n INT PATH '$.n',
        is_lost BOOLEAN EXISTS PATH '$.lost'
    )) AS a
        ON
            a.j = b.j
            AND a.n = b.n
            AND NOT a.is_lost
            AND deletion_key_hash(a.o) = deletion_key_hash(b.o)
            AND cast(json_extract(a.o, '$.s') AS CHAR) <=> cast(json_extract(b.o, '$.s') AS CHAR)
    WHERE a.j IS NULL;

    IF v_taken IS NULL THEN
        -- A later step that is rolled back climbs anew.
        UPDATE deletion_runs AS r
        SET r.state = json_remove(r.state, '$.held_retries')
        WHERE r.run_id = p_run_id AND json_extract(r.state, '$.held_retries') > 0;
    ELSEIF p_has_climbed THEN
        -- No reference of the plan leads to it: a trigger, or an action of the engine.
        SET v_error = left(substr(deletion_hold_error(v_taken), char_length('JD006: ') + 1), 128);
        SIGNAL SQLSTATE 'JD006' SET MESSAGE_TEXT = v_error, MYSQL_ERRNO = 31006;
    ELSE
        SIGNAL SQLSTATE '40001' SET MESSAGE_TEXT = 'a row that is held was on the way';
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_seed_climb.sql
-- deletion_seed_climb
-- Begin, or go on with, a climb at rows that are held, or that stand above them.
--
-- Parameters  p_walk_id   the run, or a preview's negative number
--             p_rows      the rows, as deletion_held_rows gives them
-- Writes      deletion_walk_keys                   Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_seed_climb;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_seed_climb(
    IN p_walk_id BIGINT,
    IN p_rows JSON
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Begin, or go on with, a climb at rows that are held, or that stand above them'
BEGIN
    INSERT IGNORE INTO deletion_walk_keys (
        walk_id, job_id, node_no, fate, key_hash, edge_no, `keys`, is_expanded
    )
    SELECT p_walk_id, k.j, k.n, 'held', deletion_key_hash(k.o), 0, k.o, FALSE
    FROM json_table(p_rows, '$[*]' COLUMNS (
        o JSON PATH '$', j BIGINT UNSIGNED PATH '$.j', n INT PATH '$.n',
        is_lost BOOLEAN EXISTS PATH '$.lost'
    )) AS k
    WHERE NOT k.is_lost;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_widen_session.sql
-- deletion_widen_session
-- Give a session the limits without which a verb could fail halfway, or its own ones back.
--
-- Parameters  p_saved   INOUT NULL: set ours and answer what was before; else: set these
-- Writes      nothing, and reads no table          Commits  no
-- Execute     the owner only
--
-- A client in safe mode limits joins and changes; a small tmp_table_size makes the server lose its
-- own work tables; and under the older default collation its views of rights are in error.

DROP PROCEDURE IF EXISTS deletion_widen_session;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_widen_session(
    INOUT p_saved JSON
)
LANGUAGE SQL
NOT DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Give a session the limits without which a verb could fail halfway, or its own ones back'
BEGIN
    DECLARE v_is_ours BOOLEAN DEFAULT p_saved IS NULL;
    DECLARE v_collation VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    IF v_is_ours THEN
        SET p_saved = json_object(
            'big', @@SESSION.sql_big_selects,
            'safe', @@SESSION.sql_safe_updates,
            'tmp', @@SESSION.tmp_table_size,
            'collation', @@SESSION.default_collation_for_utf8mb4
        );
        SET SESSION
            sql_big_selects = 1,
            sql_safe_updates = 0,
            tmp_table_size = cast(greatest(@@SESSION.tmp_table_size, 16777216) AS UNSIGNED);
    ELSE
        SET SESSION
            sql_big_selects = cast(json_extract(p_saved, '$.big') AS UNSIGNED),
            sql_safe_updates = cast(json_extract(p_saved, '$.safe') AS UNSIGNED),
            tmp_table_size = cast(json_extract(p_saved, '$.tmp') AS UNSIGNED);
    END IF;

    SET v_collation = if(v_is_ours, 'utf8mb4_0900_ai_ci', p_saved ->> '$.collation');

    -- The server warns whoever sets it at all.
    IF v_collation <> @@SESSION.default_collation_for_utf8mb4 THEN
        SET SESSION default_collation_for_utf8mb4 = v_collation;
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_walk_rings.sql
-- deletion_walk_rings
-- Search the rows of a finished walk for rings of one self-reference, and rows in their own way.
--
-- Parameters  p_walk_id, p_plan_id   the walk
--             p_is_careful           OUT TRUE: there may be rings that a NULL opens
--             p_own                  OUT rows that refer to themselves where nothing parts them, an
--                                    array: their reference e, job j, number n, one's key k
-- Writes      deletion_walk_links: rings that nothing opens, and what hangs from them
-- Commits     no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_walk_rings;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_walk_rings(
    IN p_walk_id BIGINT,
    IN p_plan_id BIGINT UNSIGNED,
    OUT p_is_careful BOOLEAN,
    OUT p_own JSON
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Search the rows of a finished walk for rings of one self-reference'
BEGIN
    DECLARE v_edge_no INT;
    DECLARE v_kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE c_step CURSOR FOR
        SELECT s.edge_no, s.kind
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = p_plan_id AND s.kind IN ('cycle', 'ring', 'own')
        ORDER BY s.step_no;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    SET p_is_careful = FALSE, p_own = json_array();
    OPEN c_step;
    FETCH c_step INTO v_edge_no, v_kind;

    WHILE NOT v_is_done DO
        SET @dj_walk_id = p_walk_id;
        CALL deletion_execute(p_plan_id, v_edge_no, v_kind);

        IF v_kind = 'cycle' THEN
            SET p_is_careful = p_is_careful OR @dj_rows > 0;
        ELSEIF v_kind = 'own' AND @dj_rows > 0 THEN
            SET p_own = json_merge_preserve(p_own, (
                SELECT json_arrayagg(json_set(k.o, '$.e', v_edge_no))
                FROM json_table(@dj_answer, '$[*]' COLUMNS (o JSON PATH '$')) AS k
            ));
        END IF;

        SET v_is_done = FALSE;
        FETCH c_step INTO v_edge_no, v_kind;
    END WHILE;

    CLOSE c_step;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_walk_defaults.sql
-- deletion_walk_defaults
-- Let those rows of a walk block that would get a default which no parent will have.
--
-- Parameters  p_walk_id, p_plan_id   a walk that has ended; of one that was cut short, what it met
-- Writes      deletion_walk_keys                   Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_walk_defaults;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_walk_defaults(
    IN p_walk_id BIGINT,
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Let those rows of a walk block that would get a default which no parent will have'
BEGIN
    DECLARE v_edge_no, v_node_no INT;
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE c_step CURSOR FOR
        SELECT s.edge_no, s.node_no
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = p_plan_id AND s.kind = 'default' AND s.sql_text IS NOT NULL
        ORDER BY s.step_no;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    OPEN c_step;
    FETCH c_step INTO v_edge_no, v_node_no;

    WHILE NOT v_is_done DO
        SET @dj_walk_id = p_walk_id;
        CALL deletion_execute(p_plan_id, v_edge_no, 'default');
        -- They are not set as well.
        DELETE s
        FROM deletion_walk_keys AS r
        INNER JOIN deletion_walk_keys AS s
            ON
                s.walk_id = r.walk_id
                AND s.job_id = r.job_id
                AND s.node_no = r.node_no
                AND s.fate = 'set_default'
                AND s.key_hash = r.key_hash
        WHERE
            r.walk_id = p_walk_id AND r.node_no = v_node_no AND r.fate = 'restrict'
            AND r.edge_no = v_edge_no;
        SET v_is_done = FALSE;
        FETCH c_step INTO v_edge_no, v_node_no;
    END WHILE;

    CLOSE c_step;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_soft_start.sql
-- deletion_soft_start
-- Turn a soft run's roots into what its jobs have to do; jobs that come back go on where they were.
--
-- Parameters  p_run_id, p_plan_id   the run, fenced, its roots found
-- Writes      deletion_soft_keys, deletion_frames  Commits  no
-- Execute     the owner only

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02,LT02,LT05
DROP PROCEDURE IF EXISTS deletion_soft_start;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_soft_start(
    IN p_run_id BIGINT UNSIGNED,
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Turn the roots of a soft run into what its jobs have to do'
BEGIN
    DECLARE v_stale, v_new JSON;

    -- What was noted by another plan, or for another wish of the same row, means nothing now.
    SELECT json_arrayagg(a.job_id)
    INTO v_stale
    FROM deletion_attempts AS a
    LEFT JOIN deletion_attempts AS b
        ON
            b.job_id = a.job_id AND b.attempt_no = a.attempt_no - 1 AND NOT b.is_past
            AND b.outcome IN ('sliced', 'returned', 'retry', 'lost')
    WHERE
        a.run_id = p_run_id
        AND (
            b.job_id IS NULL
            OR EXISTS (
                SELECT 1
                FROM deletion_soft_keys AS d
                WHERE d.job_id = a.job_id AND d.plan_id <> p_plan_id
            )
        );

    DELETE k
    FROM json_table(v_stale, '$[*]' COLUMNS (j BIGINT UNSIGNED PATH '$')) AS e
    STRAIGHT_JOIN deletion_soft_keys AS k FORCE INDEX (PRIMARY) ON k.job_id = e.j;

    SELECT json_arrayagg(k.o)
    INTO v_new
    FROM deletion_frames AS f
    CROSS JOIN json_table(f.`keys`, '$[*]' COLUMNS (
        o JSON PATH '$', j BIGINT UNSIGNED PATH '$.j'
    )) AS k
    WHERE
        f.run_id = p_run_id
        AND NOT EXISTS (SELECT 1 FROM deletion_soft_keys AS d WHERE d.job_id = k.j);

    INSERT IGNORE INTO deletion_soft_keys (job_id, node_no, key_hash, plan_id, edge_no, `keys`)
    SELECT k.j, 0, deletion_key_hash(k.o), p_plan_id, 0, k.o
    FROM json_table(v_new, '$[*]' COLUMNS (o JSON PATH '$', j BIGINT UNSIGNED PATH '$.j')) AS k;

    DELETE FROM deletion_frames WHERE run_id = p_run_id;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_soft_done.sql
-- deletion_soft_done
-- Note that rows of a frame are dealt with.
--
-- Parameters  p_node_no   their table              p_keys   the frame
-- Writes      deletion_soft_keys                   Commits  no
-- Execute     the owner only

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02,LT02,LT05
DROP PROCEDURE IF EXISTS deletion_soft_done;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_soft_done(
    IN p_node_no INT,
    IN p_keys JSON
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Note that rows of a frame are dealt with'
BEGIN
    UPDATE json_table(p_keys, '$[*]' COLUMNS (
        o JSON PATH '$', j BIGINT UNSIGNED PATH '$.j'
    )) AS t
    STRAIGHT_JOIN deletion_soft_keys AS k FORCE INDEX (PRIMARY)
        ON k.job_id = t.j AND k.node_no = p_node_no AND k.key_hash = deletion_key_hash(t.o)
    SET k.is_done = TRUE;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_soft_marks.sql
-- deletion_soft_marks
-- Mark those rows of a locked frame that are not marked, and keep what they held before.
--
-- Parameters  p_edge_no   the reference that they were found by     p_table   their table
--             p_rows      the frame, as its lock answered it
-- Errors      JD006 rows hold no mark when they were marked
-- Writes      the application's table, deletion_marks, deletion_receipts     Commits  no
-- Execute     the owner only

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02,LT02,LT05
DROP PROCEDURE IF EXISTS deletion_soft_marks;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_soft_marks(
    IN p_edge_no INT,
    IN p_table VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_rows JSON
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Mark those rows of a locked frame that are not marked, and keep what they held before'
BEGIN
    DECLARE v_live, v_by_job JSON;
    DECLARE v_count BIGINT;

    -- A row that two jobs reach is marked by one of them.
    SELECT json_arrayagg(q.o), count(*)
    INTO v_live, v_count
    FROM (
        SELECT
            k.o,
            row_number() OVER (
                PARTITION BY if(json_length(@dj_jobs) = 1, k.n, deletion_key_hash(k.o))
                ORDER BY k.j
            ) AS place
        FROM json_table(p_rows, '$[*]' COLUMNS (
            n FOR ORDINALITY, o JSON PATH '$', j BIGINT UNSIGNED PATH '$.j', x INT PATH '$.x'
        )) AS k
        WHERE k.x = 0
    ) AS q
    WHERE q.place = 1;

    IF v_count > 0 THEN
        SET @dj_frame = v_live;
        CALL deletion_execute(@dj_plan_id, p_edge_no, 'mark');
        -- The number that UPDATE gives depends on the client; the rows themselves do not.
        CALL deletion_execute(@dj_plan_id, p_edge_no, 'marked');

        IF @dj_rows <> v_count THEN
            CALL deletion_raise('JD006', 'run_deletion_jobs', concat(
                'rows of ', p_table, ' are found and not marked (a trigger keeps them)'
            ), NULL);
        END IF;

        INSERT INTO deletion_marks (
            job_id, table_name, row_key, column_name, old_value, new_value, plan_id, key_hash
        )
        SELECT
            k.j, p_table, k.k, k.c, k.old_value, k.new_value, @dj_plan_id,
            unhex(sha2(concat(p_table, hex(sha2(k.k, 256))), 256))
        FROM json_table(@dj_answer, '$[*]' COLUMNS (
            j BIGINT UNSIGNED PATH '$.j', k JSON PATH '$.k', c VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.c',
            old_value JSON PATH '$.old', new_value JSON PATH '$.new'
        )) AS k;

        SELECT json_objectagg(q.j, q.n)
        INTO v_by_job
        FROM (
            SELECT k.j, count(*) AS n
            FROM json_table(v_live, '$[*]' COLUMNS (j BIGINT UNSIGNED PATH '$.j')) AS k
            GROUP BY k.j
        ) AS q;
        CALL deletion_add_receipts(@dj_run_id, p_table, 'mark', v_by_job);
        SET @dj_left = @dj_left - v_count, @dj_changed = @dj_changed + v_count;
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_soft_mark.sql
-- deletion_soft_mark
-- Mark the next rows of soft jobs, within the batch, and begin to look below them.
--
-- Parameters  p_is_over   OUT TRUE: no row is left
-- Errors      JD006 rows are found and hold no mark when they were marked
-- Writes      the application's table, deletion_marks, deletion_receipts, deletion_soft_keys
-- Commits     no
-- Execute     the owner only

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02,LT02,LT05
DROP PROCEDURE IF EXISTS deletion_soft_mark;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_soft_mark(
    OUT p_is_over BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Mark the next rows of soft jobs, within the batch, and begin to look below them'
BEGIN
    DECLARE v_edge_no, v_node_no, v_limit INT;
    DECLARE v_is_leaf BOOLEAN;
    DECLARE v_kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_table VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_frame, v_kept, v_gone JSON;

    SET v_edge_no = (
        SELECT k.edge_no
        FROM json_table(@dj_jobs, '$[*]' COLUMNS (j BIGINT UNSIGNED PATH '$')) AS t
        STRAIGHT_JOIN deletion_soft_keys AS k FORCE INDEX (idx_dsk_open)
            ON k.job_id = t.j AND k.is_done = FALSE
        LIMIT 1
    );
    SET p_is_over = v_edge_no IS NULL;

    IF NOT p_is_over THEN
        SELECT s.kind, s.node_no, s.table_name, s.is_leaf
        INTO v_kind, v_node_no, v_table, v_is_leaf
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = @dj_plan_id AND s.edge_no = v_edge_no AND s.kind IN ('lock', 'pass');

        -- What hangs from these rows is read at once: fewer where there may be something.
        SET v_limit = if(v_is_leaf, @dj_left, least(@dj_left, 500));

        SELECT json_arrayagg(q.`keys`)
        INTO v_frame
        FROM (
            SELECT k.`keys`
            FROM json_table(@dj_jobs, '$[*]' COLUMNS (j BIGINT UNSIGNED PATH '$')) AS t
            STRAIGHT_JOIN deletion_soft_keys AS k FORCE INDEX (idx_dsk_open)
                ON k.job_id = t.j AND k.is_done = FALSE AND k.edge_no = v_edge_no
            LIMIT v_limit
        ) AS q;

        SET @dj_frame = v_frame, @dj_at = v_table;
        CALL deletion_execute(@dj_plan_id, v_edge_no, v_kind);
        SET v_kept = @dj_answer;

        IF v_kind = 'lock' THEN
            CALL deletion_soft_marks(v_edge_no, v_table, v_kept);
        END IF;
    END IF;

    IF v_is_leaf THEN
        CALL deletion_soft_done(v_node_no, v_frame);
    ELSEIF NOT p_is_over THEN
        -- Of a root that is gone what declared references tie to its key is still marked.
        SELECT json_arrayagg(k.o)
        INTO v_gone
        FROM json_table(v_frame, '$[*]' COLUMNS (o JSON PATH '$', m INT PATH '$.m')) AS k
        WHERE k.m IS NOT NULL;
        SET v_kept = json_merge_preserve(v_kept, coalesce(v_gone, json_array()));
        SET @dj_soft = json_object(
            'node', v_node_no, 'edge', 0, 'last', json_object(), 'keys', v_kept
        );

        -- Rows that have moved away, or are gone, are done with.
        IF json_length(v_kept) < json_length(v_frame) THEN
            SELECT json_arrayagg(k.o)
            INTO v_gone
            FROM json_table(v_frame, '$[*]' COLUMNS (
                o JSON PATH '$', j BIGINT UNSIGNED PATH '$.j'
            )) AS k
            WHERE (k.j, deletion_key_hash(k.o)) NOT IN (
                SELECT h.j, deletion_key_hash(h.o)
                FROM json_table(v_kept, '$[*]' COLUMNS (
                    o JSON PATH '$', j BIGINT UNSIGNED PATH '$.j'
                )) AS h
            );
            CALL deletion_soft_done(v_node_no, v_gone);
        END IF;
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_soft_spread.sql
-- deletion_soft_spread
-- Note one page of what hangs from the rows that soft jobs are at.
--
-- Writes      deletion_soft_keys                   Commits  no
-- Execute     the owner only

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02,LT02,LT05
DROP PROCEDURE IF EXISTS deletion_soft_spread;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_soft_spread()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Note one page of what hangs from the rows that soft jobs are at'
BEGIN
    -- One answer of the engine is never larger than this.
    DECLARE v_page INT DEFAULT 10000;
    DECLARE v_edge_no, v_node_no INT;
    DECLARE v_keys JSON;

    SELECT s.edge_no, s.node_no
    INTO v_edge_no, v_node_no
    FROM (SELECT 1 AS one) AS q
    LEFT JOIN deletion_plan_steps AS s
        ON
            s.plan_id = @dj_plan_id AND s.kind = 'spread'
            AND s.parent_node_no = json_extract(@dj_soft, '$.node')
            AND s.edge_no > json_extract(@dj_soft, '$.edge')
    ORDER BY s.edge_no
    LIMIT 1;

    IF v_edge_no IS NULL THEN
        CALL deletion_soft_done(
            json_extract(@dj_soft, '$.node'), json_extract(@dj_soft, '$.keys')
        );
        SET @dj_soft = NULL;
    ELSE
        -- A job may have been cancelled since its rows were taken.
        SELECT coalesce(json_arrayagg(k.o), json_array())
        INTO v_keys
        FROM json_table(json_extract(@dj_soft, '$.keys'), '$[*]' COLUMNS (
            o JSON PATH '$', j JSON PATH '$.j'
        )) AS k
        WHERE json_contains(@dj_jobs, k.j);

        SET @dj_frame = v_keys, @dj_cursor = json_extract(@dj_soft, '$.last'), @dj_limit = v_page;
        CALL deletion_execute(@dj_plan_id, v_edge_no, 'spread');

        INSERT IGNORE INTO deletion_soft_keys (job_id, node_no, key_hash, plan_id, edge_no, `keys`)
        SELECT k.j, v_node_no, deletion_key_hash(k.o), @dj_plan_id, v_edge_no, k.o
        FROM json_table(@dj_answer, '$[*]' COLUMNS (
            o JSON PATH '$', j BIGINT UNSIGNED PATH '$.j'
        )) AS k;

        SET @dj_soft = if(
            @dj_rows < v_page,
            json_set(@dj_soft, '$.edge', v_edge_no, '$.last', json_object()),
            json_set(@dj_soft, '$.last', json_extract(@dj_answer, '$[last]'))
        );
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_soft_advance.sql
-- deletion_soft_advance
-- Mark on: as many rows as fit the run's batch, in the caller's transaction.
--
-- Parameters  p_run_id    the run, fenced
--             p_is_over   OUT TRUE where the jobs have marked all that they reach
-- Writes      the application's tables, deletion_marks, deletion_receipts, deletion_soft_keys,
--             deletion_runs                        Commits  no
-- Execute     the owner only
--
-- From the roots down: a row is looked at, and marked where it can be, while it is held where it
-- was found; only then is noted what hangs from it. So nothing is marked below a row that has moved
-- away.
--
-- Registers: @dj_run_id, @dj_plan_id, @dj_left (rows that this transaction may still change),
-- @dj_changed, @dj_mark (the time of the run), @dj_jobs (those that are still wanted), @dj_at (the
-- table) and @dj_soft (the rows below which it looks; NULL: none).

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02,LT02,LT05
DROP PROCEDURE IF EXISTS deletion_soft_advance;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_soft_advance(
    IN p_run_id BIGINT UNSIGNED,
    OUT p_is_over BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Mark on: as many rows as fit the batch of the run, in the transaction of the caller'
BEGIN
    DECLARE v_goes_on BOOLEAN DEFAULT TRUE;
    DECLARE v_until DATETIME(6) DEFAULT timestampadd(
        MICROSECOND, 1000 * deletion_setting_int('batch_ms'), utc_timestamp(6)
    );

    SELECT
        r.run_id, r.plan_id, r.batch_rows, r.rows_changed, r.started_at,
        json_extract(r.state, '$.soft'), json_unquote(json_extract(r.state, '$.at'))
    INTO @dj_run_id, @dj_plan_id, @dj_left, @dj_changed, @dj_mark, @dj_soft, @dj_at
    FROM deletion_runs AS r
    WHERE r.run_id = p_run_id;

    SET @dj_jobs = (
        SELECT coalesce(json_arrayagg(a.job_id), json_array())
        FROM deletion_attempts AS a
        WHERE a.run_id = p_run_id AND a.outcome IS NULL
    );
    SET p_is_over = FALSE;

    WHILE v_goes_on DO
        IF @dj_soft IS NOT NULL THEN
            CALL deletion_soft_spread();
        ELSEIF @dj_left > 0 THEN
            CALL deletion_soft_mark(p_is_over);
        ELSE
            SET v_goes_on = FALSE;
        END IF;

        SET v_goes_on = v_goes_on AND NOT p_is_over AND utc_timestamp(6) < v_until;
    END WHILE;

    -- All is marked: what was noted goes, as bounded as the rest.
    IF p_is_over THEN
        DELETE k
        FROM (
            SELECT d.job_id, d.node_no, d.key_hash
            FROM json_table(@dj_jobs, '$[*]' COLUMNS (j BIGINT UNSIGNED PATH '$')) AS t
            STRAIGHT_JOIN deletion_soft_keys AS d FORCE INDEX (PRIMARY) ON d.job_id = t.j
            LIMIT 20000
        ) AS q
        STRAIGHT_JOIN deletion_soft_keys AS k FORCE INDEX (PRIMARY)
            ON k.job_id = q.job_id AND k.node_no = q.node_no AND k.key_hash = q.key_hash;
        SET p_is_over = row_count() < 20000;
    END IF;

    UPDATE deletion_runs AS r
    SET
        r.rows_changed = @dj_changed,
        r.state = if(
            @dj_soft IS NULL, json_set(json_remove(r.state, '$.soft'), '$.at', @dj_at),
            json_set(r.state, '$.at', @dj_at, '$.soft', cast(@dj_soft AS JSON))
        ),
        -- Contention halves the batch at once; it comes back slowly.
        r.batch_rows = least(
            deletion_setting_int('batch_rows'), r.batch_rows + greatest(1, r.batch_rows DIV 8)
        ),
        r.retries = 0
    WHERE r.run_id = p_run_id;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_restore.sql
-- deletion_restore
-- Take back what one plan's job has marked in one table, where the rows still hold it.
--
-- Parameters  p_run_id   the run that counts       p_job_id   the job
--             p_plan_id, p_table_name   the plan that marked, and the table
--             p_total    INOUT number of rows restored
-- Writes      the application's table, deletion_marks, deletion_receipts     Commits  no
-- Execute     the owner only

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02,LT02,LT05
DROP PROCEDURE IF EXISTS deletion_restore;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_restore(
    IN p_run_id BIGINT UNSIGNED,
    IN p_job_id BIGINT UNSIGNED,
    IN p_plan_id BIGINT UNSIGNED,
    IN p_table_name VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    INOUT p_total BIGINT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Take back what the job has marked in one table by one plan, where the rows still hold it'
BEGIN
    DECLARE v_edge_no INT DEFAULT (
        SELECT s.edge_no
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = p_plan_id AND s.table_name = p_table_name AND s.kind = 'restore'
    );
    DECLARE v_last, v_rows BIGINT UNSIGNED DEFAULT 0;
    DECLARE v_marks, v_held JSON;

    REPEAT
        SELECT
            json_arrayagg(json_object(
                'id', q.mark_id, 'k', q.row_key, 'o', q.old_value, 'n', q.new_value
            )),
            max(q.mark_id)
        INTO v_marks, v_last
        FROM (
            SELECT m.mark_id, m.row_key, m.old_value, m.new_value
            FROM deletion_marks AS m
            WHERE
                m.job_id = p_job_id AND m.state = 'held' AND m.plan_id = p_plan_id
                AND m.table_name = p_table_name AND m.mark_id > v_last
            ORDER BY m.mark_id
            LIMIT 5000
        ) AS q;

        IF v_marks IS NOT NULL THEN
            SET @dj_frame = v_marks;
            CALL deletion_execute(p_plan_id, v_edge_no, 'restore_lock');
            SET v_held = @dj_answer, v_rows = v_rows + @dj_rows;
            SET @dj_frame = v_held;
            CALL deletion_execute(p_plan_id, v_edge_no, 'restore');

            UPDATE json_table(v_held, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$.id')) AS t
            STRAIGHT_JOIN deletion_marks AS m FORCE INDEX (PRIMARY) ON m.mark_id = t.id
            SET m.state = 'restored';
        END IF;
    UNTIL v_marks IS NULL END REPEAT;

    IF v_rows > 0 THEN
        CALL deletion_add_receipts(
            p_run_id, p_table_name, 'restore', json_object(p_job_id, v_rows)
        );
        SET p_total = p_total + v_rows;
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_restore_job.sql
-- deletion_restore_job
-- Take back all that a job has marked, and leave the job cancelled.
--
-- Parameters  p_job_id   the job
-- Errors      as restore_deletion
-- Writes      as restore_deletion                  Commits  no
-- Execute     the owner only

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02,LT02,LT05
DROP PROCEDURE IF EXISTS deletion_restore_job;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_restore_job(
    IN p_job_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Take back all that a job has marked, and leave the job cancelled'
BEGIN
    DECLARE v_status VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_table VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_hard, v_has_marks, v_fits BOOLEAN;
    DECLARE v_seen, v_now JSON;
    DECLARE v_run_id, v_plan_id BIGINT UNSIGNED;
    DECLARE v_total BIGINT DEFAULT 0;
    DECLARE v_later, v_parts JSON;
    DECLARE v_pos INT DEFAULT 0;

    SELECT json_array(j.status, j.started_at, j.finished_at, j.scheduled_at)
    INTO v_seen
    FROM deletion_jobs AS j
    WHERE j.id = p_job_id;

    SELECT
        j.status, j.entity_table, j.hard_delete,
        json_array(j.status, j.started_at, j.finished_at, j.scheduled_at)
    INTO v_status, v_entity_table, v_hard, v_now
    FROM deletion_jobs AS j
    WHERE j.id = p_job_id
    FOR UPDATE;

    -- An older snapshot of the caller's would not show the marks that were made since.
    IF NOT v_seen <=> v_now THEN
        SIGNAL SQLSTATE '40001'
        SET MESSAGE_TEXT = 'restore_deletion: the job has changed since the transaction began';
    END IF;

    SET v_has_marks = EXISTS (
        SELECT 1 FROM deletion_marks AS m WHERE m.job_id = p_job_id AND m.state = 'held'
    );

    IF v_status IS NULL THEN
        CALL deletion_raise('JD001', 'restore_deletion', 'no such job', p_job_id);
    ELSEIF v_status = 'running' THEN
        CALL deletion_raise('JD003', 'restore_deletion', 'job is running', p_job_id);
    ELSEIF v_status = 'done' AND v_hard THEN
        CALL deletion_raise(
            'JD003', 'restore_deletion', 'the rows are removed for good', p_job_id
        );
    ELSEIF NOT v_has_marks AND v_status IN ('failed', 'cancelled') THEN
        CALL deletion_raise(
            'JD003', 'restore_deletion', 'the job has no marks to take back', p_job_id
        );
    END IF;

    -- Never again for good without being asked: what waited was a purge, or is wanted no more.
    UPDATE deletion_jobs AS j
    SET
        j.status = 'cancelled', j.finished_at = utc_timestamp(6), j.error = NULL,
        j.hard_delete = j.hard_delete AND NOT v_has_marks
    WHERE j.id = p_job_id;
    CALL deletion_keep_asked(json_array(json_object('id', p_job_id)), FALSE);

    INSERT INTO deletion_runs (
        entity_table, hard_delete, token, session_id, server_id, phase, alone, job_count,
        batch_rows, last_step_at, outcome, ended_at
    )
    VALUES (
        v_entity_table, FALSE, uuid(), connection_id(), @@GLOBAL.server_uuid, 'ended', TRUE, 1, 0,
        utc_timestamp(6), 'done', utc_timestamp(6)
    );
    SET v_run_id = last_insert_id();

    -- Of two marks on one row the later one holds.
    SELECT json_arrayagg(m.mark_id)
    INTO v_later
    FROM deletion_marks AS m
    INNER JOIN deletion_marks AS later
        ON
            later.key_hash = m.key_hash AND later.table_name = m.table_name
            AND later.mark_id > m.mark_id
    WHERE m.job_id = p_job_id AND m.state = 'held'
    -- Those as well that were made since the caller's snapshot.
    FOR SHARE OF later;
    UPDATE json_table(v_later, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$')) AS t
    STRAIGHT_JOIN deletion_marks AS m FORCE INDEX (PRIMARY) ON m.mark_id = t.id
    SET m.state = 'left';

    -- Parents first, as they were marked: an application may forbid the other order.
    SELECT json_arrayagg(json_object('p', q.plan_id, 't', q.table_name))
    INTO v_parts
    FROM (
        SELECT m.plan_id, m.table_name
        FROM deletion_marks AS m
        WHERE m.job_id = p_job_id AND m.state = 'held'
        GROUP BY m.plan_id, m.table_name
        ORDER BY min(m.mark_id)
        LIMIT 1000000
    ) AS q;

    WHILE v_pos < coalesce(json_length(v_parts), 0) DO
        SET v_plan_id = json_extract(v_parts, concat('$[', v_pos, '].p'));
        SET v_table = json_unquote(json_extract(v_parts, concat('$[', v_pos, '].t')));
        CALL deletion_guard(v_plan_id, FALSE, v_fits);
        CALL deletion_restore(v_run_id, p_job_id, v_plan_id, v_table, v_total);
        SET v_pos = v_pos + 1;
    END WHILE;

    UPDATE deletion_marks AS m
    SET m.state = 'left'
    WHERE m.job_id = p_job_id AND m.state = 'held';
    UPDATE deletion_runs AS r SET r.rows_changed = v_total WHERE r.run_id = v_run_id;

    INSERT INTO deletion_attempts (
        job_id, attempt_no, run_id, started_at, ended_at, outcome, error, asked_reason,
        asked_hard_delete, asked_by, asked_at
    )
    SELECT
        j.id,
        (SELECT max(a.attempt_no) + 1 FROM deletion_attempts AS a WHERE a.job_id = j.id),
        v_run_id, utc_timestamp(6), utc_timestamp(6), 'cancelled',
        concat('restored: ', v_total, ' rows'), j.reason, FALSE, j.created_by, j.created_at
    FROM deletion_jobs AS j
    WHERE j.id = p_job_id;
END$$
DELIMITER ;
-- <<<

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
        WHILE v_pos < 3 DO
            SELECT json_objectagg(q.j, -q.n)
            INTO v_counts
            FROM (
                SELECT t.j, count(*) AS n
                FROM json_table(v_set, '$[*]' COLUMNS (  -- noqa: CP02
                    j BIGINT UNSIGNED PATH '$.j',
                    a VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.a'
                )) AS t
                WHERE t.a = elt(v_pos + 1, 'set_null', 'set_default', 'scrub')
                GROUP BY t.j
            ) AS q;
            CALL deletion_add_receipts(
                @dj_run_id, p_table_name, elt(v_pos + 1, 'set_null', 'set_default', 'scrub'), v_counts
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

    IF @dj_may_sweep AND NOT @dj_waits AND EXISTS (
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

    -- Names in the dictionary's own character set: in any other, each would read a whole schema.
    SELECT if(count(*) = 0, '', hex(bit_xor(unhex(sha2(json_array(
        r.constraint_schema, r.table_name, r.constraint_name, r.delete_rule, r.update_rule,
        r.unique_constraint_name, k.ordinal_position, k.column_name,
        k.referenced_table_schema, k.referenced_table_name, k.referenced_column_name
    ), 256)))))
    INTO v_keys
    FROM
        json_table(
            p_tables, '$[*]' COLUMNS (  -- noqa: CP02
                s VARCHAR(64) CHARACTER SET utf8mb3 COLLATE utf8mb3_bin PATH '$.s',  -- noqa: PRS
                t VARCHAR(64) CHARACTER SET utf8mb3 COLLATE utf8mb3_bin PATH '$.t'
            )
        ) AS p
    STRAIGHT_JOIN information_schema.referential_constraints AS r  -- noqa: PRS
        ON r.unique_constraint_schema = p.s AND r.referenced_table_name = p.t
    STRAIGHT_JOIN information_schema.key_column_usage AS k
        ON
            k.constraint_schema = r.constraint_schema
            AND k.table_name = r.table_name
            AND k.constraint_name = r.constraint_name
            AND k.referenced_table_name IS NOT NULL;

    -- The form of the plans as well: those that an earlier version wrote are stale.
    RETURN left(sha2(concat('4', v_keys), 256), 32);
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_fates.sql
-- deletion_fates
-- Answer what a walk has found: how many rows of each table meet which end.
--
-- Parameters  p_walk_id, p_plan_id   the walk
--             p_circles              what deletion_preview_circle has found
--             p_is_at_least          TRUE: it was cut short
-- Returns     rows as preview_deletion
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_fates;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_fates(
    IN p_walk_id BIGINT,
    IN p_plan_id BIGINT UNSIGNED,
    IN p_circles JSON,
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
        -- A row counts once: one that is deleted not where it would be set as well, one that two
        -- references set as receipts do, for the action that comes first by name; one that is held
        -- is not deleted.
        SELECT
            w.node_no, w.key_hash,
            max(json_contains_path(w.`keys`, 'one', '$.m')) AS is_missing,
            if(max(w.fate = 'held'), 'held', min(w.fate)) AS fate
        FROM deletion_walk_keys AS w
        WHERE w.walk_id = p_walk_id AND w.fate NOT IN ('restrict', 'keep')
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
    SELECT s.table_name, w.fate, s.reference_name, count(*), p_is_at_least
    FROM deletion_walk_keys AS w
    INNER JOIN deletion_plan_steps AS s
        ON s.plan_id = p_plan_id AND s.edge_no = w.edge_no AND s.kind = 'fetch_more'
    WHERE
        w.walk_id = p_walk_id
        AND w.fate IN ('restrict', 'keep')
        AND NOT EXISTS (
            SELECT 1
            FROM deletion_walk_keys AS d
            WHERE
                d.walk_id = w.walk_id AND d.job_id = w.job_id AND d.node_no = w.node_no
                AND d.fate = 'delete' AND d.key_hash = w.key_hash
        )
    GROUP BY s.table_name, w.fate, s.reference_name
    UNION ALL
    SELECT c.t, 'circle', c.r, c.n, p_is_at_least
    FROM json_table(p_circles, '$[*]' COLUMNS (  -- noqa: CP02
        t VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.t',  -- noqa: PRS
        r VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.r',
        n BIGINT PATH '$.n'
    )) AS c
    ORDER BY 1, 2, 3;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_walk_verdict.sql
-- deletion_walk_verdict
-- Fail the jobs that a finished walk shows cannot end: rows in the way, or rows in a circle.
--
-- Parameters  p_run_id, p_plan_id   the run
-- Writes      deletion_attempts, deletion_jobs, deletion_frames, deletion_runs,
--             deletion_walk_keys, deletion_walk_links     Commits  no
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
    DECLARE v_pos INT DEFAULT 0;
    DECLARE v_found, v_circle JSON;
    DECLARE v_is_careful BOOLEAN;
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
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    CALL deletion_walk_defaults(p_run_id, p_plan_id);
    OPEN c_blocked;
    FETCH c_blocked INTO v_job_id, v_error;

    WHILE NOT v_is_done DO
        CALL deletion_fail_jobs(p_run_id, json_array(v_job_id), v_error);
        SET v_is_done = FALSE;
        FETCH c_blocked INTO v_job_id, v_error;
    END WHILE;

    CLOSE c_blocked;
    CALL deletion_walk_rings(p_run_id, p_plan_id, v_is_careful, v_found);

    IF v_is_careful THEN
        -- A ring that a NULL opens is walked with care.
        UPDATE deletion_runs AS r
        SET r.state = json_set(r.state, '$.careful', TRUE)
        WHERE r.run_id = p_run_id;
    END IF;

    WHILE v_pos < json_length(v_found) DO
        SET v_circle = json_extract(v_found, concat('$[', v_pos, ']'));
        SELECT s.table_name, s.reference_name
        INTO v_table, v_reference
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = p_plan_id
            AND s.edge_no = json_extract(v_circle, '$.e')
            AND s.kind = 'own';
        CALL deletion_fail_jobs(
            p_run_id, json_array(json_extract(v_circle, '$.j')),
            deletion_circle_error(1, v_table, v_reference, v_table, v_circle ->> '$.k')
        );
        SET v_pos = v_pos + 1;
    END WHILE;
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
        CALL deletion_walk(p_run_id, p_plan_id, p_max_rows IS NOT NULL, NULL, v_read);

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
--             p_parent_no                       its parent
--             p_child_no, p_action              its child and what happens to it
--             p_is_end                          TRUE: nothing is looked at below them
--             p_most                            most rows to read; NULL: any number
--             p_read                            INOUT number of rows read
-- Writes      deletion_walk_keys, deletion_walk_links     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_walk_edge;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_walk_edge(
    IN p_walk_id BIGINT,
    IN p_plan_id BIGINT UNSIGNED,
    IN p_edge_no INT,
    IN p_parent_no INT,
    IN p_child_no INT,
    IN p_action VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_is_end BOOLEAN,
    IN p_most BIGINT,
    INOUT p_read BIGINT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Read, page by page, the rows that hang from a walk''s rows by one reference'
BEGIN
    -- One answer of the engine is never larger than this.
    DECLARE v_page INT DEFAULT least(10000, coalesce(p_most, 10000));  -- noqa: PRS
    DECLARE v_frame, v_found JSON;
    -- Which rows go in a circle: by this reference, or met by it from elsewhere.
    DECLARE v_links BOOLEAN DEFAULT EXISTS (
        SELECT 1
        FROM deletion_plan_steps AS s FORCE INDEX (idx_dps_edge)
        WHERE s.plan_id = p_plan_id AND s.edge_no = p_edge_no AND s.kind = 'link'
    );
    DECLARE v_meets BOOLEAN DEFAULT EXISTS (
        SELECT 1
        FROM deletion_plan_steps AS s FORCE INDEX (idx_dps_edge)
        WHERE s.plan_id = p_plan_id AND s.edge_no = p_edge_no AND s.kind = 'meets'
    );

    SET @dj_cursor = '{}', @dj_limit = v_page, @dj_rows = v_page;

    WHILE @dj_rows = v_page AND (p_most IS NULL OR p_read < p_most) DO
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

        IF v_meets THEN
            UPDATE json_table(@dj_answer, '$[*]' COLUMNS (
                o JSON PATH '$', j BIGINT UNSIGNED PATH '$.j'
            )) AS k
            STRAIGHT_JOIN deletion_walk_keys AS w FORCE INDEX (PRIMARY)
                ON
                    w.walk_id = p_walk_id
                    AND w.job_id = k.j
                    AND w.node_no = p_child_no
                    AND w.fate = 'delete'
                    AND w.key_hash = deletion_key_hash(k.o)
            SET w.edge_no = p_edge_no;
        ELSEIF v_links AND @dj_rows > 0 THEN
            SET v_frame = @dj_frame, v_found = @dj_answer, @dj_frame = @dj_answer;
            CALL deletion_execute(p_plan_id, p_edge_no, 'link');
            INSERT IGNORE INTO deletion_walk_links (
                walk_id, job_id, parent_node_no, parent_hash, child_node_no, child_hash, edge_no
            )
            SELECT p_walk_id, k.j, p_parent_no, unhex(k.p), p_child_no, unhex(k.c), p_edge_no
            FROM json_table(@dj_answer, '$[*]' COLUMNS (
                j BIGINT UNSIGNED PATH '$.j', p CHAR(64) PATH '$.p', c CHAR(64) PATH '$.c'
            )) AS k;
            SET @dj_frame = v_frame, @dj_rows = json_length(v_found);
        END IF;
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
--             p_most      most rows to read; NULL: any number
--             p_read      OUT number of rows read; NULL: the walk has ended
-- Writes      deletion_walk_keys                   Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_walk;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_walk(
    IN p_walk_id BIGINT,
    IN p_plan_id BIGINT UNSIGNED,
    IN p_all BOOLEAN,
    IN p_most BIGINT,
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
            -- What is kept is counted by previews alone, whose numbers are below zero.
            AND (s.in_check OR (p_all AND (s.action <> 'keep' OR p_walk_id < 0)))
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
                p_walk_id, p_plan_id, v_edge_no, v_node_no, v_child_no, v_action, v_is_end, p_most,
                p_read
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
-- Errors      JD006 the rows that block, or a table whose rows are found and not changed
--             JD007 rows that wait for each other, since the check saw them
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

    IF json_contains_path(@dj_state, 'one', '$.careful') AND v_blocking IS NULL THEN
        SET v_table = (
            SELECT min(s.table_name)
            FROM deletion_plan_steps AS s
            WHERE s.plan_id = @dj_plan_id AND s.node_no = @dj_node_no
        );
        SET v_message = json_remove(json_extract(@dj_keys, '$[0]'), '$.j');
        SET v_message = left(concat(
            'rows of ', v_table, ' go in a circle that nothing opens, one is ', v_message
        ), 128);
        SIGNAL SQLSTATE 'JD007' SET MYSQL_ERRNO = 31007, MESSAGE_TEXT = v_message;
    END IF;

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
    DECLARE v_alone, v_is_fresh BOOLEAN;
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

    SELECT r.retries, r.alone, v_passes OR coalesce(
        deletion_fresh_plan(r.entity_table, r.hard_delete) = r.plan_id, FALSE
    )
    INTO v_retries, v_alone, v_is_fresh
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
    ELSEIF NOT v_is_fresh THEN
        -- The statements met another catalog than they were written for.
        CALL deletion_settle(p_run_id, NULL, 'returned', NULL, FALSE, NULL);
        CALL deletion_end_run(
            p_run_id, 'returned', 'the catalog changed; the plan is compiled anew'
        );
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
    CALL deletion_execute(
        @dj_plan_id, p_edge_no, if(@dj_job_id IS NULL, 'count', 'count_one')
    );
    SET v_counted = @dj_rows, p_is_swept = v_counted <= @dj_left;
    SET v_by_job = if(@dj_job_id IS NULL, @dj_answer, json_object(@dj_job_id, v_counted));

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
                -- Set by two references a row counts for one: that which comes first by name.
                AND json_unquote(json_extract(w.`keys`, '$.action')) <= v_action
        );

        CALL deletion_uncount(v_table, v_counted);

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
    DECLARE v_gone JSON;

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
        CALL deletion_part();
        CALL deletion_execute(
            @dj_plan_id, @dj_edge_no, if(@dj_is_locked, 'remove_now', 'remove')
        );

        IF @dj_rows <> v_rows THEN
            SIGNAL SQLSTATE '40001' SET MESSAGE_TEXT = 'rows under lock were not there to be deleted';  -- noqa: LT05
        END IF;

        CALL deletion_count(@dj_edge_no, 'delete', v_rows, @dj_frame);
    END IF;

    -- What hangs from a root that is gone waits as that of others does.
    SET v_gone = if(@dj_edge_no = 0 AND @dj_waits, (
        SELECT json_arrayagg(k.o)
        FROM json_table(@dj_keys, '$[*]' COLUMNS (
            o JSON PATH '$', is_gone BOOLEAN EXISTS PATH '$.m'
        )) AS k
        WHERE k.is_gone
    ), NULL);

    IF v_rows = v_found AND v_gone IS NULL THEN
        -- What was not found any more has moved to another parent, or is gone already.
        SET @dj_state = json_set(@dj_state, '$.fan', json_set(
            coalesce(json_extract(@dj_state, '$.fan'), json_object()),
            -- A frame whose keys were all of a cancelled job has none left.
            concat('$."', @dj_node_no, '"'), @dj_here / greatest(1, @dj_count)
        ));
        SET @dj_here = @dj_here + v_rows;
        CALL deletion_pop();
    ELSE
        SET @dj_frame = @dj_keys;
        CALL deletion_execute(@dj_plan_id, @dj_edge_no, 'left');
        SET @dj_keys = json_merge_preserve(@dj_answer, coalesce(v_gone, json_array()));
        SET @dj_count = json_length(@dj_keys), @dj_is_dirty = TRUE;
        CALL deletion_left_over();
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_recover.sql
-- deletion_recover
-- Take back the jobs of runs whose worker is gone, and those that finish had to leave.
--
-- Writes      deletion_runs, deletion_attempts, deletion_jobs, deletion_frames,
--             deletion_soft_keys                   Commits  yes
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
    CALL deletion_drop_soft_keys();
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
        WHEN json_contains_path(@dj_state, 'one', '$.careful') THEN 'fetch_beyond'
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
        IF v_is_self AND NOT @dj_waits AND @dj_count * 20 < least(2000, @dj_left) THEN
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

        CALL deletion_note_frame(@dj_node_no, @dj_edge_no, @dj_keys, TRUE);

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
    -- Parted once: a statement that read the whole frame would do so for each of its levels.
    DECLARE v_levels JSON DEFAULT (
        SELECT json_objectagg(g.l, g.level_keys)
        FROM (
            SELECT k.l, json_arrayagg(k.o) AS level_keys
            FROM json_table(@dj_keys, '$[*]' COLUMNS (  -- noqa: CP02
                l INT PATH '$.l',  -- noqa: PRS
                o JSON PATH '$'
            )) AS k
            GROUP BY k.l
        ) AS g
    );
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
        CALL deletion_part();

        -- Prepared once: a chain has as many levels as rows.
        SET @dj_sql = (
            SELECT s.sql_text
            FROM deletion_plan_steps AS s FORCE INDEX (idx_dps_edge)
            WHERE
                s.plan_id = @dj_plan_id AND s.edge_no = @dj_edge_no AND s.kind = 'remove_level'
        );
        PREPARE dj_stmt FROM @dj_sql;

        WHILE v_level >= 0 DO
            SET @dj_frame = json_extract(v_levels, concat('$."', v_level, '"'));
            SET v_level = v_level - 1;
            EXECUTE dj_stmt USING @dj_frame;
            SET v_rows = v_rows + row_count();
        END WHILE;

        DEALLOCATE PREPARE dj_stmt;

        IF v_rows <> v_found THEN
            SIGNAL SQLSTATE '40001'
                SET MESSAGE_TEXT = 'rows under lock were not there to be deleted';
        END IF;

        CALL deletion_count(@dj_edge_no, 'delete', v_rows, @dj_keys);
        SET @dj_here = @dj_here + v_rows;
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
-- Its rows go level by level, since one statement would meet parents before their children. Many
-- rows a frame: each frame is held, and looked at, in statements of its own.

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
        SET @dj_frame = @dj_keys, @dj_limit = least(2000, @dj_left);
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
    DECLARE v_node_no INT DEFAULT @dj_node_no;
    DECLARE v_here BIGINT DEFAULT @dj_here;

    -- Other jobs' rows have not had their turn: what is set last in theirs is not set yet.
    IF @dj_edge_no = 0 THEN
        SET @dj_state = json_remove(@dj_state, '$.last');
    END IF;

    CALL deletion_note_frame(@dj_node_no, @dj_edge_no, @dj_keys, FALSE);
    DELETE FROM deletion_frames WHERE run_id = @dj_run_id AND depth = @dj_depth;
    SET @dj_locks = replace(@dj_locks, concat(',', @dj_depth, ','), ',');
    CALL deletion_load_frame();

    -- What went below a row went below its parent as well. Rows of one table that refer to each
    -- other are counted level by level: there few have as much below them as those on top.
    IF @dj_depth IS NOT NULL AND @dj_node_no <> v_node_no AND v_here > 0 THEN
        SET @dj_here = @dj_here + v_here, @dj_is_dirty = TRUE;
    END IF;
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
    ELSEIF NOT p_hard AND NOT deletion_has_soft_column(p_entity_table) THEN
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
-- Preparing a statement checks the rights on its tables and columns, and touches no row. Where
-- rights are held on whole tables, one statement that locks, sets or deletes stands for all that do
-- the same to the same table: a plan of hundreds of tables has thousands of them. Of a schema that
-- is READ ONLY the server says so only when a statement is run: the catalog is asked.

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02
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
    DECLARE v_by_column BOOLEAN DEFAULT
        EXISTS (
            SELECT 1
            FROM information_schema.column_privileges AS c
            WHERE c.grantee = '\'deletion_jobs_owner\'@\'localhost\''
        )
        OR EXISTS (SELECT 1 FROM information_schema.role_column_grants);
    DECLARE c_step CURSOR FOR
        SELECT s.sql_text
        FROM deletion_plan_steps AS s
        -- What is kept is read by previews alone; what looks at holds reads tables of other steps.
        WHERE
            s.plan_id = p_plan_id
            AND s.sql_text IS NOT NULL
            AND coalesce(s.action, '') <> 'keep'
            AND s.kind NOT IN ('held', 'climb', 'climb_root', 'live')
            AND (
                v_by_column
                OR s.step_no IN (
                    SELECT coalesce(
                        -- Who may lock rows may read them.
                        min(if(o.sql_text LIKE '%\nFOR % OF x%', o.step_no, NULL)), min(o.step_no)
                    )
                    FROM deletion_plan_steps AS o
                    WHERE
                        o.plan_id = p_plan_id
                        AND o.sql_text IS NOT NULL
                        AND coalesce(o.action, '') <> 'keep'
                        AND o.kind NOT IN ('held', 'climb', 'climb_root', 'live')
                    GROUP BY o.table_name, left(o.sql_text, 6)
                )
            )
        ORDER BY s.step_no;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    OPEN c_step;

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

        FETCH c_step INTO v_sql;

        WHILE NOT v_is_done DO
            -- Not executed: the tables behind its foreign keys need not be opened for it.
            SET @dj_sql = if(
                left(v_sql, 7) = 'DELETE ',
                insert(v_sql, 7, 0, ' /*+ SET_VAR(foreign_key_checks = 0) */'),
                v_sql
            );
            PREPARE dj_stmt FROM @dj_sql;
            DEALLOCATE PREPARE dj_stmt;
            FETCH c_step INTO v_sql;
        END WHILE;
    END;

    CLOSE c_step;

    IF p_error IS NULL THEN
        SELECT concat('HY000: Schema ''', min(e.schema_name), ''' is in read only mode.')
        INTO p_error
        FROM deletion_plans AS p
        INNER JOIN
            json_table(
                p.tables, '$[*]' COLUMNS (
                    s VARCHAR(64) CHARACTER SET utf8mb3 COLLATE utf8mb3_bin PATH '$.s'
                )
            ) AS t
        STRAIGHT_JOIN information_schema.schemata_extensions AS e ON e.schema_name = t.s
        WHERE
            p.plan_id = p_plan_id
            AND e.options LIKE '%READ ONLY=1%'
            -- What is only read, as behind keep, may be in such a schema.
            AND EXISTS (
                SELECT 1
                FROM deletion_plan_steps AS o
                WHERE
                    o.plan_id = p_plan_id
                    AND left(o.sql_text, 7) IN ('DELETE ', 'UPDATE ')
                    AND left(
                        deletion_quote_path(o.table_name),
                        char_length(deletion_quote_name(e.schema_name)) + 1
                    ) = concat(deletion_quote_name(e.schema_name), '.')
            );
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
        p.has_waits OR json_contains_path(r.state, 'one', '$.careful'),
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
    CALL deletion_note_stack();
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
    DECLARE v_next INT DEFAULT (
        SELECT min(s.set_order)
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = @dj_plan_id
            AND s.set_order > coalesce(json_extract(@dj_state, '$.last'), 0)
    );

    IF @dj_changed <= @dj_pass AND json_contains_path(@dj_state, 'one', '$.careful') THEN
        CALL deletion_open_circle();
    END IF;

    IF @dj_changed > @dj_pass OR @dj_left = 0 THEN
        -- Something went in this pass, so more may go in the next.
        SET @dj_idle = 0;
    ELSEIF @dj_waits AND @dj_edge_no <> 0 THEN
        -- Rows wait for others that hang from elsewhere in the closure: those come first.
        SET v_is_popped = TRUE;
        CALL deletion_pop();
    ELSEIF @dj_waits AND NOT json_contains_path(@dj_state, 'one', '$.set') THEN
        -- All that could go is gone: what still refers to rows of the closure survives, and is set.
        SET @dj_state = json_set(@dj_state, '$.set', TRUE), @dj_idle = 0;
    ELSEIF
        json_contains_path(@dj_state, 'one', '$.careful')
        AND NOT json_contains_path(@dj_state, 'one', '$.together')
    THEN
        -- What is left goes in circles, or lies above one.
        SET @dj_state = json_set(@dj_state, '$.together', TRUE), @dj_idle = 0;
    ELSEIF v_next IS NOT NULL THEN
        -- No row that would not be found any more is left to be found.
        SET @dj_state = json_set(@dj_state, '$.last', v_next), @dj_idle = 0;
    ELSEIF @dj_count = json_length(json_extract(@dj_keys, '$[*].m')) THEN
        -- Roots that were gone before, and now all that hung from them.
        SET v_is_popped = TRUE;
        CALL deletion_pop();
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
        -- A pooled session may keep the lock after a KILL QUERY: then it sleeps. A server
        -- without performance_schema cannot tell; there the lock alone counts.
        AND (
            NOT @@GLOBAL.performance_schema
            OR EXISTS (
                SELECT 1
                FROM performance_schema.threads AS t
                WHERE t.processlist_id = p_session_id AND t.processlist_command <> 'Sleep'
            )
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
-- Errors      40001 the session hides one of the plan's tables behind a temporary one
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
    -- Another session has no such table: the jobs wait for it.
    DECLARE EXIT HANDLER FOR 1137
    BEGIN
        DECLARE v_message LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

        GET STACKED DIAGNOSTICS CONDITION 1 v_message = MESSAGE_TEXT;
        SET v_message = left(concat(
            'a temporary table of the session hides one of the plan (', v_message, ')'
        ), 128);
        SIGNAL SQLSTATE '40001' SET MESSAGE_TEXT = v_message;
    END;

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
-- Binds @dj_frame (keys, roots), @dj_limit, @dj_cursor, @dj_walk_id, @dj_stack, @dj_place,
-- @dj_last and @dj_after as the kind of step takes them; answers in @dj_answer, @dj_rows and
-- @dj_last.

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
        FROM deletion_plan_steps AS s FORCE INDEX (idx_dps_edge)
        WHERE s.plan_id = p_plan_id AND s.edge_no = p_edge_no AND s.kind = p_kind
    );
    SET @dj_answer = NULL, @dj_rows = 0;
    PREPARE dj_stmt FROM @dj_sql;

    CASE
        WHEN p_kind = 'fetch_levels' THEN
            EXECUTE dj_stmt USING @dj_frame, @dj_frame, @dj_limit;
        WHEN p_kind = 'look_levels' THEN EXECUTE dj_stmt USING @dj_frame, @dj_frame;
        WHEN p_kind IN ('fetch', 'expand', 'count', 'count_one', 'drain') THEN
            EXECUTE dj_stmt USING @dj_frame, @dj_limit;
            SET @dj_rows = if(p_kind = 'drain', row_count(), @dj_rows);
        WHEN p_kind = 'find' THEN
            EXECUTE dj_stmt USING @dj_frame, @dj_place, @dj_after, @dj_limit;
        WHEN p_kind = 'drain_found' THEN
            EXECUTE dj_stmt USING @dj_frame, @dj_place, @dj_after, @dj_last, @dj_limit;
            SET @dj_rows = row_count();
        WHEN p_kind IN ('sweep', 'remove', 'remove_now', 'set') THEN
            EXECUTE dj_stmt USING @dj_frame;
            SET @dj_rows = row_count();
        WHEN p_kind = 'fetch_beyond' THEN
            EXECUTE dj_stmt USING @dj_cursor, @dj_frame, @dj_run_id, @dj_limit;
        WHEN p_kind = 'break' THEN
            EXECUTE dj_stmt USING @dj_frame, @dj_run_id, @dj_run_id, @dj_limit;
        WHEN p_kind = 'break_look' THEN EXECUTE dj_stmt USING @dj_frame, @dj_run_id, @dj_run_id;
        WHEN p_kind = 'give_up' THEN EXECUTE dj_stmt USING @dj_frame, @dj_stack, @dj_limit;
        WHEN p_kind = 'give_look' THEN EXECUTE dj_stmt USING @dj_frame, @dj_stack;
        WHEN p_kind = 'own_break' THEN EXECUTE dj_stmt USING @dj_frame, @dj_limit;
        WHEN p_kind = 'change_rows' THEN
            EXECUTE dj_stmt USING @dj_limit;
            SET @dj_rows = row_count();
        WHEN p_kind IN ('fetch_more', 'spread') THEN
            EXECUTE dj_stmt USING @dj_cursor, @dj_frame, @dj_limit;
        WHEN p_kind = 'climb_root' THEN EXECUTE dj_stmt USING @dj_frame, @dj_cursor;
        WHEN p_kind = 'size' THEN EXECUTE dj_stmt USING @dj_limit;
        WHEN p_kind IN ('cycle', 'own', 'default') THEN EXECUTE dj_stmt USING @dj_walk_id;
        WHEN p_kind = 'ring' THEN
            EXECUTE dj_stmt USING @dj_walk_id, @dj_walk_id;
            SET @dj_rows = row_count();
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
-- Writes      deletion_runs, deletion_frames, deletion_walk_keys, deletion_walk_links
-- Commits     no
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
    DELETE FROM deletion_walk_links WHERE walk_id = p_run_id;
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
-- Errors      40001 a caller holds the attempt of one
-- Writes      deletion_frames, deletion_walk_keys, deletion_walk_links     Commits  no
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
    DECLARE v_open BIGINT;  -- noqa: PRS

    -- How their attempts ended is written before; a caller that holds one, to cancel it, may let go
    -- of it yet: then the run would end as done, and the job with it.
    -- Into a variable: inside an IF the same look would lock, and wait for that caller.
    SELECT count(*)
    INTO v_open
    FROM json_table(p_jobs, '$[*]' COLUMNS (j BIGINT UNSIGNED PATH '$')) AS e
    STRAIGHT_JOIN deletion_attempts AS a FORCE INDEX (PRIMARY)
        ON a.job_id = e.j AND a.run_id = p_run_id
    WHERE a.outcome IS NULL AND a.cancel_requested_at IS NULL;

    IF v_open > 0 THEN
        SIGNAL SQLSTATE '40001'
            SET MESSAGE_TEXT = 'a caller holds the attempt of a job that has ended';
    END IF;

    DELETE w
    FROM json_table(p_jobs, '$[*]' COLUMNS (j BIGINT UNSIGNED PATH '$')) AS e
    STRAIGHT_JOIN deletion_walk_keys AS w FORCE INDEX (PRIMARY)
        ON w.walk_id = p_run_id AND w.job_id = e.j;

    DELETE l
    FROM json_table(p_jobs, '$[*]' COLUMNS (j BIGINT UNSIGNED PATH '$')) AS e
    STRAIGHT_JOIN deletion_walk_links AS l FORCE INDEX (PRIMARY)
        ON l.walk_id = p_run_id AND l.job_id = e.j;

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
--             p_action    delete, set_null, set_default or scrub
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

        -- Of a table that no reference sets no row was counted before.
        IF @dj_waits AND p_action = 'delete' AND p_counted IS NOT NULL AND EXISTS (
            SELECT 1
            FROM deletion_plan_steps AS s FORCE INDEX (idx_dps_edge)
            WHERE s.plan_id = @dj_plan_id AND s.kind = 'set' AND s.table_name = v_table
        ) THEN
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
-- Writes      deletion_runs, deletion_frames, deletion_walk_keys, deletion_walk_links,
--             deletion_soft_keys, deletion_attempts, deletion_jobs     Commits  no
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
looking: BEGIN
    DECLARE v_plan_id BIGINT UNSIGNED;
    DECLARE v_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_can_block, v_is_walking, v_is_climbing, v_is_placing, v_is_back, v_is_over,
        v_hard, v_fits BOOLEAN;
    DECLARE v_max_rows BIGINT;
    DECLARE v_held, v_turn JSON;
    DECLARE v_held_state VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SELECT
        r.plan_id,
        p.can_block,
        coalesce(t.max_rows, deletion_setting_int('max_rows')),
        json_contains_path(r.state, 'one', '$.walk'),
        json_contains_path(r.state, 'one', '$.climb'),
        coalesce(json_contains_path(r.state, 'one', '$.place'), FALSE),
        json_extract(r.state, '$.place'),
        coalesce(json_extract(r.state, '$.is_back') = TRUE, FALSE),
        r.hard_delete
    INTO
        v_plan_id, v_can_block, v_max_rows, v_is_walking, v_is_climbing,
        v_is_placing, v_turn, v_is_back, v_hard
    FROM deletion_runs AS r
    INNER JOIN deletion_plans AS p ON p.plan_id = r.plan_id
    INNER JOIN deletion_targets AS t ON t.entity_table = r.entity_table
    WHERE r.run_id = p_run_id;

    SET p_state = 'more';

    IF v_is_climbing THEN
        CALL deletion_check_holds(p_run_id, v_plan_id, v_is_over);

        IF NOT v_is_over THEN
            LEAVE looking;
        END IF;
    ELSEIF NOT coalesce(v_is_walking, FALSE) THEN
        CALL deletion_guard(v_plan_id, FALSE, v_fits);
        CALL deletion_missing_privilege(v_plan_id, v_error);

        IF v_error IS NULL THEN
            CALL deletion_hidden_table(v_plan_id, v_error);
        END IF;

        IF v_error IS NULL THEN
            CALL deletion_unindexed(v_plan_id, v_error);
        END IF;

        SET v_error = coalesce(v_error, deletion_lost_hold());

        IF v_error IS NULL THEN
            CALL deletion_find_roots(p_run_id, v_plan_id);
            CALL deletion_spare_live(p_run_id, v_plan_id);
            -- Held rows are few: what they hang from is looked at first.
            CALL deletion_mind_holds(p_run_id, v_held, v_held_state);
        ELSEIF EXISTS (
            SELECT 1
            FROM deletion_runs AS r
            WHERE
                r.run_id = p_run_id
                AND deletion_fresh_plan(r.entity_table, r.hard_delete) = r.plan_id
        ) THEN
            CALL deletion_settle(p_run_id, NULL, 'failed', v_error, TRUE, NULL);
            CALL deletion_end_run(p_run_id, 'failed', v_error);
            SET p_state = 'ended';
        ELSE
            -- The statements met another catalog than they were written for.
            CALL deletion_settle(p_run_id, NULL, 'returned', NULL, FALSE, NULL);
            CALL deletion_end_run(
                p_run_id, 'returned', 'the catalog changed; the plan is compiled anew'
            );
            SET p_state = 'ended';
        END IF;

        IF v_held_state IS NOT NULL THEN
            SET p_state = v_held_state;
            LEAVE looking;
        END IF;
    END IF;

    IF
        p_state = 'more' AND NOT v_is_back AND NOT coalesce(v_is_walking, FALSE)
        AND (v_can_block OR v_max_rows IS NOT NULL)
    THEN
        CALL deletion_seed_walk(
            p_run_id, (SELECT f.`keys` FROM deletion_frames AS f WHERE f.run_id = p_run_id)
        );
        UPDATE deletion_runs AS r
        SET r.state = if(
            v_is_climbing,
            json_object('walk', TRUE, 'held', json_extract(r.state, '$.held')),
            '{"walk": true}'
        )
        WHERE r.run_id = p_run_id;
        SET v_is_walking = TRUE;
    END IF;

    IF p_state = 'more' AND v_is_walking THEN
        IF NOT v_is_placing THEN
            CALL deletion_walk_on(p_run_id, v_plan_id, v_max_rows, v_is_over);
        END IF;

        IF v_is_over THEN
            CALL deletion_walk_verdict(p_run_id, v_plan_id);
        END IF;

        IF v_is_placing OR (
            v_is_over
            AND EXISTS (SELECT 1 FROM deletion_walk_links AS l WHERE l.walk_id = p_run_id)
        ) THEN
            CALL deletion_place(p_run_id, v_plan_id, v_turn, v_is_over);
            UPDATE deletion_runs AS r
            SET r.state = json_set(r.state, '$.place', v_turn)
            WHERE r.run_id = p_run_id;
        END IF;

        IF v_is_over THEN
            CALL deletion_fail_circles(p_run_id, v_plan_id);
            DELETE FROM deletion_walk_keys WHERE walk_id = p_run_id;
            DELETE FROM deletion_walk_links WHERE walk_id = p_run_id AND NOT is_let_go;
        END IF;
    END IF;

    IF
        p_state = 'more'
        AND NOT EXISTS (
            SELECT 1 FROM deletion_frames AS f WHERE f.run_id = p_run_id AND f.key_count > 0
        )
        -- Soft jobs that have begun have no frames.
        AND NOT (v_is_back AND NOT v_hard AND EXISTS (
            SELECT 1 FROM deletion_attempts AS a WHERE a.run_id = p_run_id AND a.outcome IS NULL
        ))
    THEN
        CALL deletion_end_run(p_run_id, 'failed', NULL);
        SET p_state = 'ended';
    ELSEIF p_state = 'more' AND (v_is_over OR NOT v_is_walking) THEN
        IF NOT v_hard AND NOT v_is_back THEN
            CALL deletion_soft_start(p_run_id, v_plan_id);
        END IF;

        UPDATE deletion_runs AS r
        INNER JOIN deletion_plans AS p ON p.plan_id = r.plan_id
        SET
            r.phase = 'advance',
            r.state = if(v_is_back, json_remove(r.state, '$.climb', '$.is_back'), json_merge_patch(
                if(p.fan_out IS NULL, json_object(), json_object('fan', p.fan_out)),
                -- What is NULL in a patch is left out.
                json_object('held', json_extract(coalesce(r.state, json_object()), '$.held')),
                if(
                    json_contains_path(r.state, 'one', '$.careful')
                    OR EXISTS (
                        SELECT 1
                        FROM deletion_plan_steps AS s
                        WHERE s.plan_id = p.plan_id AND s.kind = 'circle'
                    ),
                    json_object('careful', TRUE),
                    json_object()
                )
            ))
        WHERE r.run_id = p_run_id;
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_change.sql
-- deletion_change
-- Delete, or set, rows that hang from the present frame: found, locked, counted by job, changed.
--
-- Parameters  p_edge_no   the reference            p_action   cascade, set_null,
--                                                              set_default or scrub
-- Errors      JD006 rows still point where they pointed; JD007 as deletion_give_up; 40001 rows
--             changed in between
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
changing: BEGIN
    DECLARE v_found, v_rows BIGINT;
    DECLARE v_left BIGINT DEFAULT @dj_left;
    DECLARE v_counted LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    IF p_action = 'set_default' THEN
        CALL deletion_give_up(p_edge_no);

        -- There may be more of them.
        IF @dj_left < v_left THEN
            LEAVE changing;
        END IF;
    END IF;

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
-- Writes      deletion_jobs, deletion_attempts, deletion_runs, deletion_walk_keys,
--             deletion_soft_keys                   Commits  no
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
        'j', v.j, 'n', v.n, 'outcome', v.outcome, 'error', v.error, 'status', CASE
            -- A harder mode was asked for meanwhile: the job is due again.
            WHEN v.outcome = 'done' AND (v.is_harder OR v.purge_after IS NOT NULL) THEN 'pending'
            WHEN v.outcome IN ('done', 'failed', 'cancelled') THEN v.outcome
            WHEN v.is_counted AND v.counted >= v_max_attempts THEN 'failed'
            ELSE 'pending'
        END,
        'counted', v.counted, 'is_counted', v.is_counted, 'alone', v.alone_next,
        'purge_after', if(v.is_harder, NULL, v.purge_after)
    ))
    INTO v_verdict
    FROM (
        SELECT
            e.j, e.n, a.outcome, a.error, a.alone_next, a.is_counted,
            j.hard_delete AND NOT r.hard_delete AS is_harder,
            if(a.outcome = 'done' AND NOT r.hard_delete, (
                SELECT s.purge_after_seconds
                FROM deletion_targets AS t
                INNER JOIN deletion_soft_columns AS s
                    ON s.table_schema = t.table_schema AND s.table_name = t.table_name
                WHERE t.entity_table = r.entity_table
            ), NULL) AS purge_after,
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
        alone BOOLEAN PATH '$.alone',
        purge_after BIGINT PATH '$.purge_after'
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
            -- Its grace is over then: the same job comes back, and removes the rows.
            WHEN v.outcome = 'done' AND v.purge_after IS NOT NULL
                THEN timestampadd(SECOND, v.purge_after, utc_timestamp(6))
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
        j.hard_delete = j.hard_delete OR (v.outcome = 'done' AND v.status = 'pending'),
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

    IF EXISTS (SELECT 1 FROM deletion_runs AS r WHERE r.run_id = p_run_id AND NOT r.hard_delete) THEN
        -- Nobody asked for the removal: it will ask whether the row is live again.
        UPDATE json_table(v_verdict, '$[*]' COLUMNS (
            j BIGINT UNSIGNED PATH '$.j', n INT PATH '$.n',
            outcome VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.outcome',
            purge_after BIGINT PATH '$.purge_after'
        )) AS e
        STRAIGHT_JOIN deletion_attempts AS a FORCE INDEX (PRIMARY)
            ON
                a.job_id = e.j
                AND a.attempt_no = e.n
                AND e.outcome = 'done'
                AND e.purge_after IS NOT NULL
        SET a.purge_follows = TRUE;

        DELETE k
        FROM json_table(v_verdict, '$[*]' COLUMNS (
            j BIGINT UNSIGNED PATH '$.j',
            status VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.status'
        )) AS e
        STRAIGHT_JOIN deletion_soft_keys AS k FORCE INDEX (PRIMARY)
            ON k.job_id = e.j AND e.status <> 'pending';
    END IF;
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
    DECLARE v_fits, v_is_empty, v_hard, v_is_untouched, v_has_climbed BOOLEAN;
    DECLARE v_held JSON;
    DECLARE v_held_state VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
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

    SELECT
        r.plan_id, r.started_at, r.step_count, r.hard_delete,
        r.rows_changed = 0,
        r.retries > 0 AND r.retries <= coalesce(json_extract(r.state, '$.held_retries'), 0)
    INTO v_plan_id, v_started_at, v_step_count, v_hard, v_is_untouched, v_has_climbed
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
        CALL deletion_mind_holds(p_run_id, v_held, v_held_state);

        IF v_held_state IS NOT NULL THEN
            SET v_is_empty = FALSE;
        ELSEIF v_hard THEN
            IF v_is_untouched THEN
                CALL deletion_spare_live(p_run_id, v_plan_id);
            END IF;

            CALL deletion_advance(p_run_id, v_is_empty);
        ELSE
            CALL deletion_soft_advance(p_run_id, v_is_empty);
        END IF;

        IF v_held_state IS NULL AND json_length(v_held) > 0 THEN
            CALL deletion_see_holds(p_run_id, v_plan_id, v_held, v_has_climbed);
        END IF;

        IF v_held_state IS NOT NULL THEN
            SET p_state = v_held_state;
        ELSEIF v_is_empty THEN
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
    DECLARE v_is_leaf, v_drains, v_sweeps, v_finds, v_is_swept BOOLEAN;
    DECLARE v_passed INT DEFAULT 0;
    DECLARE v_goes_on BOOLEAN DEFAULT TRUE;
    DECLARE v_until DATETIME(6);
    DECLARE v_started DATETIME(6) DEFAULT utc_timestamp(6);
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_edge_no = NULL;

    CALL deletion_load_walk(p_run_id);
    -- As long as it took to hold a deep stack the step works on: else it would do little more.
    SET v_until = timestampadd(
        MICROSECOND,
        greatest(
            1000 * deletion_setting_int('batch_ms'),
            timestampdiff(MICROSECOND, v_started, utc_timestamp(6))
        ),
        utc_timestamp(6)
    );

    -- Roots that go in this transaction with all below them are locked first: then no reference
    -- that was emptied has to be looked at once more.
    IF
        @dj_edge_no = 0
        AND @dj_pos = 0
        AND @dj_here = 0
        AND @dj_count * (1 + cast(json_extract(@dj_state, '$.fan."0"') AS DOUBLE)) <= @dj_left
        AND NOT json_contains_path(@dj_keys, 'one', '$[*].m')
    THEN
        CALL deletion_lock_frame();
    END IF;

    WHILE v_goes_on AND @dj_depth IS NOT NULL DO
        -- The next reference of the frame's table that has something to do in this phase.
        SELECT
            s.edge_no, s.node_no, s.action, s.is_leaf,
            EXISTS (  -- noqa: CP03,LT06
                SELECT 1
                FROM deletion_plan_steps AS d FORCE INDEX (idx_dps_edge)
                WHERE d.plan_id = s.plan_id AND d.edge_no = s.edge_no AND d.kind = 'drain'
            ),
            EXISTS (  -- noqa: CP03,LT06
                SELECT 1
                FROM deletion_plan_steps AS d FORCE INDEX (idx_dps_edge)
                WHERE d.plan_id = s.plan_id AND d.edge_no = s.edge_no AND d.kind = 'sweep'
            ),
            -- A frame with many rows below each of its own: from the start each batch would be
            -- read again and again.
            @dj_here >= 4 * @dj_batch
            AND @dj_here >= @dj_count * @dj_batch / 4
            AND EXISTS (  -- noqa: CP03,LT06
                SELECT 1
                FROM deletion_plan_steps AS d FORCE INDEX (idx_dps_edge)
                WHERE d.plan_id = s.plan_id AND d.edge_no = s.edge_no AND d.kind = 'find'
            )
        INTO v_edge_no, v_node_no, v_action, v_is_leaf, v_drains, v_sweeps, v_finds
        FROM deletion_plan_steps AS s FORCE INDEX (idx_dps_parent)
        WHERE
            s.plan_id = @dj_plan_id
            AND s.parent_node_no = @dj_node_no
            AND s.kind = 'fetch'
            AND s.edge_no > @dj_pos
            AND s.action <> 'restrict'
            AND (
                s.action = 'cascade'
                OR NOT s.waits
                OR (
                    json_contains_path(@dj_state, 'one', '$.set')
                    AND s.set_order <= coalesce(json_extract(@dj_state, '$.last'), 0)
                )
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
        ELSEIF v_finds AND NOT @dj_is_locked THEN
            CALL deletion_drain_wide(v_edge_no);
        ELSEIF v_drains AND @dj_job_id IS NOT NULL THEN
            CALL deletion_drain(v_edge_no);
        ELSEIF EXISTS (
            SELECT 1
            FROM deletion_plan_steps AS s
            WHERE s.plan_id = @dj_plan_id AND s.edge_no = v_edge_no AND s.kind = 'change_rows'
        ) THEN
            CALL deletion_change_rows(v_edge_no, v_action);
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
--             p_action       delete, set_null, set_default, scrub or root_not_found
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
    DECLARE v_safe BOOLEAN DEFAULT @@SESSION.sql_safe_updates;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        SET SESSION sql_safe_updates = v_safe;
        RESIGNAL;
    END;

    SET v_entity_table = deletion_target_name(p_table);

    IF p_table IS NULL THEN
        CALL deletion_raise('JD002', p_verb, 'p_table is NULL', NULL);
    ELSEIF v_entity_table IS NULL THEN
        CALL deletion_raise('JD004', p_verb, 'table is no target', p_table);
    END IF;

    -- A caller's safe mode refuses joins of tables that are small, whatever keys they use.
    SET SESSION sql_safe_updates = 0;
    CALL deletion_compile(v_entity_table, TRUE, p_plan_id);
    SET SESSION sql_safe_updates = v_safe;

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

        IF p_hard THEN
            CALL deletion_plan_graph(p_plan_id, p_entity_table, v_code, v_error);
        ELSE
            CALL deletion_soft_graph(p_plan_id, p_entity_table, v_code, v_error);
        END IF;

        IF v_code IS NULL AND p_hard THEN
            CALL deletion_write_plan(p_plan_id);
            CALL deletion_write_circles(p_plan_id);
        ELSEIF v_code IS NULL THEN
            CALL deletion_write_soft_plan(p_plan_id);
        END IF;

        IF v_code IS NULL THEN
            CALL deletion_write_holds(p_plan_id);
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
            -- Nothing blocks a mark.
            p.can_block = p_hard AND EXISTS (  -- noqa: CP03,LT06
                SELECT 1
                FROM deletion_plan_edges AS e
                WHERE
                    e.plan_id = p_plan_id
                    AND (
                        e.in_check
                        OR (
                            e.action = 'cascade'
                            AND e.parent_node_no = e.child_node_no
                            AND NOT e.is_circular
                        )
                        OR (e.is_refused AND e.break_list IS NULL)
                    )
            ),
            p.has_waits = EXISTS (  -- noqa: CP03,LT06
                SELECT 1
                FROM deletion_plan_edges AS e
                WHERE e.plan_id = p_plan_id AND (e.waits OR e.is_circular)
            )
        WHERE p.plan_id = p_plan_id;

        DELETE FROM deletion_plan_edges WHERE plan_id = p_plan_id;
        DELETE FROM deletion_plan_nodes WHERE plan_id = p_plan_id;
        DELETE FROM deletion_node_columns WHERE plan_id = p_plan_id;
        DELETE FROM deletion_node_indexes WHERE plan_id = p_plan_id;
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
    DECLARE v_step_no INT;
    DECLARE v_waits BOOLEAN;

    -- Where foreign keys alone lead on, and no row waits for another, what is emptied under its
    -- parents' lock stays empty: no second look is needed (remove_now).
    SET v_waits = coalesce((
        SELECT max(e.waits OR e.is_circular)
        FROM deletion_plan_edges AS e
        WHERE e.plan_id = p_plan_id
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
            WHEN 'live' THEN deletion_sql_live(p_plan_id)
            ELSE deletion_sql_rows(p_plan_id, 0, k.kind)
        END
    FROM deletion_plan_nodes AS n
    CROSS JOIN json_table(
        '["guard", "roots", "live", "hold", "lock", "look", "free", "remove", "remove_now", "left"]',  -- noqa: LT05
        '$[*]' COLUMNS (  -- noqa: CP02
            step_no FOR ORDINALITY,  -- noqa: PRS
            kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'
        )
    ) AS k
    WHERE
        n.plan_id = p_plan_id
        AND n.node_no = 0
        AND (k.kind <> 'live' OR deletion_sql_live(p_plan_id) IS NOT NULL)
        AND (
            k.kind <> 'remove_now'
            OR NOT (
                v_waits
                OR EXISTS (
                    SELECT 1
                    FROM deletion_plan_edges AS b FORCE INDEX (uq_dpe_reference)
                    WHERE
                        b.plan_id = p_plan_id
                        AND b.parent_node_no = 0
                        AND b.action <> 'keep'
                        AND (b.action <> 'cascade' OR b.is_declared)
                )
            )
        );

    SET v_step_no = (
        SELECT max(s.step_no) FROM deletion_plan_steps AS s WHERE s.plan_id = p_plan_id
    );

    INSERT INTO deletion_plan_steps (
        plan_id, step_no, kind, node_no, parent_node_no, edge_no, table_name, reference_name,
        action, is_leaf, waits, set_order, in_check, index_name, sql_text
    )
    SELECT
        p_plan_id, k.step_no, k.kind, e.child_node_no, e.parent_node_no, e.edge_no,
        n.display_name, e.reference_name, e.action, e.is_leaf, e.waits, e.set_order, e.in_check,
        e.index_name,
        CASE k.kind
            WHEN 'parent_row' THEN deletion_sql_change_rows(p_plan_id, e.edge_no, k.kind)
            WHEN 'change_rows' THEN deletion_sql_change_rows(p_plan_id, e.edge_no, k.kind)
            WHEN 'fetch' THEN deletion_sql_fetch(p_plan_id, e.edge_no, FALSE, NULL)
            WHEN 'fetch_more' THEN deletion_sql_fetch(p_plan_id, e.edge_no, TRUE, NULL)
            WHEN 'drain' THEN deletion_sql_drain(p_plan_id, e.edge_no)
            WHEN 'find' THEN deletion_sql_find(p_plan_id, e.edge_no, k.kind)
            WHEN 'drain_found' THEN deletion_sql_find(p_plan_id, e.edge_no, k.kind)
            WHEN 'expand' THEN deletion_sql_levels(p_plan_id, e.edge_no, k.kind)
            WHEN 'fetch_levels' THEN deletion_sql_levels(p_plan_id, e.edge_no, k.kind)
            WHEN 'look_levels' THEN deletion_sql_levels(p_plan_id, e.edge_no, k.kind)
            WHEN 'remove_level' THEN deletion_sql_levels(p_plan_id, e.edge_no, k.kind)
            WHEN 'count' THEN deletion_sql_sweep(p_plan_id, e.edge_no, k.kind)
            WHEN 'count_one' THEN deletion_sql_sweep(p_plan_id, e.edge_no, k.kind)
            WHEN 'sweep' THEN deletion_sql_sweep(p_plan_id, e.edge_no, k.kind)
            WHEN 'cycle' THEN deletion_sql_cycle(p_plan_id, e.edge_no, k.kind)
            WHEN 'ring' THEN deletion_sql_cycle(p_plan_id, e.edge_no, k.kind)
            WHEN 'own' THEN deletion_sql_cycle(p_plan_id, e.edge_no, k.kind)
            WHEN 'link' THEN deletion_sql_link(p_plan_id, e.edge_no)
            WHEN 'default' THEN deletion_sql_default(p_plan_id, e.edge_no)
            WHEN 'part' THEN deletion_sql_part(p_plan_id, e.edge_no)
            WHEN 'size' THEN concat(
                'SELECT COUNT(*) INTO @dj_rows FROM (SELECT 1 FROM ', n.sql_name, ' LIMIT ?) AS q'  -- noqa: LT05
            )
            ELSE deletion_sql_rows(p_plan_id, e.edge_no, k.kind)
        END
    FROM (
        -- All places first: each statement is written once, and where it belongs.
        SELECT
            e.edge_no, k.kind,
            v_step_no + row_number() OVER (ORDER BY e.edge_no, k.place) AS step_no
        FROM deletion_plan_edges AS e
        INNER JOIN deletion_plan_nodes AS n
            ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
        INNER JOIN json_table(
            '["fetch", "fetch_more", "size", "default", "cycle", "ring", "own", "link", "drain",
            "count", "count_one", "sweep", "hold", "lock", "look", "free", "remove", "remove_now",
            "left", "set", "part", "expand", "fetch_levels", "look_levels", "remove_level", "find",
            "drain_found", "parent_row", "change_rows"]',
            '$[*]' COLUMNS (  -- noqa: CP02
                place FOR ORDINALITY,  -- noqa: PRS
                kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'
            )
        ) AS k
            ON CASE
                -- What is kept is read by previews alone.
                WHEN e.action = 'keep' THEN k.kind = 'fetch_more' AND e.on_frame IS NOT NULL
                WHEN k.kind IN ('fetch', 'fetch_more') THEN TRUE
                WHEN k.kind = 'size' THEN e.index_name IS NULL
                WHEN k.kind = 'default' THEN e.action = 'set_default'
                WHEN k.kind IN ('parent_row', 'change_rows') THEN
                    n.key_columns IS NULL AND e.action <> 'restrict'
                WHEN n.key_columns IS NULL THEN FALSE
                -- Rings that a NULL opens, those that nothing opens, and rows in their own way.
                WHEN k.kind IN ('cycle', 'ring') THEN
                    e.child_node_no = e.parent_node_no
                    AND NOT e.is_circular
                    AND e.action IN ('cascade', 'restrict')
                    AND (e.break_list IS NULL) = (k.kind = 'ring')
                WHEN k.kind = 'own' THEN
                    e.child_node_no = e.parent_node_no
                    AND e.is_refused
                    AND e.break_list IS NULL
                WHEN k.kind = 'link' THEN e.is_link
                WHEN k.kind = 'part' THEN e.is_refused AND e.break_list IS NOT NULL
                WHEN k.kind = 'set' THEN e.action IN ('set_null', 'set_default', 'scrub')
                WHEN k.kind = 'lock' THEN e.action <> 'restrict'
                WHEN k.kind = 'remove' THEN e.action = 'cascade'
                -- Rows that are set before they go have to be known one by one.
                WHEN k.kind = 'drain' THEN e.is_leaf AND NOT EXISTS (
                    SELECT 1
                    FROM deletion_plan_edges AS w FORCE INDEX (idx_dpe_child)
                    WHERE
                        w.plan_id = e.plan_id
                        AND w.child_node_no = e.child_node_no
                        AND w.waits
                        AND w.action <> 'restrict'
                )
                WHEN k.kind IN ('find', 'drain_found') THEN
                    e.is_leaf AND e.is_ordered AND NOT v_waits
                WHEN k.kind IN ('expand', 'fetch_levels', 'look_levels', 'remove_level') THEN
                    e.action = 'cascade'
                    AND e.parent_node_no = e.child_node_no
                    AND e.index_name IS NOT NULL
                    AND NOT v_waits
                WHEN k.kind IN ('count', 'count_one', 'sweep') THEN
                    e.is_leaf AND NOT e.is_declared AND e.index_name IS NOT NULL AND NOT v_waits
                WHEN k.kind = 'remove_now' THEN
                    e.action = 'cascade' AND NOT e.is_leaf AND NOT v_waits AND NOT EXISTS (
                        SELECT 1
                        FROM deletion_plan_edges AS b FORCE INDEX (uq_dpe_reference)
                        WHERE
                            b.plan_id = e.plan_id
                            AND b.parent_node_no = e.child_node_no
                            AND b.action <> 'keep'
                            AND (b.action <> 'cascade' OR b.is_declared)
                    )
                -- What has no children is not looked at again before it goes.
                ELSE e.action = 'cascade' AND NOT e.is_leaf
            END
        WHERE e.plan_id = p_plan_id
    ) AS k
    STRAIGHT_JOIN deletion_plan_edges AS e  -- noqa: PRS
        ON e.plan_id = p_plan_id AND e.edge_no = k.edge_no
    STRAIGHT_JOIN deletion_plan_nodes AS n
        ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no;
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
    DECLARE v_count INT DEFAULT 0;
    DECLARE v_is_grown BOOLEAN DEFAULT TRUE;
    DECLARE v_schema, v_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_key JSON;

    SELECT t.table_schema, t.table_name, t.key_columns
    INTO v_schema, v_table, v_key
    FROM deletion_targets AS t
    WHERE t.entity_table = p_entity_table;

    CALL deletion_plan_node(p_plan_id, v_schema, v_table, v_key, TRUE);

    -- A layer at a time: the server answers for hundreds of tables nearly as fast as for one.
    WHILE v_is_grown DO
        SET v_count = (
            SELECT count(*) FROM deletion_plan_nodes AS n WHERE n.plan_id = p_plan_id
        );
        CALL deletion_references_to(p_plan_id);
        -- A table's rows go with their parents' where a reference to those cascades.
        CALL deletion_plan_children(p_plan_id, TRUE);
        UPDATE deletion_plan_nodes AS n
        SET n.is_expanded = TRUE
        WHERE n.plan_id = p_plan_id AND n.node_no < v_count;
        SET v_is_grown = EXISTS (  -- noqa: CP03,LT06
            SELECT 1 FROM deletion_plan_nodes AS n WHERE n.plan_id = p_plan_id AND NOT n.is_expanded
        );
    END WHILE;

    CALL deletion_plan_kept(p_plan_id);
    CALL deletion_plan_children(p_plan_id, FALSE);
    CALL deletion_plan_catalog(p_plan_id);

    UPDATE deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS n
        ON
            n.plan_id = e.plan_id
            AND n.table_schema = e.child_schema
            AND n.table_name = e.child_table
    SET e.child_node_no = n.node_no
    WHERE e.plan_id = p_plan_id;

    SET p_error = deletion_misfit_problem(p_plan_id);

    IF p_error IS NULL THEN
        CALL deletion_plan_problem(p_plan_id, p_error);
    END IF;

    IF p_error IS NULL AND deletion_key_changed(p_entity_table) THEN
        SET p_error = concat(
            'the key of ', p_entity_table, ' has changed its type: register it again'
        );
    END IF;

    IF p_error IS NULL THEN
        CALL deletion_rule_problem(p_plan_id, p_error);
    END IF;

    IF p_error IS NULL THEN
        CALL deletion_plan_set_order(p_plan_id);
        CALL deletion_plan_ranks(p_plan_id);
        CALL deletion_plan_cycle(p_plan_id);
        CALL deletion_break_columns(p_plan_id);
        CALL deletion_plan_links(p_plan_id);
    ELSE
        SET p_code = 'JD005';
    END IF;

    IF p_error IS NULL THEN
        CALL deletion_plan_columns(p_plan_id);
        CALL deletion_plan_edges(p_plan_id);
        SELECT concat(
            'columns that cannot be compared exactly: ',
            group_concat(e.reference_name SEPARATOR ', ')  -- noqa: CP01
        )
        INTO p_error
        FROM deletion_plan_edges AS e
        WHERE e.plan_id = p_plan_id AND e.on_frame IS NULL AND e.action <> 'keep';
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
    DECLARE v_concerned, v_entered, v_above, v_parents, v_sets, v_defaults JSON;
    DECLARE v_edge_no, v_count INT DEFAULT 0;

    -- References of one table stand together: those that cascade, children first, then those that
    -- are scrubbed or set, then those that only block.
    UPDATE deletion_plan_edges AS e
    INNER JOIN (
        SELECT
            o.edge_no,
            row_number() OVER (
                ORDER BY
                    o.parent_node_no,
                    CASE o.action
                        WHEN 'cascade' THEN 0
                        -- What is to be scrubbed is not found any more when its columns are NULL.
                        WHEN 'scrub' THEN 1
                        WHEN 'restrict' THEN 3
                        WHEN 'keep' THEN 4
                        ELSE 2
                    END,
                    n.table_rank IS NULL, n.table_rank, n.display_name, o.reference_name
            ) AS new_no
        FROM deletion_plan_edges AS o
        INNER JOIN deletion_plan_nodes AS n
            ON n.plan_id = o.plan_id AND n.node_no = o.child_node_no
        WHERE o.plan_id = p_plan_id
    ) AS q
        ON q.edge_no = e.edge_no
    SET e.edge_no = q.new_no
    WHERE e.plan_id = p_plan_id;

    -- A row that is set NULL first gets no default.
    SELECT coalesce(json_arrayagg(e.child_node_no), json_array())
    INTO v_defaults
    FROM deletion_plan_edges AS e
    WHERE e.plan_id = p_plan_id AND e.action = 'set_default';

    -- Tables whose rows the check must know: those behind which something could block, or get a
    -- default that goes as well, and all tables on the way from the target to them.
    WITH RECURSIVE concerned (node_no) AS (
        SELECT e.parent_node_no
        FROM deletion_plan_edges AS e
        WHERE
            e.plan_id = p_plan_id
            AND (
                e.action IN ('restrict', 'set_default')
                OR (
                    e.action IN ('set_null', 'scrub')
                    AND json_contains(v_defaults, cast(e.child_node_no AS JSON))
                )
                OR e.is_link
                -- A row in its own way.
                OR (e.is_refused AND e.break_list IS NULL)
            )
        UNION DISTINCT
        SELECT e.child_node_no
        FROM deletion_plan_edges AS e
        INNER JOIN deletion_plan_nodes AS n
            ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no AND n.in_closure
        WHERE
            e.plan_id = p_plan_id
            AND (
                e.action IN ('restrict', 'set_default')
                OR (
                    e.action IN ('set_null', 'scrub')
                    AND json_contains(v_defaults, cast(e.child_node_no AS JSON))
                )
            )
        UNION DISTINCT
        SELECT e.parent_node_no
        FROM concerned AS c
        INNER JOIN deletion_plan_edges AS e FORCE INDEX (idx_dpe_child)  -- noqa: PRS
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
            AND NOT e.is_circular
        UNION DISTINCT
        SELECT e.parent_node_no, TRUE
        FROM entered AS n
        INNER JOIN deletion_plan_edges AS e FORCE INDEX (idx_dpe_child)  -- noqa: PRS
            ON
                e.plan_id = p_plan_id
                AND e.child_node_no = n.node_no
                AND e.action = 'cascade'
                AND e.parent_node_no <> e.child_node_no
    )

    SELECT json_arrayagg(n.node_no), json_arrayagg(if(n.is_above, n.node_no, NULL))
    INTO v_entered, v_above
    FROM entered AS n;

    SELECT json_arrayagg(q.parent_node_no)
    INTO v_parents
    FROM (
        SELECT DISTINCT e.parent_node_no
        FROM deletion_plan_edges AS e
        WHERE e.plan_id = p_plan_id AND e.action <> 'keep'
    ) AS q;

    -- Rows with two references to set are changed twice and counted once.
    SELECT json_arrayagg(q.child_node_no)
    INTO v_sets
    FROM (
        SELECT e.child_node_no
        FROM deletion_plan_edges AS e
        WHERE e.plan_id = p_plan_id AND e.action IN ('set_null', 'set_default', 'scrub')
        GROUP BY e.child_node_no
        HAVING count(*) > 1
    ) AS q;

    UPDATE deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS n
        ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
    SET
        e.waits = e.action NOT IN ('cascade', 'keep') AND (n.in_closure OR e.set_order > 0),
        e.is_leaf = e.action = 'cascade'
        AND NOT coalesce(json_contains(v_parents, cast(n.node_no AS JSON)), FALSE),
        e.in_check = e.action IN ('restrict', 'set_default') OR (
            e.action IN ('set_null', 'scrub')
            AND json_contains(v_defaults, cast(n.node_no AS JSON))
        ) OR (
            e.action = 'cascade'
            AND (
                coalesce(json_contains(v_concerned, cast(n.node_no AS JSON)), FALSE)
                OR coalesce(json_contains(
                    if(e.parent_node_no = e.child_node_no, v_above, v_entered),
                    cast(n.node_no AS JSON)
                ), FALSE)
            )
        ),
        e.is_once = e.action IN ('set_null', 'set_default', 'scrub')
        AND coalesce(json_contains(v_sets, cast(n.node_no AS JSON)), FALSE),
        e.index_name = deletion_edge_index(
            p_plan_id, e.child_node_no, e.child_columns, e.discriminator_column
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
    DECLARE v_parent_no, v_child_no INT;
    DECLARE v_child_columns, v_parent_columns, v_parent, v_node, v_child, v_other JSON;
    DECLARE v_pointers, v_carried, v_key JSON;
    DECLARE v_schema, v_table, v_discriminator, v_column, v_reference VARCHAR(64)
        CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_value, v_name, v_to, v_from LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_action VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_is_self, v_is_declared, v_is_root, v_is_ordered BOOLEAN;
    DECLARE v_index, v_key_index LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_on_frame, v_on_parent, v_set LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
        DEFAULT '';

    SELECT
        e.child_columns, e.parent_columns, p.frame_columns, n.frame_columns AS child_frame_columns,
        e.child_schema, e.child_table, e.parent_node_no, e.child_node_no, e.discriminator_column, e.discriminator_value,  -- noqa: LT05
        e.action, e.is_declared, e.parent_node_no = e.child_node_no, e.parent_node_no = 0,
        json_length(e.child_columns), e.reference_name, n.key_part, n.key_index, e.index_name
    INTO
        v_child_columns, v_parent_columns, v_parent, v_node, v_schema,
        v_table, v_parent_no, v_child_no, v_discriminator, v_value,
        v_action, v_is_declared, v_is_self, v_is_root, v_count, v_reference,
        v_key, v_key_index, v_index
    FROM deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS p ON p.plan_id = e.plan_id AND p.node_no = e.parent_node_no
    INNER JOIN deletion_plan_nodes AS n ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
    WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no;

    SET v_pointers = json_array();

    WHILE v_pos < v_count DO
        SET v_column = json_unquote(json_extract(v_child_columns, concat('$[', v_pos, ']')));
        SET v_child = deletion_frame_column(
            p_plan_id, v_child_no, v_column, concat('p', v_pos + 1)
        );
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
            AND json_extract(v_other, '$.collation') <=> json_extract(v_child, '$.collation')
            AND (
                v_is_declared
                OR v_child ->> '$.family' <> 'label'
                OR (
                    SELECT deletion_match_labels(min(c.column_type), max(c.column_type))
                    FROM deletion_node_columns AS c
                    WHERE
                        c.plan_id = p_plan_id
                        AND (c.node_no, c.column_name) IN (
                            (v_parent_no, v_column), (v_child_no, v_child ->> '$.column')
                        )
                )
            ),
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

    SET v_carried = json_merge_preserve(v_node, v_pointers);
    SET v_set = CASE
        WHEN v_action IN ('set_null', 'set_default') THEN concat(
            v_set, deletion_sql_untouched(p_plan_id, v_child_no, v_child_columns, 'x')
        )
        WHEN v_action = 'scrub' THEN concat(
            v_set, deletion_sql_scrub(v_schema, v_table, v_reference)
        )
    END;

    -- Whole numbers alone; other types would have to be written as constants of their own.
    SET v_is_ordered = NOT v_is_declared
    AND v_count = 1
    AND json_length(v_key) = 1
    AND v_key_index LIKE '%PRIMARY%'
    AND v_key ->> '$[0].type' REGEXP '^[A-Z]*INT( UNSIGNED)?$'
    AND v_pointers ->> '$[0].type' REGEXP '^[A-Z]*INT( UNSIGNED)?$'
    AND NOT EXISTS (  -- noqa: CP03,LT06
        SELECT 1
        FROM deletion_node_indexes AS i
        WHERE
            i.plan_id = p_plan_id
            AND i.node_no = v_child_no
            AND i.index_name = v_index
            AND i.seq_in_index = 2
            AND NOT i.column_name <=> v_key ->> '$[0].column'
    );

    UPDATE deletion_plan_edges AS e
    SET
        e.frame_columns = v_pointers,
        e.is_ordered = coalesce(v_is_ordered AND v_index IS NOT NULL, FALSE),
        e.pointer_frame = deletion_sql_list(v_pointers, 'frame', ', '),
        e.answer_list = deletion_sql_list(v_carried, 'answer', ', '),
        e.object_list = deletion_sql_list(v_carried, 'object', ', '),
        e.index_hint = deletion_sql_index(e.index_name),
        e.discriminator = v_discriminator,
        e.set_list = v_set,
        e.on_frame = concat(
            v_on_frame,
            coalesce(concat(' AND c.', v_discriminator), ''),
            -- A row that refers to itself is not its own child.
            if(
                v_is_self,
                concat(
                    ' AND NOT (', deletion_sql_list(v_key, 'own', ' AND '), ')'
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
                    ' AND NOT (', deletion_sql_list(v_key, 'same', ' AND '), ')'
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
            deletion_unique_index(p_plan_id, v_parent_no, v_parent_columns),
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
-- Writes      deletion_plan_nodes: frame_columns and what is written from them     Commits  no
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
    DECLARE v_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE c_column CURSOR FOR
        SELECT n.node_no, k.pos, k.name
        FROM deletion_plan_nodes AS n
        CROSS JOIN json_table(n.key_columns, '$[*]' COLUMNS (  -- noqa: CP02
            pos FOR ORDINALITY, name VARCHAR(64) CHARACTER SET utf8mb4 PATH '$'  -- noqa: PRS
        )) AS k
        WHERE n.plan_id = p_plan_id
        UNION DISTINCT
        SELECT n.node_no, 1000, u.name
        FROM deletion_plan_edges AS e
        STRAIGHT_JOIN deletion_plan_nodes AS n  -- noqa: PRS
            ON n.plan_id = e.plan_id AND n.node_no = e.parent_node_no
        CROSS JOIN json_table(e.parent_columns, '$[*]' COLUMNS (  -- noqa: CP02
            name VARCHAR(64) CHARACTER SET utf8mb4 PATH '$'  -- noqa: PRS
        )) AS u
        WHERE
            e.plan_id = p_plan_id
            AND NOT json_contains(n.key_columns, json_quote(u.name))
        ORDER BY 1, 2, 3;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    UPDATE deletion_plan_nodes AS n
    SET n.frame_columns = json_array()
    WHERE n.plan_id = p_plan_id;

    OPEN c_column;
    FETCH c_column INTO v_node_no, v_pos, v_name;

    WHILE NOT v_is_done DO
        UPDATE deletion_plan_nodes AS n
        SET n.frame_columns = json_array_append(
            n.frame_columns,
            '$',
            coalesce(
                deletion_frame_column(p_plan_id, v_node_no, v_name, if(
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
        FETCH c_column INTO v_node_no, v_pos, v_name;
    END WHILE;

    CLOSE c_column;

    -- What many statements begin with is written once.
    UPDATE deletion_plan_nodes AS n
    SET n.key_part = deletion_key_part(n.frame_columns)
    WHERE n.plan_id = p_plan_id;

    UPDATE deletion_plan_nodes AS n
    SET
        n.key_found = deletion_sql_list(n.key_part, 'found', ' AND '),
        n.key_frame = deletion_sql_list(n.key_part, 'frame', ', '),
        n.key_order = deletion_sql_list(n.key_part, 'order', ', '),
        n.key_after = concat(
            deletion_sql_after(n.key_part),
            '\n    ORDER BY ', deletion_sql_list(n.key_part, 'sort', ', ')
        ),
        n.row_frame = deletion_sql_list(n.frame_columns, 'frame', ', ')
    WHERE n.plan_id = p_plan_id;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_plan_cycle.sql
-- deletion_plan_cycle
-- Mark the references of a plan by which its tables refer to each other in a circle.
--
-- Parameters  p_plan_id   the plan, its tables ranked
-- Writes      deletion_plan_edges                  Commits  no
-- Execute     the owner only
--
-- A single reference of a table to itself is no circle: a row has one parent by it.

DROP PROCEDURE IF EXISTS deletion_plan_cycle;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_plan_cycle(
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Mark the references of a plan by which its tables refer to each other in a circle'
BEGIN
    -- Every table above a circle is without a rank as well; only what leads back is in one.
    UPDATE deletion_plan_edges AS e
    INNER JOIN (
        WITH RECURSIVE lasting AS (
            SELECT e.parent_node_no, e.child_node_no, e.edge_no
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

        below (parent_node_no, met_node_no) AS (
            SELECT f.parent_node_no, f.child_node_no
            FROM lasting AS f
            UNION DISTINCT
            SELECT b.parent_node_no, f.child_node_no
            FROM below AS b
            INNER JOIN lasting AS f ON f.parent_node_no = b.met_node_no
        )

        SELECT DISTINCT f.edge_no
        FROM lasting AS f
        INNER JOIN below AS b
            ON b.parent_node_no = f.child_node_no AND b.met_node_no = f.parent_node_no
    ) AS q
        ON q.edge_no = e.edge_no
    SET e.is_circular = TRUE
    WHERE e.plan_id = p_plan_id;

    UPDATE deletion_plan_edges AS e
    INNER JOIN (
        SELECT o.child_node_no
        FROM deletion_plan_edges AS o
        WHERE o.plan_id = p_plan_id AND o.action IN ('cascade', 'restrict')
        GROUP BY o.child_node_no
        HAVING max(o.is_circular) OR sum(o.parent_node_no = o.child_node_no) > 1
    ) AS q ON q.child_node_no = e.child_node_no
    SET e.is_circular = TRUE
    WHERE
        e.plan_id = p_plan_id
        AND e.parent_node_no = e.child_node_no
        AND e.action IN ('cascade', 'restrict');
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
        -- By a list that is made once: what the server guesses of a work table, which is empty most
        -- of the time, would make it read all references anew for each table.
        LEFT JOIN (
            SELECT DISTINCT e.parent_node_no
            FROM deletion_plan_edges AS e
            STRAIGHT_JOIN deletion_plan_nodes AS c  -- noqa: PRS
                ON c.plan_id = e.plan_id AND c.node_no = e.child_node_no
            WHERE
                e.plan_id = p_plan_id
                AND e.child_node_no <> e.parent_node_no
                AND e.action <> 'keep'
                AND c.in_closure
                AND c.table_rank IS NULL
                AND (e.action IN ('cascade', 'restrict') OR NOT v_only_lasting)
        ) AS w
            ON w.parent_node_no = n.node_no
        WHERE
            n.plan_id = p_plan_id
            AND n.in_closure
            AND n.table_rank IS NULL
            AND w.parent_node_no IS NULL;

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
                -- Rules name references: nobody could tell which of the two is meant.
                WHEN o.reference_name IS NOT NULL THEN concat(
                    'has a foreign key and a declared reference of one name (', o.reference_name,
                    ')'
                )
                -- Rows that others hang from have to be told apart.
                WHEN n.key_columns IS NULL AND EXISTS (
                    SELECT 1
                    FROM deletion_plan_edges AS e FORCE INDEX (uq_dpe_reference)
                    WHERE e.plan_id = n.plan_id AND e.parent_node_no = n.node_no
                ) THEN 'has no primary key and no unique key without NULLs'
                -- A row that is changed twice, or changed and then deleted, counts once.
                WHEN n.key_columns IS NULL AND (
                    SELECT count(*)
                    FROM deletion_plan_edges AS e FORCE INDEX (idx_dpe_child)
                    WHERE
                        e.plan_id = n.plan_id
                        AND e.child_node_no = n.node_no
                        AND e.action IN ('set_null', 'set_default', 'scrub')
                ) > if(n.in_closure, 0, 1) THEN
                    'has no key, and its rows cannot be counted once for several references'
                WHEN EXISTS (
                    SELECT 1
                    FROM json_table(n.key_columns, '$[*]' COLUMNS (  -- noqa: CP02
                        name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'  -- noqa: PRS,LT05
                    )) AS k
                    LEFT JOIN deletion_node_columns AS c
                        ON
                            c.plan_id = p_plan_id
                            AND c.node_no = n.node_no
                            AND c.column_name = k.name
                    WHERE c.column_name IS NULL OR deletion_type_family(c.column_type) IS NULL
                ) THEN 'has a key that is gone, or of a type that does not compare exactly'
            END) AS problem
        FROM deletion_plan_nodes AS n
        LEFT JOIN information_schema.tables AS t
            ON
                t.table_schema = convert(n.table_schema USING utf8mb3) COLLATE utf8mb3_bin  -- noqa: CP01,LT05
                AND t.table_name = convert(n.table_name USING utf8mb3) COLLATE utf8mb3_bin  -- noqa: CP01,LT05
        LEFT JOIN (
            SELECT d.child_schema, d.child_table, min(d.reference_name) AS reference_name
            FROM deletion_references AS d
            INNER JOIN information_schema.referential_constraints AS r
                ON
                    r.constraint_schema = convert(d.child_schema USING utf8mb3) COLLATE utf8mb3_bin  -- noqa: CP01,LT05
                    AND r.table_name = convert(d.child_table USING utf8mb3) COLLATE utf8mb3_bin  -- noqa: CP01,LT05
                    AND r.constraint_name = d.reference_name
            GROUP BY d.child_schema, d.child_table
        ) AS o
            ON o.child_schema = n.table_schema AND o.child_table = n.table_name
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
-- Find the references to a plan's newest tables, each with the action that holds for it.
--
-- Parameters  p_plan_id   the plan; those of its tables that are not expanded yet
-- Writes      deletion_plan_edges                  Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_references_to;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_references_to(
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Find the references to the newest tables of a plan, each with the action that holds for it'  -- noqa: LT05
BEGIN
    -- Numbers below zero until all references are known and put in order.
    DECLARE v_edge_no INT DEFAULT (
        SELECT coalesce(min(e.edge_no), 0)
        FROM deletion_plan_edges AS e
        WHERE e.plan_id = p_plan_id
    );

    INSERT INTO deletion_plan_edges (
        plan_id, edge_no, parent_node_no, child_schema, child_table, reference_name, action,
        is_declared, child_columns, parent_columns, parent_index, is_refused
    )
    SELECT
        p_plan_id,
        v_edge_no - cast(row_number() OVER () AS SIGNED),
        n.node_no,
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
        r.table_name = n.table_name AND r.constraint_schema = n.table_schema
        AND r.delete_rule NOT IN ('CASCADE', 'SET NULL')
    FROM deletion_plan_nodes AS n
    STRAIGHT_JOIN information_schema.referential_constraints AS r  -- noqa: PRS
        ON
            r.unique_constraint_schema = convert(n.table_schema USING utf8mb3) COLLATE utf8mb3_bin
            AND r.referenced_table_name = convert(n.table_name USING utf8mb3) COLLATE utf8mb3_bin
    STRAIGHT_JOIN information_schema.key_column_usage AS k
        ON
            k.constraint_schema = r.constraint_schema
            AND k.table_name = r.table_name
            AND k.constraint_name = r.constraint_name
            -- A unique key may have the same name.
            AND k.referenced_table_name IS NOT NULL
    WHERE n.plan_id = p_plan_id AND NOT n.is_expanded
    GROUP BY
        n.node_no, n.table_schema, n.table_name, r.constraint_schema, r.table_name,
        r.constraint_name, r.delete_rule;

    SET v_edge_no = v_edge_no - row_count();

    INSERT INTO deletion_plan_edges (
        plan_id, edge_no, parent_node_no, child_schema, child_table, reference_name, action,
        is_declared, child_columns, parent_columns, discriminator_column, discriminator_value
    )
    SELECT
        p_plan_id, v_edge_no - cast(row_number() OVER () AS SIGNED), n.node_no, d.child_schema,
        d.child_table, d.reference_name, d.action, TRUE, d.child_columns, d.parent_columns,
        d.discriminator_column, d.discriminator_value
    FROM deletion_plan_nodes AS n
    INNER JOIN deletion_references AS d
        ON d.parent_schema = n.table_schema AND d.parent_table = n.table_name
    WHERE n.plan_id = p_plan_id AND NOT n.is_expanded;

    UPDATE deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS n
        ON n.plan_id = e.plan_id AND n.node_no = e.parent_node_no AND NOT n.is_expanded
    INNER JOIN deletion_rules AS r
        ON
            r.child_schema = e.child_schema
            AND r.child_table = e.child_table
            AND r.reference_name = e.reference_name
            AND (
                r.parent_table IS NULL
                OR (r.parent_schema = n.table_schema AND r.parent_table = n.table_name)
            )
    SET e.action = r.action
    WHERE e.plan_id = p_plan_id;

    -- A column that cannot be set blocks as the engine would, but before anything is touched.
    UPDATE deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS n
        ON n.plan_id = e.plan_id AND n.node_no = e.parent_node_no AND NOT n.is_expanded
    SET e.action = 'restrict'
    WHERE
        e.plan_id = p_plan_id
        AND e.action IN ('set_null', 'set_default', 'scrub')
        AND EXISTS (
            SELECT 1
            FROM information_schema.columns AS c
            WHERE
                c.table_schema = convert(e.child_schema USING utf8mb3) COLLATE utf8mb3_bin  -- noqa: CP01,LT05
                AND c.table_name = convert(e.child_table USING utf8mb3) COLLATE utf8mb3_bin  -- noqa: CP01,LT05
                AND json_contains(e.child_columns, json_quote(c.column_name))
                AND c.is_nullable = 'NO'
                AND (e.action IN ('set_null', 'scrub') OR c.column_default IS NULL)
        );

    -- The engine would change rows behind the column as well: unbounded, and uncounted.
    UPDATE deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS n
        ON n.plan_id = e.plan_id AND n.node_no = e.parent_node_no AND NOT n.is_expanded
    SET e.action = 'restrict'
    WHERE
        e.plan_id = p_plan_id
        AND e.action IN ('set_null', 'set_default', 'scrub')
        AND EXISTS (
            SELECT 1
            FROM information_schema.referential_constraints AS r
            INNER JOIN information_schema.key_column_usage AS k
                ON
                    k.constraint_schema = r.constraint_schema
                    AND k.table_name = r.table_name
                    AND k.constraint_name = r.constraint_name
                    AND k.referenced_table_name IS NOT NULL
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
--             p_in_closure   TRUE: of those not expanded yet, by references that cascade; FALSE: of
--                            all, by the others
-- Writes      deletion_plan_nodes                  Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_plan_children;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_plan_children(
    IN p_plan_id BIGINT UNSIGNED,
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
        SELECT e.child_schema, e.child_table
        FROM deletion_plan_edges AS e
        INNER JOIN deletion_plan_nodes AS p
            ON p.plan_id = e.plan_id AND p.node_no = e.parent_node_no
        WHERE
            e.plan_id = p_plan_id
            AND NOT (p_in_closure AND p.is_expanded)
            AND (e.action = 'cascade') = p_in_closure
            AND NOT EXISTS (
                SELECT 1
                FROM deletion_plan_nodes AS n
                WHERE
                    n.plan_id = p_plan_id
                    AND n.table_schema = e.child_schema
                    AND n.table_name = e.child_table
            )
        GROUP BY e.child_schema, e.child_table
        ORDER BY if(p_in_closure, min(e.parent_node_no), 0), e.child_schema, e.child_table;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    OPEN c_child;
    FETCH c_child INTO v_schema, v_table;

    WHILE NOT v_is_done DO
        CALL deletion_plan_node(p_plan_id, v_schema, v_table, NULL, p_in_closure);
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
--             p_key                 array of the columns that name its rows; NULL: not yet known
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
        plan_id, node_no, table_schema, table_name, sql_name, display_name, key_columns,
        in_closure, is_expanded
    )
    VALUES (
        p_plan_id, v_node_no, p_schema, p_table,
        concat(deletion_quote_name(p_schema), '.', deletion_quote_name(p_table)),
        deletion_entity_name(p_schema, p_table), p_key,
        p_in_closure, NOT p_in_closure
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_sql_cycle.sql
-- deletion_sql_cycle
-- Write a statement that finds rows of a walk which go in a circle by a self-reference.
--
-- Parameters  p_plan_id, p_edge_no   the self-reference
--             p_kind                 cycle, ring or own, see below
-- Returns     text
--             cycle   binds the walk; answers in @dj_rows how many rows are in a circle, or below
--                     one
--             ring    binds the walk twice; stores these rows, each with its parent, in
--                     deletion_walk_links
--             own     binds the walk; answers in @dj_answer each job of rows that refer to
--                     themselves, with their number, and the values by which one is referred to
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- A row has one parent by the reference, so a circle is entered by another reference, or is the
-- root's own: it is climbed to from the rows found otherwise. Each row above them is read once
-- (up), and let go from the topmost down (down): what is left has no end above it.

DROP FUNCTION IF EXISTS deletion_sql_cycle;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_cycle(
    p_plan_id BIGINT UNSIGNED,
    p_edge_no INT,
    p_kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write a statement that finds rows of a walk which go in a circle by a self-reference'
BEGIN
    DECLARE v_node_no, v_pos INT DEFAULT 0;
    DECLARE v_keys, v_child, v_parent JSON;
    DECLARE v_name, v_key_index, v_up_index, v_discriminator, v_to, v_from
        LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_names, v_ends, v_values, v_own, v_is_set, v_step, v_above, v_below, v_gone, v_found,
        v_over, v_refers, v_start
        LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin DEFAULT '';

    SELECT
        n.node_no, n.sql_name, n.key_index,
        deletion_sql_index(deletion_unique_index(p_plan_id, n.node_no, e.parent_columns)),
        deletion_key_part(n.frame_columns), e.child_columns, e.parent_columns,
        coalesce(concat(' AND x.', e.discriminator), '')
    INTO v_node_no, v_name, v_key_index, v_up_index, v_keys, v_child, v_parent, v_discriminator
    FROM deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS n
        ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
    WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no;

    WHILE v_pos < json_length(v_child) DO
        SET v_to = deletion_quote_name(
            json_unquote(json_extract(v_parent, concat('$[', v_pos, ']')))
        );
        SET v_from = deletion_quote_name(
            json_unquote(json_extract(v_child, concat('$[', v_pos, ']')))
        );
        -- s: what a row is referred to by; a: what it refers to.
        SET v_names = concat(v_names, ', s', v_pos, ', a', v_pos);
        SET v_ends = concat(v_ends, ', s', v_pos);
        SET v_refers = concat(v_refers, ', x.', v_to);
        SET v_values = concat(v_values, ', x.', v_to, ', x.', v_from);
        SET v_own = concat(v_own, if(v_pos = 0, '', ' AND '), 'x.', v_from, ' = x.', v_to);
        SET v_is_set = concat(v_is_set, ' AND x.', v_from, ' IS NOT NULL');
        SET v_step = concat(v_step, ' AND x.', v_to, ' = up.a', v_pos);
        SET v_above = concat(v_above, ' AND p.s', v_pos, ' = u.a', v_pos);
        SET v_below = concat(v_below, ' AND u.a', v_pos, ' = d.s', v_pos);
        SET v_gone = concat(v_gone, ' AND d.s', v_pos, ' = u.s', v_pos);
        SET v_found = concat(v_found, ' AND c.', v_to, ' = u.s', v_pos);
        SET v_over = concat(v_over, ' AND x.', v_to, ' = u.a', v_pos);
        SET v_pos = v_pos + 1;
    END WHILE;

    SET v_start = concat(
        '\n    FROM deletion_walk_keys AS w\n',
        '    STRAIGHT_JOIN JSON_TABLE(w.`keys`, \'$\' COLUMNS (',
        deletion_sql_list(v_keys, 'frame', ', '), ')) AS t\n    STRAIGHT_JOIN ',
        v_name, ' AS x', v_key_index, ' ON ', deletion_sql_list(v_keys, 'found', ' AND '),
        v_is_set, v_discriminator, ' AND ', if(p_kind = 'own', '', 'NOT '), '(', v_own, ')',
        '\n    WHERE w.walk_id = ? AND w.node_no = ', v_node_no,
        ' AND w.fate = \'delete\' AND w.edge_no <> ', p_edge_no
    );

    IF p_kind = 'own' THEN
        RETURN concat(
            'SELECT COALESCE(JSON_ARRAYAGG(\n',
            '        JSON_OBJECT(\'j\', q.j, \'n\', q.n, \'k\', q.k)\n    ), JSON_ARRAY()),',
            ' COUNT(*)\nINTO @dj_answer, @dj_rows\nFROM (\n',
            '    SELECT w.job_id AS j, COUNT(*) AS n,\n        MIN(CAST(JSON_ARRAY(',
            substr(v_refers, 3), ') AS CHAR)) AS k', v_start,
            '\n    GROUP BY w.job_id\n) AS q'
        );
    END IF;

    SET v_start = concat(
        'WITH RECURSIVE up (j', v_names, ') AS (\n    SELECT w.job_id', v_values, v_start,
        '\n    UNION DISTINCT\n    SELECT up.j', v_values,
        '\n    FROM up\n    STRAIGHT_JOIN ', v_name, ' AS x', v_up_index,
        ' ON TRUE', v_step, v_is_set, v_discriminator, ' AND NOT (', v_own, ')\n),\n\n',
        'down (j', v_ends, ') AS (\n    SELECT u.j', replace(v_ends, ', s', ', u.s'),
        '\n    FROM up AS u\n    WHERE NOT EXISTS (SELECT 1 FROM up AS p WHERE p.j = u.j', v_above,
        ')\n    UNION ALL\n    SELECT u.j', replace(v_ends, ', s', ', u.s'),
        '\n    FROM down AS d\n    STRAIGHT_JOIN up AS u ON u.j = d.j', v_below, '\n)\n\n'
    );
    SET v_gone = concat(
        '\nWHERE NOT EXISTS (SELECT 1 FROM down AS d WHERE d.j = u.j', v_gone, ')'
    );

    RETURN if(
        p_kind = 'cycle',
        concat(
            v_start, 'SELECT NULL, COUNT(*)\nINTO @dj_answer, @dj_rows\nFROM up AS u', v_gone
        ),
        concat(
            'INSERT IGNORE INTO deletion_walk_links (\n    walk_id, job_id, parent_node_no,',
            ' parent_hash, child_node_no, child_hash, edge_no\n)\n', v_start,
            'SELECT ?, u.j, ', v_node_no, ', deletion_key_hash(JSON_OBJECT(',
            deletion_sql_list(v_keys, 'found_object', ', '), ')),\n    ', v_node_no,
            ', deletion_key_hash(JSON_OBJECT(', deletion_sql_list(v_keys, 'own_object', ', '),
            ')), ', p_edge_no, '\nFROM up AS u\nSTRAIGHT_JOIN ', v_name, ' AS c', v_up_index,
            ' ON TRUE', v_found, '\nSTRAIGHT_JOIN ', v_name, ' AS x', v_up_index, ' ON TRUE',
            v_over, v_gone
        )
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
    DECLARE v_keys JSON;
    DECLARE v_pointers TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_answer, v_frame, v_table, v_found, v_set, v_childless, v_locks, v_aliases LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin DEFAULT '';  -- noqa: LT05
    DECLARE v_answers BOOLEAN DEFAULT p_kind = 'free';

    IF p_edge_no > 0 THEN
        SELECT
            e.child_node_no, e.found_by, e.set_list, e.frame_columns, e.pointer_frame,
            v_answers OR (p_kind = 'lock' AND (e.is_leaf OR e.action <> 'cascade'))
        INTO v_node_no, v_found, v_set, v_keys, v_pointers, v_answers
        FROM deletion_plan_edges AS e
        WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no;
    END IF;

    SELECT
        concat(n.sql_name, ' AS x', n.key_index),
        concat(
            n.key_found, if(p_edge_no = 0, ' AND t.m IS NULL', concat(' AND ', v_found))
        ),
        concat(
            'JSON_TABLE(?, \'$[*]\' COLUMNS (',
            if(v_answers, 'o JSON PATH \'$\', ', ''),
            if(p_kind = 'left', 'j BIGINT UNSIGNED PATH \'$.j\', ', ''),
            if(p_edge_no = 0, 'm INT PATH \'$.m\', ', ''),
            n.key_frame,
            if(p_edge_no = 0, '', concat(', ', v_pointers)),
            ')) AS t'
        ),
        CASE
            WHEN v_answers THEN 'COALESCE(JSON_ARRAYAGG(t.o), JSON_ARRAY())'
            -- What references point at may have changed since the row was found.
            WHEN p_kind = 'left' THEN concat(
                'COALESCE(JSON_ARRAYAGG(JSON_OBJECT(\'j\', t.j, ',
                deletion_sql_list(
                    if(
                        p_edge_no = 0,
                        n.frame_columns,
                        json_merge_preserve(n.frame_columns, v_keys)
                    ),
                    'found_object', ', '
                ),
                ')), JSON_ARRAY())'
            )
            ELSE 'NULL'
        END
    INTO v_table, v_found, v_frame, v_answer
    FROM deletion_plan_nodes AS n
    WHERE n.plan_id = p_plan_id AND n.node_no = v_node_no;

    IF p_kind IN ('look', 'free') THEN
        SET v_childless = deletion_sql_childless(p_plan_id, v_node_no);
    ELSEIF
        p_kind = 'lock'
        AND EXISTS (  -- noqa: CP03,LT06
            SELECT 1
            FROM deletion_plan_edges AS e FORCE INDEX (uq_dpe_reference)
            WHERE
                e.plan_id = p_plan_id
                AND e.parent_node_no = v_node_no
                AND e.parent_index <> 'PRIMARY'
        )
    THEN
        CALL deletion_sql_locks(p_plan_id, v_node_no, v_locks, v_aliases);
    END IF;

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
        FROM deletion_plan_edges AS e FORCE INDEX (uq_dpe_reference)
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
--             p_kind                 count, count_one (for a run of one job) or sweep
-- Returns     text; binds the frame; a count also a limit, and answers the number of rows in
--             @dj_rows, count by job as well in @dj_answer
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
        'JSON_TABLE(?, \'$[*]\' COLUMNS (',
        if(p_kind = 'count', 'j BIGINT UNSIGNED PATH \'$.j\', ', ''),
        'm INT PATH \'$.m\', ', p.row_frame, ')) AS t',
        '\nSTRAIGHT_JOIN ', n.sql_name, ' AS c', e.index_hint,
        ' ON ', e.on_frame
    )
    INTO v_rows
    FROM deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS p
        ON p.plan_id = e.plan_id AND p.node_no = e.parent_node_no
    INNER JOIN deletion_plan_nodes AS n
        ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
    WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no;

    RETURN CASE p_kind
        WHEN 'sweep' THEN concat('DELETE c\nFROM ', v_rows)
        WHEN 'count_one' THEN concat(
            'SELECT NULL, COUNT(*)\nINTO @dj_answer, @dj_rows\nFROM (\nSELECT 1\nFROM ', v_rows,
            '\nLIMIT ?\n) AS q'
        )
        ELSE concat(
            'SELECT COALESCE(JSON_OBJECTAGG(g.j, g.n), JSON_OBJECT()), COALESCE(SUM(g.n), 0)\n',
            'INTO @dj_answer, @dj_rows\nFROM (\nSELECT q.j, COUNT(*) AS n\nFROM (\n',
            'SELECT t.j\nFROM ', v_rows, '\nLIMIT ?\n) AS q\nGROUP BY q.j\n) AS g'
        )
    END;
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
    DECLARE v_keys, v_pointers JSON;
    DECLARE v_parent, v_table, v_own_table, v_on_frame
        LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SELECT
        p.row_frame, n.key_part, e.frame_columns,
        concat(n.sql_name, ' AS c', e.index_hint),
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
        '\n    FROM ', 'JSON_TABLE(?, \'$[*]\' COLUMNS (m INT PATH \'$.m\', ', v_parent, ')) AS t',
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
--             remove_level   binds a frame of one level; deletes its rows
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
        concat(n.sql_name, ' AS c', e.index_hint),
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

    -- A list that is made once: the engine would read the frame anew for each of its own rows.
    SET v_beyond = concat(
        ' AND (', deletion_sql_list(v_keys, 'column', ', '), ') NOT IN (',
        'SELECT /*+ SUBQUERY(MATERIALIZATION) */ ', deletion_sql_list(v_keys, 'given', ', '),
        ' FROM ', deletion_sql_frame(v_keys, ''), ')'
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
            e.index_hint, ' WHERE ', e.on_parent,
            if(e.edge_no = p_edge_no, v_beyond, ''), ')'
            ORDER BY e.edge_no SEPARATOR '\n    OR '
        )
        INTO v_below
        FROM deletion_plan_edges AS e FORCE INDEX (uq_dpe_reference)
        INNER JOIN deletion_plan_nodes AS n
            ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
        WHERE
            e.plan_id = p_plan_id AND e.parent_node_no = v_node_no AND e.action <> 'keep';
        RETURN concat(
            'SELECT NULL, COUNT(*)\nINTO @dj_answer, @dj_rows\nFROM ',
            deletion_sql_frame(v_columns, ''), '\nSTRAIGHT_JOIN ', v_row, ' ON ', v_found,
            '\nWHERE ', v_below
        );
    END IF;

    RETURN concat(
        'DELETE x\nFROM ', deletion_sql_frame(v_columns, ''),
        '\nSTRAIGHT_JOIN ', v_row, ' ON ', v_found
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_sql_fetch.sql
-- deletion_sql_fetch
-- Write the statement that finds the child rows of a frame by one reference.
--
-- Parameters  p_plan_id, p_edge_no   the reference
--             p_more     TRUE: in order of the child's key, and from after the row read last
--             p_beyond   for more: a further condition on child rows c; NULL: none
-- Returns     text; binds (for more: the row read last, {} at first), the frame, and a limit;
--             answers the child frame in @dj_answer and its number of keys in @dj_rows
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_sql_fetch;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_fetch(
    p_plan_id BIGINT UNSIGNED,
    p_edge_no INT,
    p_more BOOLEAN,
    p_beyond LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write the statement that finds the child rows of a frame by one reference'
BEGIN
    RETURN (
        SELECT if(
            n.key_columns IS NULL,
            deletion_sql_keyless(p_plan_id, p_edge_no, if(p_more, 'fetch_more', 'fetch')),
            concat(
                'SELECT COALESCE(JSON_ARRAYAGG(JSON_OBJECT(\'j\', q.j, ', e.object_list,
                ')), JSON_ARRAY()), COUNT(*)\nINTO @dj_answer, @dj_rows\nFROM (\n    ',
                -- The chosen rows are put in order of their key, in which they will be locked.
                if(p_more, '', 'SELECT q.* FROM (\n    '),
                'SELECT t.j, ', e.answer_list, '\n    FROM ',
                if(p_more, concat(
                    'JSON_TABLE(?, \'$\' COLUMNS (', n.key_frame, ')) AS a\n    STRAIGHT_JOIN '
                ), ''),
                'JSON_TABLE(?, \'$[*]\' COLUMNS (',
                'j BIGINT UNSIGNED PATH \'$.j\', m INT PATH \'$.m\', ', p.row_frame, ')) AS t',
                '\n    STRAIGHT_JOIN ', n.sql_name, ' AS c', e.index_hint, ' ON ', e.on_frame,
                if(p_more, concat(
                    '\n    WHERE ', coalesce(concat(p_beyond, '\n    AND '), ''), n.key_after
                ), ''),
                '\n    LIMIT ?',
                if(p_more, '', concat(
                    '\n    ) AS q ORDER BY ', n.key_order, ' LIMIT 18446744073709551615'
                )),
                '\n) AS q'
            )
        )
        FROM deletion_plan_edges AS e
        INNER JOIN deletion_plan_nodes AS p
            ON p.plan_id = e.plan_id AND p.node_no = e.parent_node_no
        INNER JOIN deletion_plan_nodes AS n
            ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
        WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no
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
                -- Twice: so the server refuses a temporary table that hides the one that is meant,
                -- and names it. The other name is not the table's own, however that is spelled.
                'SELECT 1 FROM ', n.sql_name, ' AS ', deletion_quote_name(n.table_name), ', ',
                n.sql_name, ' AS ', if(lower(n.table_name) = 'x', 'y', 'x'), ' WHERE FALSE'
                ORDER BY n.node_no SEPARATOR '\n    UNION ALL '
            ),
            '\n) AS q'
        )
        FROM deletion_plan_nodes AS n
        WHERE
            n.plan_id = p_plan_id
            -- What is kept is none of the job's business.
            AND (
                n.in_closure
                OR EXISTS (
                    SELECT 1
                    FROM deletion_plan_edges AS e FORCE INDEX (idx_dpe_child)
                    WHERE
                        e.plan_id = p_plan_id
                        AND e.child_node_no = n.node_no
                        AND e.action <> 'keep'
                )
            )
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
    DECLARE v_f, v_name LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    WHILE v_pos < json_length(p_columns) DO
        SET v_column = json_extract(p_columns, concat('$[', v_pos, ']'));
        SET v_f = v_column ->> '$.f', v_name = v_column ->> '$.name';
        -- Only what the part needs is taken out of the description: a plan has thousands of them.
        SET v_list = concat(v_list, if(v_pos = 0, '', p_separator), CASE p_part
            WHEN 'frame' THEN concat(
                v_f, ' ', v_column ->> '$.type', ' PATH \'$.', v_f, '\' ERROR ON ERROR'
            )
            WHEN 'found' THEN concat(
                'x.', v_name, ' = ', v_column ->> '$.get[0]', 't.', v_f, v_column ->> '$.get[1]'
            )
            WHEN 'own' THEN concat(
                'c.', v_name, ' = ', v_column ->> '$.get[0]', 't.', v_f, v_column ->> '$.get[1]'
            )
            WHEN 'column' THEN concat('c.', v_name)
            WHEN 'given' THEN concat(
                v_column ->> '$.get[0]', 't.', v_f, v_column ->> '$.get[1]'
            )
            WHEN 'same' THEN concat('c.', v_name, ' = x.', v_name)
            WHEN 'answer' THEN concat(
                v_column ->> '$.put[0]', 'c.', v_name, v_column ->> '$.put[1]', ' AS ', v_f
            )
            WHEN 'object' THEN concat('\'', v_f, '\', q.', v_f)
            WHEN 'found_object' THEN concat(
                '\'', v_f, '\', ', v_column ->> '$.put[0]', 'x.', v_name, v_column ->> '$.put[1]'
            )
            WHEN 'own_object' THEN concat(
                '\'', v_f, '\', ', v_column ->> '$.put[0]', 'c.', v_name, v_column ->> '$.put[1]'
            )
            WHEN 'value' THEN concat(
                v_column ->> '$.put[0]', 'x.', v_name, v_column ->> '$.put[1]'
            )
            WHEN 'raw' THEN concat('c.', v_name, ' AS ', v_f)
            WHEN 'found_raw' THEN concat('x.', v_name, ' AS ', v_f)
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

    -- Most tables carry nothing but their key.
    IF json_extract(p_columns, '$[last].f') LIKE '"k%' THEN
        RETURN p_columns;
    END IF;

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
-- Parameters  p_plan_id, p_node_no, p_column   the column, read by deletion_plan_catalog
--             p_field   its name in frames: k1 for a key, u1 for what is referred to, p1 for what
--                       refers
-- Returns     JSON object; its type is that of a JSON_TABLE column, put and get are functions
--             around the column and around the field; NULL: keys cannot be of that type
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_frame_column;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_frame_column(
    p_plan_id BIGINT UNSIGNED,
    p_node_no INT,
    p_column VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    p_field VARCHAR(8)
) RETURNS JSON
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Describe how frames carry the values of a column: written as JSON, and read in its own type'  -- noqa: LT05
BEGIN
    RETURN (
        SELECT deletion_column_frame(
            c.column_name, c.column_type, c.character_set_name, c.collation_name, p_field
        )
        FROM deletion_node_columns AS c
        WHERE c.plan_id = p_plan_id AND c.node_no = p_node_no AND c.column_name = p_column
    );
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/planner/deletion_unique_index.sql
-- deletion_unique_index
-- Find a unique key among some columns, in any order; NULLs may be in it.
--
-- Parameters  p_plan_id, p_node_no   the table, its indexes read by deletion_plan_catalog
--             p_columns              its columns, a JSON array
-- Returns     text, the index; NULL: several rows may hold the same values
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_unique_index;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_unique_index(
    p_plan_id BIGINT UNSIGNED,
    p_node_no INT,
    p_columns JSON
) RETURNS VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Find a unique key among some columns, in any order; NULLs may be in it'
BEGIN
    RETURN (
        SELECT i.index_name
        FROM deletion_node_indexes AS i
        WHERE i.plan_id = p_plan_id AND i.node_no = p_node_no AND i.is_unique
        GROUP BY i.index_name
        HAVING
            -- An index on an expression names no column.
            sum(coalesce(
                NOT i.is_prefix AND json_contains(p_columns, json_quote(i.column_name)), FALSE
            )) = count(*)
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
-- Parameters  p_plan_id, p_node_no   the child, its indexes read by deletion_plan_catalog
--             p_columns              its columns, a JSON array
--             p_discriminator        a further column that is compared; NULL: none
-- Returns     text, the index; NULL: none leads with these columns
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_edge_index;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_edge_index(
    p_plan_id BIGINT UNSIGNED,
    p_node_no INT,
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
        FROM deletion_node_indexes AS i
        WHERE
            i.plan_id = p_plan_id
            AND i.node_no = p_node_no
            AND NOT i.is_prefix
            AND i.is_visible
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
-- Parameters  p_plan_id, p_node_no   the table, its indexes read by deletion_plan_catalog
-- Returns     JSON array of column names; NULL: no key without NULLs
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_node_key;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_node_key(
    p_plan_id BIGINT UNSIGNED,
    p_node_no INT
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
            FROM deletion_node_indexes AS i
            INNER JOIN (
                SELECT u.index_name
                FROM deletion_node_indexes AS u
                WHERE u.plan_id = p_plan_id AND u.node_no = p_node_no AND u.is_unique
                GROUP BY u.index_name
                HAVING
                    sum(u.is_nullable) = 0
                    AND sum(u.is_prefix) = 0
                    AND sum(u.column_name IS NULL) = 0
                    AND sum(NOT u.is_visible) = 0
                ORDER BY u.index_name = 'PRIMARY' DESC, count(*), u.index_name
                LIMIT 1
            ) AS x ON x.index_name = i.index_name
            WHERE i.plan_id = p_plan_id AND i.node_no = p_node_no
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
    DECLARE v_columns, v_indexes, v_checks, v_tables, v_rules, v_declared, v_soft LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;  -- noqa: LT05
    DECLARE v_list JSON;
    DECLARE v_misfits VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_target TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    -- Rows are folded by exclusive or: no order to keep, and no limit of length as texts have.
    -- Names in the dictionary's own character set: in any other, each would read a whole schema.
    SELECT if(count(*) = 0, '', hex(bit_xor(unhex(sha2(json_array(
        c.table_schema, c.table_name, c.column_name, c.column_type, c.is_nullable,
        c.character_set_name, c.collation_name, c.column_default, c.extra, c.generation_expression
    ), 256)))))
    INTO v_columns
    FROM
        json_table(
            p_tables, '$[*]' COLUMNS (  -- noqa: CP02
                s VARCHAR(64) CHARACTER SET utf8mb3 COLLATE utf8mb3_bin PATH '$.s',  -- noqa: PRS
                t VARCHAR(64) CHARACTER SET utf8mb3 COLLATE utf8mb3_bin PATH '$.t'
            )
        ) AS p
    STRAIGHT_JOIN information_schema.columns AS c ON c.table_schema = p.s AND c.table_name = p.t;  -- noqa: PRS

    SELECT if(count(*) = 0, '', hex(bit_xor(unhex(sha2(json_array(
        i.table_schema, i.table_name, i.index_name, i.non_unique, i.seq_in_index, i.column_name,
        i.sub_part, i.is_visible, i.index_type, i.expression
    ), 256)))))
    INTO v_indexes
    FROM
        json_table(
            p_tables, '$[*]' COLUMNS (  -- noqa: CP02
                s VARCHAR(64) CHARACTER SET utf8mb3 COLLATE utf8mb3_bin PATH '$.s',  -- noqa: PRS
                t VARCHAR(64) CHARACTER SET utf8mb3 COLLATE utf8mb3_bin PATH '$.t'
            )
        ) AS p
    STRAIGHT_JOIN information_schema.statistics AS i ON i.table_schema = p.s AND i.table_name = p.t;  -- noqa: PRS

    -- A column that a CHECK looks at is not set NULL to open a circle.
    SELECT if(count(*) = 0, NULL, hex(bit_xor(unhex(sha2(json_array(
        t.table_schema, t.table_name, t.constraint_name, t.enforced, h.check_clause
    ), 256)))))
    INTO v_checks
    FROM
        json_table(
            p_tables, '$[*]' COLUMNS (  -- noqa: CP02
                s VARCHAR(64) CHARACTER SET utf8mb3 COLLATE utf8mb3_bin PATH '$.s',  -- noqa: PRS
                t VARCHAR(64) CHARACTER SET utf8mb3 COLLATE utf8mb3_bin PATH '$.t'
            )
        ) AS p
    STRAIGHT_JOIN information_schema.table_constraints AS t  -- noqa: PRS
        ON t.table_schema = p.s AND t.table_name = p.t AND t.constraint_type = 'CHECK'
    STRAIGHT_JOIN information_schema.check_constraints AS h
        ON h.constraint_schema = t.constraint_schema AND h.constraint_name = t.constraint_name;

    SELECT if(count(*) = 0, '', hex(bit_xor(unhex(sha2(json_array(
        t.table_schema, t.table_name, t.table_type, t.engine, t.create_options
    ), 256)))))
    INTO v_tables
    FROM
        json_table(
            p_tables, '$[*]' COLUMNS (  -- noqa: CP02
                s VARCHAR(64) CHARACTER SET utf8mb3 COLLATE utf8mb3_bin PATH '$.s',  -- noqa: PRS
                t VARCHAR(64) CHARACTER SET utf8mb3 COLLATE utf8mb3_bin PATH '$.t'
            )
        ) AS p
    STRAIGHT_JOIN information_schema.tables AS t ON t.table_schema = p.s AND t.table_name = p.t;  -- noqa: PRS

    SELECT if(count(*) = 0, '', hex(bit_xor(unhex(sha2(json_array(
        r.child_schema, r.child_table, r.reference_name, r.action, r.scrub, r.parent_schema,
        r.parent_table
    ), 256)))))
    INTO v_rules
    FROM deletion_rules AS r;

    SELECT if(count(*) = 0, '', hex(bit_xor(unhex(sha2(json_array(
        d.reference_name, d.child_schema, d.child_table, d.child_columns, d.parent_schema,
        d.parent_table, d.parent_columns, d.discriminator_column, d.discriminator_value, d.action
    ), 256)))))
    INTO v_declared
    FROM deletion_references AS d;

    SELECT if(count(*) = 0, NULL, hex(bit_xor(unhex(sha2(json_array(
        s.table_schema, s.table_name, s.column_name, s.kind, s.mark_value
    ), 256)))))
    INTO v_soft
    FROM deletion_soft_columns AS s;

    -- What fits the catalog no more stops plans, whatever tables it is about.
    SET v_list = deletion_misfits();

    IF v_list IS NOT NULL THEN
        SELECT hex(bit_xor(unhex(sha2(m.misfit, 256))))
        INTO v_misfits
        FROM json_table(v_list, '$[*]' COLUMNS (misfit JSON PATH '$')) AS m;  -- noqa: CP02,PRS
    END IF;

    SELECT json_array(t.table_schema, t.table_name, t.key_columns, t.key_types)
    INTO v_target
    FROM deletion_targets AS t
    WHERE t.entity_table = p_entity_table;

    -- The references stand first: each step compares them alone, which costs least and matters most.  -- noqa: LT05
    RETURN concat(deletion_fingerprint_keys(p_tables), left(sha2(concat_ws(
        '|', v_columns, v_indexes, v_tables, v_rules, v_declared, v_target, v_soft, v_checks,
        v_misfits
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
                -- A TIMESTAMP is compared with a DATETIME by the session's zone.
                OR (c.type LIKE 'timestamp%') <> (p.type LIKE 'timestamp%')
        ) THEN 'child and parent columns cannot be compared'
        -- Texts that are one under the one collation and two under the other.
        WHEN
            json_extract(v_children, '$[*].text.collation')
            <> json_extract(v_parents, '$[*].text.collation')
            THEN 'child and parent columns have different collations'
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
        -- A text without a length is no key, but it tells rows apart.
        WHEN json_unquote(json_extract(v_tells, '$[0].type')) LIKE '%text' THEN NULL
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
        'deletion_attempts', 'deletion_frames', 'deletion_hold_latches', 'deletion_holds',
        'deletion_jobs', 'deletion_marks', 'deletion_node_columns', 'deletion_node_indexes',
        'deletion_plan_edges', 'deletion_plan_nodes', 'deletion_plan_steps', 'deletion_plans',
        'deletion_receipts', 'deletion_references', 'deletion_rules', 'deletion_runs',
        'deletion_settings', 'deletion_slots', 'deletion_soft_columns', 'deletion_soft_keys',
        'deletion_targets', 'deletion_walk_keys', 'deletion_walk_links'
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

        IF p_hard_delete THEN
            -- Without a transaction of the caller's a worker may take the job up at once.
            CALL deletion_take_purge_back(v_rows);
        END IF;
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
            -- A softer wish hastens nothing: it would end the grace of a row that waits to be
            -- purged. By now hard_delete is the harder of both.
            WHEN
                deletion_jobs.status = 'pending' AND deletion_jobs.hard_delete AND NOT p_hard_delete
                THEN deletion_jobs.scheduled_at
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

    IF p_hard_delete AND v_known > 0 THEN
        -- A soft job may have ended meanwhile.
        CALL deletion_take_purge_back(v_rows);
    END IF;
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

    IF v_open IS NOT NULL THEN
        BEGIN
            DECLARE v_safe BOOLEAN DEFAULT @@SESSION.sql_safe_updates;
            DECLARE EXIT HANDLER FOR SQLEXCEPTION
            BEGIN
                SET SESSION sql_safe_updates = v_safe;
                RESIGNAL;
            END;

            -- A caller's safe mode refuses every join with a list, whatever keys it uses.
            SET SESSION sql_safe_updates = 0;
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
            SET SESSION sql_safe_updates = v_safe;
        END;
    END IF;
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
    ELSEIF NOT p_hard_delete AND NOT deletion_has_soft_column(p_entity_table) THEN
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
                        WHEN 'DECIMAL' THEN cast(e.item AS CHAR)
                        -- A number with a point is kept as a double: 15 digits for certain.
                        WHEN 'DOUBLE' THEN if(
                            v_types ->> '$[0]' REGEXP '^decimal[(]([0-9]|1[0-5]),',
                            cast(e.item AS CHAR),
                            NULL
                        )
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
    DECLARE v_text, v_type, v_key TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

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
        SET v_type = json_unquote(json_extract(p_types, concat('$[', v_pos, ']')));
        SET v_text = if(
            json_type(v_value) IN ('STRING', 'INTEGER', 'UNSIGNED INTEGER', 'DECIMAL')
            -- JSON keeps a number with a point as a double, which has 15 digits for certain.
            OR (json_type(v_value) = 'DOUBLE' AND v_type REGEXP '^decimal[(]([0-9]|1[0-5]),'),
            deletion_key_text(
                json_unquote(v_value),
                v_type,
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
        -- Labels alone count: the column itself would take the number of a label as well. The
        -- catalog doubles quotes and backslashes, and writes line ends as letters.
        SET v_text = replace(replace(p_text, '\\', '\\\\'), '''', '''''');
        SET v_text = replace(replace(v_text, '\n', '\\n'), '\r', '\\r');

        RETURN if(
            locate(
                concat(',''', v_text, ''','),
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
-- Errors      JD005 no such table; a system table, a view, or not in InnoDB
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
    SELECT t.table_schema, t.table_name, t.table_type, t.engine
    INTO p_schema, p_table, v_type, v_engine
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
    END IF;
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/admin/compile_deletion_plan.sql
-- compile_deletion_plan
-- Compile the plan of a target now, to read it in vw_deletion_plan before anything is deleted.
--
-- Parameters  p_table   the target; where it has a soft-delete column, both its plans
-- Errors      JD002 NULL; JD004 the table is no target; JD005 a table that cannot take part;
--             JD007 tables that refer to each other in a circle; JD011 a soft-delete column that
--             does not fit any more
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
    DECLARE v_own JSON;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        CALL deletion_widen_session(v_own);
        RESIGNAL;
    END;

    CALL deletion_widen_session(v_own);

    IF deletion_has_soft_column(deletion_target_name(p_table)) THEN
        CALL deletion_soft_plan(p_table, 'compile_deletion_plan', v_plan_id);
    END IF;

    CALL deletion_current_plan(p_table, 'compile_deletion_plan', v_plan_id);
    CALL deletion_widen_session(v_own);
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/admin/set_deletion_rule.sql
-- set_deletion_rule
-- Decide what happens to the rows behind one reference, whatever the catalog says.
--
-- Parameters  p_child_table   the table that refers
--             p_reference     its foreign key's constraint, or the declared reference
--             p_action        cascade, set_null, set_default, scrub, restrict, or keep where
--                             declared; NULL: what the catalog or the declaration says again
--             p_scrub         for scrub: a JSON object, which columns get which constant or NULL
--                             when the reference is set NULL; else NULL
-- Errors      JD002 NULL, no such reference or action, nothing that the columns take; JD005 no
--             such table
-- Writes      deletion_rules (one row)             Commits  no
-- Execute     the owner only (DBAs)
-- Example     CALL set_deletion_rule(
--                 'invoice', 'fk_invoice_customer', 'scrub', '{"buyer": "erased"}'
--             );

DROP PROCEDURE IF EXISTS set_deletion_rule;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE set_deletion_rule(
    IN p_child_table TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_reference TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_action TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_scrub JSON
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Decide what happens to the rows behind one reference, whatever the catalog says'
BEGIN
    DECLARE v_schema, v_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_parent_schema, v_parent_table VARCHAR(64)
        CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_spelled VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_is_key, v_is_declared BOOLEAN;
    DECLARE v_scrub JSON;
    DECLARE v_problem TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_own JSON;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        CALL deletion_widen_session(v_own);
        RESIGNAL;
    END;

    CALL deletion_widen_session(v_own);

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
            )
        -- There are few; a session in safe mode deletes without a key up to a limit alone.
        LIMIT 1000;
    END IF;

    IF p_action IS NOT NULL OR row_count() = 0 THEN
        CALL deletion_find_table(p_child_table, 'set_deletion_rule', v_schema, v_table);

        -- The catalog compares names regardless of case, and of blanks at the end.
        SET v_spelled = (
            SELECT min(k.constraint_name)
            FROM information_schema.referential_constraints AS k
            WHERE
                k.constraint_schema = v_schema AND k.table_name = v_table
                AND k.constraint_name = p_reference
        );
        SET v_is_key = v_spelled <=> p_reference;
        SELECT k.unique_constraint_schema, k.referenced_table_name
        INTO v_parent_schema, v_parent_table
        FROM information_schema.referential_constraints AS k
        WHERE
            v_is_key AND k.constraint_schema = v_schema AND k.table_name = v_table
            AND k.constraint_name = p_reference;
        SELECT
            count(*) > 0,
            coalesce(v_parent_schema, min(d.parent_schema)),
            coalesce(v_parent_table, min(d.parent_table))
        INTO v_is_declared, v_parent_schema, v_parent_table
        FROM deletion_references AS d
        WHERE
            d.reference_name = p_reference
            AND d.child_schema = v_schema AND d.child_table = v_table;

        IF NOT v_is_key AND NOT v_is_declared AND v_spelled IS NOT NULL THEN
            CALL deletion_raise(
                'JD002',
                'set_deletion_rule',
                concat('the catalog spells it ', v_spelled),
                p_reference
            );
        ELSEIF NOT v_is_key AND NOT v_is_declared THEN
            CALL deletion_raise(
                'JD002',
                'set_deletion_rule',
                concat('no such reference of ', left(p_child_table, 64)),
                p_reference
            );
        ELSEIF
            p_action NOT IN ('cascade', 'set_null', 'set_default', 'scrub', 'restrict', 'keep')
        THEN
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

    IF p_action = 'scrub' THEN
        CALL deletion_read_scrub(v_schema, v_table, p_scrub, v_scrub, v_problem);
        SET v_problem = coalesce(
            v_problem, deletion_detach_problem(v_schema, v_table, p_reference)
        );
    ELSEIF p_scrub IS NOT NULL THEN
        SET v_problem = 'only scrub sets columns to constants';
    END IF;

    IF v_problem IS NOT NULL THEN
        CALL deletion_raise('JD002', 'set_deletion_rule', v_problem, NULL);
    ELSEIF p_action IS NOT NULL THEN
        INSERT INTO deletion_rules (
            child_schema, child_table, reference_name, action, scrub, parent_schema, parent_table
        )
        VALUES (
            v_schema, v_table, p_reference, p_action, v_scrub, v_parent_schema, v_parent_table
        )
        ON DUPLICATE KEY UPDATE
            action = p_action,
            scrub = v_scrub,
            parent_schema = v_parent_schema,
            parent_table = v_parent_table,
            created_at = utc_timestamp(6);
    END IF;
    CALL deletion_widen_session(v_own);
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
    DECLARE v_own JSON;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        CALL deletion_widen_session(v_own);
        RESIGNAL;
    END;

    CALL deletion_widen_session(v_own);

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
    CALL deletion_widen_session(v_own);
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

    -- A session in safe mode deletes and changes what it has no key for up to a limit alone.
    DELETE FROM deletion_targets AS t WHERE t.entity_table = v_entity_table LIMIT 1;

    UPDATE deletion_plans AS p
    SET p.superseded_at = utc_timestamp(6)
    WHERE p.entity_table = v_entity_table AND p.superseded_at IS NULL
    LIMIT 1000;
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
    DECLARE v_columns, v_described, v_types, v_collations, v_places JSON;
    DECLARE v_is_same BOOLEAN DEFAULT TRUE;
    DECLARE v_own JSON;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        CALL deletion_widen_session(v_own);
        RESIGNAL;
    END;

    CALL deletion_widen_session(v_own);

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

    SET v_places = deletion_key_places(v_schema, v_table, v_columns);

    -- A column that was renamed is the same: its old name is gone, and nothing else has moved.
    SELECT
        t.key_columns = v_columns
        OR (
            t.key_types = v_types
            AND coalesce(t.key_places = v_places, FALSE)
            AND NOT EXISTS (
                SELECT 1
                FROM json_table(
                    t.key_columns, '$[*]' COLUMNS (
                        name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'
                    )
                ) AS k
                WHERE
                    NOT json_contains(v_columns, json_quote(k.name))
                    AND deletion_columns(v_schema, v_table, json_array(k.name)) IS NOT NULL
            )
        )
    INTO v_is_same
    FROM deletion_targets AS t
    WHERE t.entity_table = v_entity_table;

    -- The keys of open jobs would come to mean other rows.
    IF NOT v_is_same AND deletion_has_open_jobs(v_entity_table) THEN
        CALL deletion_raise(
            'JD003',
            'register_deletion_target',
            'jobs by another key are still open',
            v_entity_table
        );
    END IF;

    INSERT INTO deletion_targets (
        entity_table, table_schema, table_name, key_columns, key_types, key_collations, plain_key,
        max_rows, key_places
    )
    VALUES (
        v_entity_table, v_schema, v_table, v_columns, v_types, v_collations,
        deletion_plain_key(v_types), p_max_rows, v_places
    )
    ON DUPLICATE KEY UPDATE
        keyed_at = if(v_is_same, deletion_targets.keyed_at, utc_timestamp(6)),
        key_places = v_places,
        key_columns = v_columns,
        key_types = v_types,
        key_collations = v_collations,
        plain_key = deletion_plain_key(v_types),
        max_rows = p_max_rows;
    CALL deletion_widen_session(v_own);
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
    DECLARE v_own, v_saved JSON;
    DECLARE v_is_ours BOOLEAN;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        ROLLBACK;

        IF v_saved IS NOT NULL THEN
            CALL deletion_session(v_saved);
        END IF;

        CALL deletion_widen_session(v_own);
        RESIGNAL;
    END;

    CALL deletion_widen_session(v_own);

    IF p_job_id IS NULL THEN
        CALL deletion_raise('JD002', 'run_deletion_job', 'p_job_id is NULL', NULL);
    END IF;

    CALL deletion_refuse_temporary('run_deletion_job');
    CALL deletion_enter(NULL, v_is_ours);
    CALL deletion_session(v_saved);
    CALL deletion_recover();
    CALL deletion_claim(NULL, p_job_id, v_run_id, v_token, v_job_count);

    IF v_token IS NOT NULL THEN
        CALL deletion_work(v_run_id, v_token, '9999-12-31');
    END IF;

    CALL deletion_session(v_saved);
    SET p_status = (SELECT j.status FROM deletion_jobs AS j WHERE j.id = p_job_id);
    CALL deletion_widen_session(v_own);
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
    DECLARE v_until DATETIME(6) DEFAULT utc_timestamp(6);  -- noqa: PRS
    DECLARE v_run_id BIGINT UNSIGNED;
    DECLARE v_token CHAR(36) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_job_count INT;
    DECLARE v_jobs BIGINT DEFAULT 0;
    DECLARE v_own, v_saved JSON;
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

        CALL deletion_widen_session(v_own);
        RESIGNAL;
    END;

    CALL deletion_widen_session(v_own);

    IF p_slot <= 0 OR p_run_seconds <= 0 THEN
        CALL deletion_raise(
            'JD002', 'run_deletion_jobs', 'not a positive number',
            concat(coalesce(p_slot, 'NULL'), ', ', coalesce(p_run_seconds, 'NULL'))
        );
    END IF;

    CALL deletion_refuse_temporary('run_deletion_jobs');
    SET v_until = timestampadd(
        SECOND, coalesce(p_run_seconds, deletion_setting_int('run_seconds')), v_until
    );
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

    CALL deletion_widen_session(v_own);
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
-- <<<

-- >>> procedures/mysql/admin/retry_deletion.sql
-- retry_deletion
-- Make a failed or cancelled job pending again, with all its attempts before it.
--
-- Parameters  p_job_id   the job
-- Errors      JD001 no such job; JD002 NULL; JD003 the job did not fail and was not cancelled, or
--             was asked when other columns named the target's rows
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
    DECLARE v_own JSON;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        CALL deletion_widen_session(v_own);
        RESIGNAL;
    END;

    CALL deletion_widen_session(v_own);

    IF p_job_id IS NULL THEN
        CALL deletion_raise('JD002', 'retry_deletion', 'p_job_id is NULL', NULL);
    END IF;

    SELECT j.status INTO v_status FROM deletion_jobs AS j WHERE j.id = p_job_id FOR UPDATE;

    IF v_status IS NULL THEN
        CALL deletion_raise('JD001', 'retry_deletion', 'no such job', p_job_id);
    ELSEIF v_status NOT IN ('failed', 'cancelled') THEN
        CALL deletion_raise('JD003', 'retry_deletion', concat('job is ', v_status), p_job_id);
    END IF;

    -- Its key would come to mean another row.
    IF EXISTS (
        SELECT 1
        FROM deletion_jobs AS j
        INNER JOIN deletion_targets AS t ON t.entity_table = deletion_target_name(j.entity_table)
        WHERE j.id = p_job_id AND j.created_at < t.keyed_at
    ) THEN
        CALL deletion_raise(
            'JD003', 'retry_deletion', 'asked when the target had another key: ask anew', p_job_id
        );
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
    CALL deletion_widen_session(v_own);
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
    DECLARE v_own JSON;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        CALL deletion_widen_session(v_own);
        RESIGNAL;
    END;

    CALL deletion_widen_session(v_own);

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
    CALL deletion_widen_session(v_own);
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
    DECLARE v_own JSON;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        CALL deletion_widen_session(v_own);
        RESIGNAL;
    END;

    CALL deletion_widen_session(v_own);

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
    CALL deletion_widen_session(v_own);
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
    -- has no job: that should cost little more than the INSERT. Each row is found by a whole key:
    -- as subqueries they would take the server twice the time to plan.
    SELECT
        t.entity_table,
        p_hard_delete AND p_pk REGEXP t.plain_key AND s.setting_value IS NULL AND j.id IS NULL
    INTO v_entity_table, v_is_plain
    FROM deletion_targets AS t
    LEFT JOIN deletion_settings AS s ON s.setting_name = 'max_pending'
    LEFT JOIN deletion_jobs AS j ON j.entity_table = p_table AND j.entity_pk = p_pk
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
        BEGIN
            DECLARE v_own JSON;
            DECLARE EXIT HANDLER FOR SQLEXCEPTION
            BEGIN
                CALL deletion_widen_session(v_own);
                RESIGNAL;
            END;

            CALL deletion_widen_session(v_own);
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
            CALL deletion_widen_session(v_own);
        END;
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
    coalesce(
        (
            SELECT min(s.table_name)
            FROM deletion_plan_steps AS s
            WHERE s.plan_id = r.plan_id AND s.node_no = f.node_no
        ),
        cast(r.state ->> '$.at' AS CHAR CHARACTER SET utf8mb4)  -- noqa: PRS
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

-- >>> schema/mysql/views/vw_deletion_marks.sql
-- vw_deletion_marks
-- Which rows soft jobs have marked, and what became of the marks.
--
-- Read by     deletion_jobs_operator, deletion_jobs_reader

CREATE OR REPLACE
ALGORITHM = UNDEFINED
DEFINER = 'deletion_jobs_owner'@'localhost'
SQL SECURITY DEFINER
VIEW vw_deletion_marks AS
SELECT
    m.job_id,
    j.entity_table,
    j.entity_pk,
    m.table_name,
    m.row_key,
    m.column_name,
    m.old_value,
    m.new_value,
    m.state,
    m.marked_at
FROM deletion_marks AS m
LEFT JOIN deletion_jobs AS j ON j.id = m.job_id;

GRANT SELECT ON vw_deletion_marks
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
    s.sql_text,
    s.set_order
FROM deletion_plans AS p
LEFT JOIN deletion_plan_steps AS s ON s.plan_id = p.plan_id
WHERE p.superseded_at IS NULL
ORDER BY p.entity_table, p.hard_delete, s.step_no;

GRANT SELECT ON vw_deletion_plan
TO 'deletion_jobs_operator', 'deletion_jobs_reader';
-- <<<

-- >>> schema/mysql/views/vw_deletion_holds.sql
-- vw_deletion_holds
-- The rows that are held, and those that were.
--
-- Read by     deletion_jobs_operator, deletion_jobs_reader

CREATE OR REPLACE
ALGORITHM = UNDEFINED
DEFINER = 'deletion_jobs_owner'@'localhost'
SQL SECURITY DEFINER
VIEW vw_deletion_holds AS
SELECT
    h.hold_id,
    h.table_name,
    h.row_pk,
    h.key_columns,
    h.row_seen_at,
    (h.released_at IS NULL AND (h.held_until IS NULL OR h.held_until > utc_timestamp(6)))
    AS is_in_force,
    h.held_until,
    h.reason,
    h.held_by,
    h.held_at,
    h.released_by,
    h.released_at
FROM deletion_holds AS h;

GRANT SELECT ON vw_deletion_holds
TO 'deletion_jobs_operator', 'deletion_jobs_reader';
-- <<<

-- >>> schema/mysql/views/vw_deletion_misfits.sql
-- vw_deletion_misfits
-- Rules and declarations that fit the catalog no more: why, and the SQL that takes each away.
--
-- Read by     deletion_jobs_operator, deletion_jobs_reader
--
-- Without them rows would go, or stay, by what the catalog says alone: so they stop jobs.

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02
-- A table of its own: merged, the reader would need the right to execute what lists them.
CREATE OR REPLACE
ALGORITHM = TEMPTABLE
DEFINER = 'deletion_jobs_owner'@'localhost'
SQL SECURITY DEFINER
VIEW vw_deletion_misfits AS
SELECT
    s.kind,
    if(s.kind = 'reference without table', s.name, concat(s.name, ' of ', s.table_name)) AS subject,
    s.child_schema,
    s.child_table,
    s.parent_schema,
    s.parent_table,
    s.is_everywhere,
    s.since,
    concat(
        CASE s.kind
            WHEN 'rule without reference' THEN concat(
                'the rule for ', s.name, ' of ', s.table_name, ' fits no ',
                if(s.is_everywhere, 'table', 'reference')
            )
            WHEN 'reference without table' THEN concat(
                'the declared reference ', s.name, ' fits no table'
            )
            ELSE concat('the soft-delete column ', s.name, ' of ', s.table_name, ' fits no table')
        END,
        coalesce(concat(' (no ', s.lost, ')'), '')
    ) AS why,
    -- A reference that is declared again takes the place of the one of its name.
    if(s.kind = 'reference without table', 'declare it anew, or', 'set it anew, then') AS advice,
    concat(
        'CALL `', deletion_home(), '`.',
        CASE s.kind
            WHEN 'rule without reference' THEN concat(
                'set_deletion_rule(', quote(s.table_name), ', ', quote(s.name), ', NULL, NULL);'
            )
            WHEN 'reference without table' THEN concat(
                'declare_deletion_reference(', quote(s.name),
                ', NULL, NULL, NULL, NULL, NULL, NULL, NULL);'
            )
            ELSE concat('set_soft_deletion(', quote(s.table_name), ', NULL, NULL, NULL);')
        END
    ) AS mend_sql
FROM (
    SELECT m.*, deletion_entity_name(m.child_schema, m.child_table) AS table_name
    FROM json_table(
        deletion_misfits(), '$[*]' COLUMNS (
            kind VARCHAR(32) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.kind',
            name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.name',
            child_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
                PATH '$.child_schema',
            child_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
                PATH '$.child_table',
            parent_schema VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
                PATH '$.parent_schema',
            parent_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
                PATH '$.parent_table',
            lost VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.lost',
            is_everywhere BOOLEAN PATH '$.is_everywhere',
            since DATETIME(6) PATH '$.since'
        )
    ) AS m
) AS s;

GRANT SELECT ON vw_deletion_misfits
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
                max(s.kind IN ('set', 'lock', 'mark')),
                '["SELECT", "UPDATE", "DELETE"]',
                '["SELECT", "DELETE"]'
            ),
            if(max(s.kind IN ('set', 'lock', 'mark')), '["SELECT", "UPDATE"]', '["SELECT"]')
        ) AS rights
    FROM deletion_plans AS p
    INNER JOIN deletion_plan_steps AS s ON s.plan_id = p.plan_id
    -- What is kept is read by previews alone.
    WHERE p.superseded_at IS NULL AND coalesce(s.action, '') <> 'keep'
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
    WHERE j.status = 'failed' AND coalesce(j.error, '') NOT LIKE 'JD006: held: %'
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
    'plan',
    t.entity_table,
    t.created_at,
    'no plan is made yet: which rights and indexes it needs is not known',
    concat('CALL `', deletion_home(), '`.compile_deletion_plan(', quote(t.entity_table), ');')
FROM deletion_targets AS t
WHERE NOT EXISTS (
    SELECT 1
    FROM deletion_plans AS p
    WHERE p.entity_table = t.entity_table AND p.superseded_at IS NULL
)
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
WHERE
    p.superseded_at IS NULL
    AND s.kind = 'size'
    -- Both modes need it: one line.
    AND (
        p.hard_delete
        OR NOT EXISTS (
            SELECT 1
            FROM deletion_plans AS h
            INNER JOIN deletion_plan_steps AS t ON t.plan_id = h.plan_id
            WHERE
                h.entity_table = p.entity_table
                AND h.hard_delete
                AND h.superseded_at IS NULL
                AND t.kind = 'size'
                AND t.table_name = s.table_name
                AND t.reference_name = s.reference_name
        )
    )
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
    'held',
    concat('job ', j.id),
    j.finished_at,
    concat(j.entity_table, ' ', j.entity_pk, ': ', j.error),
    concat(
        coalesce((
            SELECT group_concat(
                'CALL `', deletion_home(), '`.release_deletion_hold(', quote(d.table_name), ', ',
                quote(d.row_pk), '); '
                ORDER BY d.hold_id SEPARATOR ''
            )
            FROM vw_deletion_holds AS d
            WHERE
                d.is_in_force
                AND locate(concat(' ', d.table_name, ' ', d.row_pk, ' '), j.error) > 0
        ), ''),
        'CALL `', deletion_home(), '`.retry_deletion(', j.id, ');'
    )
FROM deletion_jobs AS j
WHERE j.status = 'failed' AND j.error LIKE 'JD006: held: %'
UNION ALL
SELECT
    'hold without table',
    concat(d.table_name, ' ', d.row_pk),
    d.held_at,
    'the table is gone, or has another name: every job fails until the hold is released',
    concat(
        'CALL `', deletion_home(), '`.release_deletion_hold(', quote(d.table_name), ', ',
        quote(d.row_pk), ');'
    )
FROM json_table(
    deletion_lost_holds(), '$[*]' COLUMNS (hold_id BIGINT UNSIGNED PATH '$')
) AS l
INNER JOIN vw_deletion_holds AS d ON d.hold_id = l.hold_id
UNION ALL
SELECT
    m.kind,
    m.subject,
    m.since,
    concat(
        m.why, ', and ', if(m.is_everywhere, 'every job fails', 'jobs that reach it fail'), ': ',
        m.advice, ' take this away'
    ),
    m.mend_sql
FROM vw_deletion_misfits AS m
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

-- >>> tooling/deletion_jobs/sql/mysql/migration_commit.sql
SET SESSION sql_mode = @dj_sql_mode;
SET SESSION time_zone = @dj_time_zone;
SET SESSION lock_wait_timeout = @dj_lock_wait_timeout;
SET SESSION sql_safe_updates = @dj_sql_safe_updates;
SET SESSION sql_big_selects = @dj_sql_big_selects;
-- <<<
