SELECT
    p.proname::text AS name,
    p.prosrc AS body,
    (
        SELECT substr(s.setting, length('search_path=') + 1)
        FROM unnest(p.proconfig) AS s (setting)
        WHERE s.setting LIKE 'search\_path=%%'
    ) AS search_path,
    quote_ident(n.nspname) || ', pg_temp' AS wanted_path
FROM pg_proc AS p
INNER JOIN pg_namespace AS n
    ON p.pronamespace = n.oid
WHERE n.nspname = current_schema() AND p.proname IN (SELECT unnest(string_to_array(%(names)s, ',')))
ORDER BY p.proname
