-- vw_deletion_problems
-- What somebody has to act on, one line each, with the SQL that mends it.
--
-- Read by     deletion_jobs_operator, deletion_jobs_reader

CREATE OR REPLACE VIEW vw_deletion_problems AS
WITH home AS (
    SELECT n.oid AS schema_oid, format('%I', n.nspname) AS schema_sql
    FROM pg_class AS c
    INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.oid = 'deletion_jobs'::regclass
),

-- Tables by the names that plans give them: a reader's path must not resolve them.
named AS (
    SELECT
        c.oid AS table_oid,
        format('%I.%I', n.nspname, c.relname) AS table_sql,
        CASE
            WHEN n.oid = h.schema_oid THEN quote_ident(c.relname)
            ELSE format('%I.%I', n.nspname, c.relname)
        END AS table_name
    FROM pg_class AS c
    INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
    CROSS JOIN home AS h
    WHERE c.relkind IN ('r', 'p')
),

step AS (
    SELECT
        p.entity_table, p.hard_delete, p.compiled_at, s.kind, s.action, s.reference_name,
        s.table_name,
        n.table_oid, n.table_sql
    FROM deletion_plans AS p
    INNER JOIN deletion_plan_steps AS s ON s.plan_id = p.plan_id
    INNER JOIN named AS n ON n.table_name = s.table_name
    WHERE p.superseded_at IS NULL
),

lacked AS (
    SELECT p.entity_table, l.table_name, l.table_sql, l.schema_sql, l.privilege
    FROM deletion_plans AS p
    CROSS JOIN LATERAL deletion_lacked_rights(p.plan_id) AS l
    WHERE p.superseded_at IS NULL AND p.error_code IS NULL
),

failed AS (
    SELECT
        j.entity_table,
        left(j.error, 5) AS code,
        count(*) AS jobs,
        min(j.finished_at) AS since,
        (array_agg(j.error ORDER BY j.finished_at DESC))[1] AS last_error
    FROM deletion_jobs AS j
    WHERE j.status = 'failed' AND coalesce(j.error, '') NOT LIKE 'JD006: held: %'
    GROUP BY j.entity_table, left(j.error, 5)
),

resting AS (
    SELECT
        j.entity_table,
        count(*) AS jobs,
        min(j.created_at) AS since,
        max(j.id) AS last_job,
        (array_agg(j.error ORDER BY j.id DESC))[1] AS last_error
    FROM deletion_jobs AS j
    WHERE j.status = 'pending' AND j.error IS NOT NULL
    GROUP BY j.entity_table
)

SELECT
    'schedule' AS problem,
    format('slot %s', s.slot) AS subject,
    coalesce(s.last_started_at, s.armed_at) AS since,
    format('%s: %s', s.state, s.why) AS detail,
    s.mend_sql
FROM vw_deletion_schedule AS s
WHERE
    s.state IN ('paused', 'died', 'late', 'off')
    AND EXISTS (SELECT 1 FROM deletion_targets)
UNION ALL
SELECT
    'orphaned',
    format('job %s', p.job_id),
    p.last_step_at,
    format('the worker of %s %s is gone; the next one takes it up', p.entity_table, p.entity_pk),
    format('CALL %s.run_deletion_jobs(NULL, NULL);', h.schema_sql)
FROM vw_deletion_progress AS p
CROSS JOIN home AS h
WHERE p.is_orphaned
UNION ALL
SELECT
    'plan',
    p.entity_table,
    p.compiled_at,
    format('%s: %s', p.error_code, p.error),
    format('CALL %s.compile_deletion_plan(%L);', h.schema_sql, p.entity_table)
FROM deletion_plans AS p
CROSS JOIN home AS h
WHERE p.superseded_at IS NULL AND p.error_code IS NOT NULL
UNION ALL
SELECT
    'plan',
    t.entity_table,
    t.created_at,
    'no plan is made yet: which rights and indexes it needs is not known',
    format('CALL %s.compile_deletion_plan(%L);', h.schema_sql, t.entity_table)
FROM deletion_targets AS t
CROSS JOIN home AS h
WHERE NOT EXISTS (
    SELECT 1
    FROM deletion_plans AS p
    WHERE p.entity_table = t.entity_table AND p.superseded_at IS NULL
)
UNION ALL
SELECT
    'right missing',
    l.table_name,
    NULL,
    format(
        'deletion_jobs_owner lacks %s for deletions of %s',
        string_agg(DISTINCT l.privilege, ', ' ORDER BY l.privilege), l.entity_table
    ),
    format(
        'GRANT %s ON %s TO deletion_jobs_owner;',
        string_agg(DISTINCT l.privilege, ', ' ORDER BY l.privilege), l.table_sql
    )
FROM lacked AS l
WHERE l.privilege NOT IN ('USAGE', 'BYPASSRLS')
GROUP BY l.entity_table, l.table_name, l.table_sql
UNION ALL
SELECT DISTINCT
    'right missing',
    l.schema_sql,
    NULL::timestamptz,
    'deletion_jobs_owner lacks USAGE for deletions of ' || l.entity_table,
    format('GRANT USAGE ON SCHEMA %s TO deletion_jobs_owner;', l.schema_sql)
