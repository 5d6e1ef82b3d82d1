SELECT pg_advisory_unlock(
    hashtextextended(
        'deletion_jobs:apply:' || to_regnamespace(quote_ident(current_schema()))::oid::text, 0
    )
) AS is_unlocked
