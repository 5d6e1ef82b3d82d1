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