FROM lacked AS l
WHERE l.privilege = 'USAGE'
UNION ALL
SELECT DISTINCT
    'row security',
    l.table_name,
    NULL::timestamptz,
    'a policy may hide rows from deletions of ' || l.entity_table,
    'ALTER ROLE deletion_jobs_owner BYPASSRLS;'
FROM lacked AS l
WHERE l.privilege = 'BYPASSRLS'
UNION ALL
SELECT
    'index missing',
    format('%s of %s', s.reference_name, s.table_name),
    s.compiled_at,
    format('deletions of %s read the whole table to find its rows', s.entity_table),
    format('CREATE INDEX CONCURRENTLY ON %s (%s);', s.table_sql, (
        SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY k.ordinality)
        FROM (
            SELECT u.attnum, u.ordinality
            FROM pg_constraint AS f, unnest(f.conkey) WITH ORDINALITY AS u (attnum, ordinality)
            WHERE f.conrelid = s.table_oid AND f.conname = s.reference_name
            UNION ALL
            SELECT w.attnum, u.ordinality
            FROM deletion_references AS d,
                jsonb_array_elements_text(d.child_columns) WITH ORDINALITY AS u (name, ordinality),
                pg_attribute AS w
            WHERE
                d.reference_name = s.reference_name
                AND w.attrelid = s.table_oid AND w.attname = u.name
        ) AS k
        INNER JOIN pg_attribute AS a ON a.attrelid = s.table_oid AND a.attnum = k.attnum
    ))
FROM step AS s
WHERE
    s.kind = 'size'
    -- Both modes need it: one line.
    AND (
        s.hard_delete
        OR NOT EXISTS (
            SELECT 1
            FROM step AS h
            WHERE
                h.hard_delete AND h.kind = 'size' AND h.entity_table = s.entity_table
                AND h.table_name = s.table_name AND h.reference_name = s.reference_name
        )
    )
UNION ALL
SELECT
    'failed',
    f.entity_table,
    f.since,
    format('%s jobs, the last one: %s', f.jobs, f.last_error),
    format(
        'DO $do$ DECLARE v_id bigint; BEGIN FOR v_id IN SELECT id FROM %1$s.vw_deletion_jobs'
        ' WHERE status = ''failed'' AND entity_table = %2$L AND error LIKE %3$L'
        ' LOOP CALL %1$s.retry_deletion(v_id); END LOOP; END $do$;',
        h.schema_sql, f.entity_table, f.code || '%'
    )
FROM failed AS f
CROSS JOIN home AS h
UNION ALL
SELECT
    'held',
    format('job %s', j.id),
    j.finished_at,
    format('%s %s: %s', j.entity_table, j.entity_pk, j.error),
    coalesce((
        SELECT string_agg(format(
            'CALL %s.release_deletion_hold(%L, %L);', h.schema_sql, d.table_name, d.row_pk
        ), ' ' ORDER BY d.hold_id) || ' '
        FROM vw_deletion_holds AS d
        WHERE
            d.is_in_force
            AND position(format(' %s %s ', d.table_name, d.row_pk) IN j.error) > 0
    ), '') || format('CALL %s.retry_deletion(%s);', h.schema_sql, j.id)
FROM deletion_jobs AS j
CROSS JOIN home AS h
WHERE j.status = 'failed' AND j.error LIKE 'JD006: held: %'
UNION ALL
SELECT
    'hold without table',
    format('%s %s', d.table_name, d.row_pk),
    d.held_at,
    'the table is gone, or has another name: every job fails until the hold is released',
    format('CALL %s.release_deletion_hold(%L, %L);', h.schema_sql, d.table_name, d.row_pk)
FROM vw_deletion_holds AS d
CROSS JOIN home AS h
WHERE d.is_in_force AND NOT EXISTS (SELECT 1 FROM named AS n WHERE n.table_name = d.table_name)
UNION ALL
SELECT
    m.kind,
    m.subject,
    m.since,
    format(
        '%s, and %s: %s take this away', m.why,
        CASE WHEN m.is_everywhere THEN 'every job fails' ELSE 'jobs that reach it fail' END,
        m.advice
    ),
    m.mend_sql
FROM vw_deletion_misfits AS m
UNION ALL
SELECT
    'retrying',
    r.entity_table,
    r.since,
    format('%s jobs wait to be tried again, the last one: %s', r.jobs, r.last_error),
    format(
        'SELECT * FROM %s.vw_deletion_attempts WHERE job_id = %s ORDER BY attempt_no;',
        h.schema_sql, r.last_job
    )
FROM resting AS r
CROSS JOIN home AS h;

COMMENT ON VIEW vw_deletion_problems IS 'One line for each thing to act on.';
GRANT SELECT ON vw_deletion_problems TO deletion_jobs_operator, deletion_jobs_reader;
