-- 0003_keep_deletion_receipts_by_run: apply
-- Keep deletion receipts by run on MySQL.
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

-- Every statement can be run again: here DDL commits.

-- Keys of these forms are not parsed any more.
SET @dj_sql = if(
    EXISTS (
        SELECT 1
        FROM information_schema.columns AS c
        WHERE
            c.table_schema = database() AND c.table_name = 'deletion_targets'
            AND c.column_name = 'plain_key'
    ),
    'DO 0',
    'ALTER TABLE deletion_targets ADD COLUMN plain_key VARCHAR(64) NULL '
    'COMMENT '
    '''Regular expression: keys of this form are as their type prints them; NULL: each is parsed'' '
    'AFTER key_collations'
);
PREPARE dj_stmt FROM @dj_sql;
EXECUTE dj_stmt;
DEALLOCATE PREPARE dj_stmt;

UPDATE deletion_targets AS t
SET t.plain_key = CASE json_unquote(json_extract(t.key_types, '$[0]'))
    WHEN 'int' THEN '^(0|-?[1-9][0-9]{0,8})\\z'
    WHEN 'bigint' THEN '^(0|-?[1-9][0-9]{0,17})\\z'
    WHEN 'int unsigned' THEN '^(0|[1-9][0-9]{0,8})\\z'
    WHEN 'bigint unsigned' THEN '^(0|[1-9][0-9]{0,8})\\z'
END
WHERE json_length(t.key_types) = 1;

SET @dj_sql = if(
    EXISTS (
        SELECT 1
        FROM information_schema.columns AS c
        WHERE
            c.table_schema = database() AND c.table_name = 'deletion_plans'
            AND c.column_name = 'fan_out'
    ),
    'DO 0',
    'ALTER TABLE deletion_plans ADD COLUMN fan_out JSON NULL '
    'COMMENT ''Rows changed below a row of each of its tables, as its last run saw them'' '
    'AFTER has_waits'
);
PREPARE dj_stmt FROM @dj_sql;
EXECUTE dj_stmt;
DEALLOCATE PREPARE dj_stmt;

-- Recovery looks at runs that left jobs behind, no more at all jobs that are running.
SET @dj_sql = if(
    EXISTS (
        SELECT 1
        FROM information_schema.columns AS c
        WHERE
            c.table_schema = database() AND c.table_name = 'deletion_runs'
            AND c.column_name = 'jobs_open'
    ),
    'DO 0',
    'ALTER TABLE deletion_runs ADD COLUMN jobs_open INT NOT NULL DEFAULT 0 '
    'COMMENT ''Of them running by their status; more than 0 in an ended run: callers held them'' '
    'AFTER job_count, ADD KEY idx_dr_left (jobs_open, run_id)'
);
PREPARE dj_stmt FROM @dj_sql;
EXECUTE dj_stmt;
DEALLOCATE PREPARE dj_stmt;

UPDATE deletion_runs AS r
INNER JOIN (
    SELECT a.run_id, count(*) AS jobs
    FROM deletion_jobs AS j
    INNER JOIN deletion_attempts AS a ON a.job_id = j.id
    WHERE
        j.status = 'running'
        AND a.attempt_no = (
            SELECT max(b.attempt_no) FROM deletion_attempts AS b WHERE b.job_id = j.id
        )
    GROUP BY a.run_id
) AS o ON o.run_id = r.run_id
SET r.jobs_open = o.jobs;

-- Receipts by run: what a job's attempts before this counted stands with the last of them.
SET @dj_sql = if(
    EXISTS (
        SELECT 1
        FROM information_schema.columns AS c
        WHERE
            c.table_schema = database() AND c.table_name = 'deletion_receipts'
            AND c.column_name = 'job_id'
    ),
    'RENAME TABLE deletion_receipts TO deletion_receipts_by_job',
    'DO 0'
);
PREPARE dj_stmt FROM @dj_sql;
EXECUTE dj_stmt;
DEALLOCATE PREPARE dj_stmt;

SET @dj_sql = if(
    EXISTS (
        SELECT 1
        FROM information_schema.table_constraints AS k
        WHERE
            k.table_schema = database() AND k.table_name = 'deletion_receipts_by_job'
            AND k.constraint_name = 'chk_drec_action'
    ),
    'ALTER TABLE deletion_receipts_by_job DROP CHECK chk_drec_action',
    'DO 0'
);
PREPARE dj_stmt FROM @dj_sql;
EXECUTE dj_stmt;
DEALLOCATE PREPARE dj_stmt;

CREATE TABLE IF NOT EXISTS deletion_receipts (
    run_id BIGINT UNSIGNED NOT NULL
        COMMENT 'The run',
    table_name VARCHAR(130) NOT NULL
        COMMENT 'The table, named as targets are',
    action VARCHAR(16) NOT NULL
        COMMENT 'delete, set_null, set_default; root_not_found: the row was gone already',
    row_counts JSON NOT NULL
        COMMENT 'How many rows of each job, an object; below zero: set by an earlier run, deleted by this one',  -- noqa: LT05
    updated_at DATETIME(6) NOT NULL DEFAULT (utc_timestamp(6))
        COMMENT 'When it was last written; UTC',
    PRIMARY KEY (run_id, table_name, action),
    CONSTRAINT chk_drec_action
    CHECK (action IN ('delete', 'set_null', 'set_default', 'root_not_found'))
) ENGINE = InnoDB
DEFAULT CHARACTER SET = utf8mb4
COLLATE = utf8mb4_0900_bin
ROW_FORMAT = DYNAMIC
COMMENT = 'Rows changed, for each run, table and action, by job';

SET @dj_sql = if(
    EXISTS (
        SELECT 1
        FROM information_schema.tables AS t
        WHERE t.table_schema = database() AND t.table_name = 'deletion_receipts_by_job'
    ),
    'INSERT IGNORE INTO deletion_receipts (run_id, table_name, action, row_counts, updated_at) '
    'SELECT '
    'a.run_id, r.table_name, r.action, json_objectagg(r.job_id, r.row_count), max(r.updated_at) '
    'FROM deletion_receipts_by_job AS r '
    'INNER JOIN deletion_attempts AS a ON a.job_id = r.job_id '
    'WHERE a.attempt_no = ( '
    'SELECT max(b.attempt_no) FROM deletion_attempts AS b '
    'WHERE b.job_id = r.job_id AND b.run_id IS NOT NULL) '
    'GROUP BY a.run_id, r.table_name, r.action',
    'DO 0'
);
PREPARE dj_stmt FROM @dj_sql;
EXECUTE dj_stmt;
DEALLOCATE PREPARE dj_stmt;

DROP TABLE IF EXISTS deletion_receipts_by_job;

-- === schema/mysql/tables/deletion_targets.sql 13534cdf6f87fdd99bc63e43385872097fb337c9302b04e4cc4f200bde217b6d  -- noqa: LT05
-- === schema/mysql/tables/deletion_plans.sql 11de71cda2a2497bdf828860c3a1de9c7d6c47431dd40e739d2e71a5a67c0c7f  -- noqa: LT05
-- === schema/mysql/tables/deletion_runs.sql f69608a351600309f09a6d6eea2be49fbc36cbddde7fcfa8fe1f6a3fd18a38e6  -- noqa: LT05
-- === schema/mysql/tables/deletion_receipts.sql 38b9479fb6bca0f66cc1f434a54898729ddc312edc56a9b5cd2bcd82de8c9b6d  -- noqa: LT05

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

-- >>> procedures/mysql/planner/deletion_plain_key.sql
-- deletion_plain_key
-- Give the form in which keys of a type are as it prints them beyond doubt.
--
-- Parameters  p_types   the types of a target's key, a JSON array
-- Returns     text, a regular expression: a part of the time of the whole way; NULL: there is none
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_plain_key('["bigint"]');

DROP FUNCTION IF EXISTS deletion_plain_key;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_plain_key(
    p_types JSON
) RETURNS VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
DETERMINISTIC
NO SQL
SQL SECURITY DEFINER
COMMENT 'Give the form in which keys of a type are as it prints them beyond doubt'
BEGIN
    -- Up to \z, the very end: $ would let a line end follow.
    RETURN CASE
        WHEN json_length(p_types) <> 1 THEN NULL
        WHEN json_unquote(json_extract(p_types, '$[0]')) = 'int' THEN '^(0|-?[1-9][0-9]{0,8})\\z'
        WHEN json_unquote(json_extract(p_types, '$[0]')) = 'bigint' THEN
            '^(0|-?[1-9][0-9]{0,17})\\z'
        WHEN json_unquote(json_extract(p_types, '$[0]')) IN ('int unsigned', 'bigint unsigned') THEN
            '^(0|[1-9][0-9]{0,8})\\z'
    END;
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
            job_count, jobs_open, batch_rows, state
        )
        VALUES (
            v_plan_id, v_entity_table, v_hard, p_slot, p_token, connection_id(),
            @@GLOBAL.server_uuid, 'check', p_job_count = 1, p_job_count, p_job_count,
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

-- >>> procedures/mysql/worker/deletion_due.sql
-- deletion_due
-- Lock the jobs that are due first and choose those that can be walked together.
--
-- Parameters  p_jobs    OUT JSON array of the jobs; NULL: nothing is due
--             p_entity_table, p_hard   OUT their target and mode
--             p_alone   OUT TRUE: the first of them must go alone
-- Writes      nothing; locks at most jobs_per_run rows of deletion_jobs     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_due;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_due(
    OUT p_jobs JSON,
    OUT p_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    OUT p_hard BOOLEAN,
    OUT p_alone BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Lock the jobs that are due first and choose those that can be walked together'
BEGIN
    DECLARE v_due JSON;
    DECLARE v_first BIGINT UNSIGNED;
    DECLARE v_batch_rows INT DEFAULT deletion_setting_int('batch_rows');
    DECLARE v_limit INT DEFAULT least(deletion_setting_int('jobs_per_run'), v_batch_rows);

    -- The expression and its index are one: rows come in due order, and only these are locked.
    SELECT json_arrayagg(json_object(
        'id', q.id, 't', q.entity_table, 'h', q.hard_delete, 'd', cast(q.due_at AS CHAR)
    ))
    INTO v_due
    FROM (
        SELECT
            j.id, j.entity_table, j.hard_delete, coalesce(j.scheduled_at, j.created_at) AS due_at
        FROM deletion_jobs AS j FORCE INDEX (idx_dj_due)
        WHERE j.status = 'pending' AND coalesce(j.scheduled_at, j.created_at) <= utc_timestamp(6)
        ORDER BY j.status, coalesce(j.scheduled_at, j.created_at), j.id
        LIMIT v_limit
        FOR UPDATE SKIP LOCKED  -- noqa: PRS
    ) AS q;

    WITH candidate AS (
        SELECT
            d.*,
            coalesce((
                SELECT a.alone_next
                FROM deletion_attempts AS a
                WHERE a.job_id = d.id AND NOT a.is_past
                ORDER BY a.attempt_no DESC
                LIMIT 1
            ), FALSE) AS alone
        FROM json_table(v_due, '$[*]' COLUMNS (  -- noqa: CP02
            id BIGINT UNSIGNED PATH '$.id',  -- noqa: PRS
            entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.t',
            hard_delete BOOLEAN PATH '$.h',
            due_at DATETIME(6) PATH '$.d'
        )) AS d
    ),

    leader AS (
        SELECT c.* FROM candidate AS c ORDER BY c.due_at, c.id LIMIT 1
    ),

    chosen AS (
        SELECT
            c.id, l.entity_table, l.hard_delete, l.alone,
            row_number() OVER (ORDER BY c.due_at, c.id) AS place,
            -- As many as went in one transaction last time: a second one, for the rest of a set,
            -- costs as much as a whole one. But no average makes a set a small one.
            (
                SELECT greatest(100, floor(
                    0.97 * v_batch_rows / (1 + cast(json_extract(p.fan_out, '$."0"') AS DOUBLE))
                ))
                FROM deletion_plans AS p
                WHERE
                    p.entity_table = l.entity_table
                    AND p.hard_delete = l.hard_delete
                    AND p.superseded_at IS NULL
            ) AS places
        FROM leader AS l
        INNER JOIN candidate AS c
            ON
                c.id = l.id
                OR (
                    NOT l.alone
                    AND NOT c.alone
                    AND c.entity_table = l.entity_table
                    AND c.hard_delete = l.hard_delete
                )
    )

    SELECT json_arrayagg(c.id), max(c.entity_table), max(c.hard_delete), max(c.alone)
    INTO p_jobs, p_entity_table, p_hard, p_alone
    FROM chosen AS c
    WHERE c.places IS NULL OR c.place <= c.places;
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

-- >>> procedures/mysql/worker/deletion_find_roots.sql
-- deletion_find_roots
-- Find the rows that a run's jobs name, and push them as the run's first frame.
--
-- Parameters  p_run_id, p_plan_id   the run
-- Writes      deletion_frames, deletion_receipts; deletion_attempts and deletion_jobs of jobs whose
--             key does not parse (JD002)           Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_find_roots;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_find_roots(
    IN p_run_id BIGINT UNSIGNED,
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Find the rows that a run''s jobs name, and push them as the run''s first frame'
BEGIN
    DECLARE v_job_id BIGINT UNSIGNED;
    DECLARE v_pk, v_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_types, v_collations, v_keys, v_missing JSON;
    DECLARE v_table VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin DEFAULT (
        SELECT s.table_name
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = p_plan_id AND s.edge_no = 0 AND s.kind = 'roots'
    );
    DECLARE v_spelling INT;
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    -- Rows that are not found as they are spelled: only their keys need a strict reading.
    DECLARE c_missing CURSOR FOR
        SELECT j.id, j.entity_pk, k.m
        FROM json_table(v_keys, '$[*]' COLUMNS (
            j BIGINT UNSIGNED PATH '$.j', m INT PATH '$.m'
        )) AS k
        STRAIGHT_JOIN deletion_jobs AS j FORCE INDEX (PRIMARY) ON j.id = k.j  -- noqa: PRS
        WHERE k.m IS NOT NULL;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    SELECT t.key_types, t.key_collations
    INTO v_types, v_collations
    FROM deletion_runs AS r
    INNER JOIN deletion_targets AS t ON t.entity_table = r.entity_table
    WHERE r.run_id = p_run_id;

    SELECT json_arrayagg(json_object('j', j.id, 'pk', j.entity_pk, 'k', CASE
        WHEN json_length(v_types) = 1 THEN json_array(j.entity_pk)
        WHEN json_valid(j.entity_pk) THEN cast(j.entity_pk AS JSON)
    END))
    INTO @dj_frame
    FROM deletion_attempts AS a
    STRAIGHT_JOIN deletion_jobs AS j FORCE INDEX (PRIMARY) ON j.id = a.job_id  -- noqa: PRS
    WHERE a.run_id = p_run_id AND a.outcome IS NULL;

    CALL deletion_execute(p_plan_id, 0, 'roots');
    SET v_keys = @dj_answer;

    INSERT INTO deletion_frames (run_id, depth, node_no, edge_no, `keys`, key_count, rows_at_pass)
    VALUES (p_run_id, 0, 0, 0, v_keys, json_length(v_keys), 0);

    OPEN c_missing;
    FETCH c_missing INTO v_job_id, v_pk, v_spelling;

    WHILE NOT v_is_done DO
        SET v_error = CASE
            WHEN deletion_key_texts(v_types, v_collations, v_pk) IS NULL THEN 'does not parse'
            WHEN deletion_key_texts(v_types, v_collations, v_pk) <> v_pk THEN
                'is not spelled as its type prints it'
            WHEN v_spelling = 2 THEN 'is spelled otherwise in the table'
        END;

        IF v_error IS NOT NULL THEN
            CALL deletion_fail_jobs(
                p_run_id, json_array(v_job_id), concat('JD002: the key ', v_error, ' (', v_pk, ')')
            );
        END IF;

        SET v_is_done = FALSE;
        FETCH c_missing INTO v_job_id, v_pk, v_spelling;
    END WHILE;

    CLOSE c_missing;

    -- A job that comes again after a crash has removed its root itself: its receipts know.
    SELECT json_objectagg(k.j, 0)
    INTO v_missing
    FROM deletion_frames AS f
    CROSS JOIN json_table(f.`keys`, '$[*]' COLUMNS (
        j BIGINT UNSIGNED PATH '$.j', m INT PATH '$.m'
    )) AS k
    WHERE
        f.run_id = p_run_id
        AND k.m IS NOT NULL
        AND NOT EXISTS (
            SELECT 1
            FROM deletion_attempts AS a
            INNER JOIN deletion_receipts AS r ON r.run_id = a.run_id
            WHERE
                -- What an earlier request of the same row did is another story.
                a.job_id = k.j
                AND NOT a.is_past
                AND r.table_name = v_table
                AND r.action = 'delete'
                AND json_contains_path(r.row_counts, 'one', concat('$."', k.j, '"'))
        );
    CALL deletion_add_receipts(p_run_id, v_table, 'root_not_found', v_missing);
END$$
DELIMITER ;
-- <<<

-- >>> procedures/mysql/worker/deletion_keep_fan_out.sql
-- deletion_keep_fan_out
-- Keep with a plan what a run has seen of the fan-out: the next run begins with it.
--
-- Parameters  p_run_id, p_plan_id   the run, and its plan
-- Writes      deletion_plans                       Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_keep_fan_out;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_keep_fan_out(
    IN p_run_id BIGINT UNSIGNED,
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Keep with a plan what a run has seen of the fan-out: the next run begins with it'
BEGIN
    DECLARE v_fan_out JSON;
    DECLARE v_free BIGINT UNSIGNED;

    SELECT
        json_set(
            coalesce(json_extract(r.state, '$.fan'), json_object()),
            -- Not below 0, where most roots were gone already.
            '$."0"', round(greatest(0, r.rows_changed / r.job_count - 1), 1)
        )
    INTO v_fan_out
    FROM deletion_runs AS r
    WHERE r.run_id = p_run_id AND r.rows_changed > 0;

    -- Steps of other workers hold the plan's row: what they have seen does as well.
    SELECT p.plan_id
    INTO v_free
    FROM deletion_plans AS p
    WHERE p.plan_id = p_plan_id
    FOR UPDATE SKIP LOCKED;  -- noqa: PRS

    UPDATE deletion_plans AS p
    SET p.fan_out = v_fan_out
    WHERE p.plan_id = v_free AND v_fan_out IS NOT NULL;
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

-- >>> procedures/mysql/worker/deletion_load_frame.sql
-- deletion_load_frame
-- Make the run's topmost stored frame the walk's present one; a frame over the batch is split.
--
-- Writes      deletion_frames                      Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_load_frame;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_load_frame()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Make the run''s topmost stored frame the walk''s present one; a frame over the batch is split'  -- noqa: LT05
BEGIN
    DECLARE v_rest JSON;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET @dj_depth = NULL;

    SELECT
        f.depth, f.node_no, f.edge_no, f.`keys`, f.key_count, f.edge_pos, f.fetch_cursor,
        f.rows_at_pass, f.idle_passes, f.rows_here, FALSE
    INTO
        @dj_depth, @dj_node_no, @dj_edge_no, @dj_keys, @dj_count, @dj_pos, @dj_read,
        @dj_pass, @dj_idle, @dj_here, @dj_is_dirty
    FROM deletion_frames AS f
    WHERE f.run_id = @dj_run_id
    ORDER BY f.depth DESC
    LIMIT 1;

    IF
        @dj_depth IS NOT NULL
        AND @dj_count > @dj_batch
        AND json_contains_path(@dj_keys, 'one', '$[0].l')
    THEN
        -- Rows of several levels cannot be parted: they are found again, fewer at a time.
        DELETE FROM deletion_frames WHERE run_id = @dj_run_id AND depth = @dj_depth;
        UPDATE deletion_frames AS f
        SET f.edge_pos = 0, f.fetch_cursor = NULL
        WHERE f.run_id = @dj_run_id AND f.depth = @dj_depth - 1;
        SELECT
            f.depth, f.node_no, f.edge_no, f.`keys`, f.key_count, f.edge_pos, f.fetch_cursor,
            f.rows_at_pass, f.idle_passes, f.rows_here, FALSE
        INTO
            @dj_depth, @dj_node_no, @dj_edge_no, @dj_keys, @dj_count, @dj_pos, @dj_read,
            @dj_pass, @dj_idle, @dj_here, @dj_is_dirty
        FROM deletion_frames AS f
        WHERE f.run_id = @dj_run_id
        ORDER BY f.depth DESC
        LIMIT 1;
    END IF;

    -- Locked by this very transaction, before any of its references was followed.
    SET @dj_is_locked = coalesce(locate(concat(',', @dj_depth, ','), @dj_locks) > 0, FALSE);

    IF @dj_depth IS NOT NULL AND @dj_count > @dj_batch THEN
        -- Contention has halved the batch: the rest waits one below, found by the same reference.
        SET v_rest = json_extract(@dj_keys, concat('$[', @dj_batch, ' to last]'));
        SET @dj_keys = json_extract(@dj_keys, concat('$[0 to ', @dj_batch - 1, ']'));

        UPDATE deletion_frames AS f
        SET
            f.`keys` = v_rest,
            f.key_count = json_length(v_rest),
            f.edge_pos = 0,
            f.fetch_cursor = NULL
        WHERE f.run_id = @dj_run_id AND f.depth = @dj_depth;

        SET @dj_depth = @dj_depth + 1, @dj_count = @dj_batch, @dj_read = NULL, @dj_is_dirty = TRUE;
        SET @dj_is_locked = FALSE;
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

-- >>> procedures/mysql/worker/deletion_slice.sql
-- deletion_slice
-- Dissolve a run whose time is up: heavy jobs go on alone, at the back; the others as they were.
--
-- Parameters  p_run_id   the run
-- Writes      deletion_runs, deletion_attempts, deletion_jobs, deletion_frames      Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_slice;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_slice(
    IN p_run_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Dissolve a run whose time is up: heavy jobs go on alone, at the back; the others as they were'  -- noqa: LT05
BEGIN
    DECLARE v_heavy JSON;

    -- Who has had a batch of its own, or more than half of what the run works at, is heavy. The
    -- small ones go on together: alone each of them would cost a run.
    SELECT json_arrayagg(a.job_id)
    INTO v_heavy
    FROM deletion_attempts AS a
    WHERE
        a.run_id = p_run_id
        AND a.outcome IS NULL
        AND (
            (
                SELECT sum(cast(
                    json_extract(r.row_counts, concat('$."', a.job_id, '"')) AS SIGNED
                ))
                FROM deletion_receipts AS r
                WHERE r.run_id = a.run_id
            ) >= deletion_setting_int('batch_rows')
            OR a.job_id IN (
                SELECT k.j
                FROM deletion_frames AS f
                CROSS JOIN json_table(f.`keys`, '$[*]' COLUMNS (j BIGINT UNSIGNED PATH '$.j')) AS k
                WHERE
                    f.run_id = p_run_id
                    AND f.depth = (
                        SELECT max(g.depth) FROM deletion_frames AS g WHERE g.run_id = p_run_id
                    )
                GROUP BY f.key_count, k.j
                HAVING count(*) * 2 > f.key_count
            )
        );

    CALL deletion_settle(p_run_id, NULL, 'sliced', NULL, FALSE, v_heavy);
    CALL deletion_end_run(p_run_id, 'sliced', NULL);
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

-- >>> procedures/mysql/worker/deletion_hold_frame.sql
-- deletion_hold_frame
-- Hold a frame's rows where they were found, until the step commits.
--
-- Parameters  p_kind         hold; lock: nobody may add children to them either
--             p_edge_no      the reference that they were found by; 0: the target's own rows
--             p_keys         INOUT the frame; without rows that have moved or gone, and with their
--                            present values
--             p_count        INOUT its number of keys
--             p_is_changed   OUT FALSE: it is as it was
-- Writes      nothing; locks the frame's rows      Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_hold_frame;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_hold_frame(
    IN p_kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
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
    DECLARE v_keys JSON;
    DECLARE v_has_others BOOLEAN DEFAULT json_contains_path(p_keys, 'one', '$[*].u1');

    SET p_is_changed = FALSE;

    -- The key of a root is what its job names; only other columns of it can change.
    IF p_edge_no > 0 OR v_has_others OR p_kind = 'lock' THEN
        SET @dj_frame = p_keys;
        CALL deletion_execute(@dj_plan_id, p_edge_no, p_kind);

        IF v_has_others OR @dj_rows < p_count THEN
            CALL deletion_execute(@dj_plan_id, p_edge_no, 'left');

            SET v_keys = @dj_answer;

            IF p_edge_no = 0 THEN
                -- Roots stay: what was declared may hang from one that is not there, or is no more.
                SELECT json_arrayagg(coalesce(a.o, json_set((
                    SELECT json_objectagg(y.name, json_extract(k.o, concat('$.', y.name)))
                    FROM json_table(json_keys(k.o), '$[*]' COLUMNS (  -- noqa: CP02
                        name VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'  -- noqa: PRS,LT05
                    )) AS y
                    WHERE y.name NOT LIKE 'u%'
                ), '$.m', 1)))
                INTO v_keys
                FROM json_table(p_keys, '$[*]' COLUMNS (  -- noqa: CP02
                    o JSON PATH '$', j BIGINT UNSIGNED PATH '$.j'
                )) AS k
                LEFT JOIN json_table(@dj_answer, '$[*]' COLUMNS (  -- noqa: CP02
                    o JSON PATH '$', j BIGINT UNSIGNED PATH '$.j'
                )) AS a ON a.j = k.j;
            END IF;

            SET p_is_changed = v_keys <> p_keys, p_keys = v_keys, p_count = json_length(v_keys);
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
    DECLARE v_is_changed, v_is_deep BOOLEAN;
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
        SET v_is_deep = json_contains_path(v_keys, 'one', '$[0].l');
        CALL deletion_hold_frame('hold', v_edge_no, v_keys, v_count, v_is_changed);
        SET v_is_done = v_is_changed;

        IF v_is_changed AND v_is_deep THEN
            -- What hangs from the rows that moved is in the same frame: all of it is found again.
            UPDATE deletion_frames AS f
            SET f.edge_pos = 0, f.fetch_cursor = NULL
            WHERE f.run_id = @dj_run_id AND f.depth = v_depth - 1;
            DELETE FROM deletion_frames WHERE run_id = @dj_run_id AND depth >= v_depth;
        ELSEIF v_is_changed THEN
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

-- >>> schema/mysql/views/vw_deletion_receipts.sql
-- vw_deletion_receipts
-- What each job has changed: table by table, action by action.
--
-- Read by     deletion_jobs_operator, deletion_jobs_reader

CREATE OR REPLACE
ALGORITHM = UNDEFINED
DEFINER = 'deletion_jobs_owner'@'localhost'
SQL SECURITY DEFINER
VIEW vw_deletion_receipts AS
SELECT
    a.job_id,
    j.entity_table,
    j.entity_pk,
    j.status,
    r.table_name,
    r.action,
    cast(sum(cast(
        json_extract(r.row_counts, concat('$."', a.job_id, '"')) AS SIGNED
    )) AS SIGNED) AS row_count,
    max(r.updated_at) AS updated_at
FROM deletion_attempts AS a
INNER JOIN deletion_receipts AS r
    ON
        r.run_id = a.run_id
        AND json_contains_path(r.row_counts, 'one', concat('$."', a.job_id, '"'))
LEFT JOIN deletion_jobs AS j ON j.id = a.job_id
GROUP BY a.job_id, j.entity_table, j.entity_pk, j.status, r.table_name, r.action
-- What was set by one run and deleted by the next counts as deleted alone.
HAVING r.action = 'root_not_found' OR row_count <> 0;

GRANT SELECT ON vw_deletion_receipts
TO 'deletion_jobs_operator', 'deletion_jobs_reader';
-- <<<

-- >>> tooling/deletion_jobs/sql/mysql/migration_commit.sql
SET SESSION sql_mode = @dj_sql_mode;
SET SESSION time_zone = @dj_time_zone;
SET SESSION lock_wait_timeout = @dj_lock_wait_timeout;
-- <<<
