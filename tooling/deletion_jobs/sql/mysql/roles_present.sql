SELECT u.user AS role_name
FROM mysql.user AS u
WHERE
    u.user IN (
        'deletion_jobs_owner', 'deletion_jobs_app', 'deletion_jobs_operator',
        'deletion_jobs_reader', 'deletion_jobs_worker'
    )
