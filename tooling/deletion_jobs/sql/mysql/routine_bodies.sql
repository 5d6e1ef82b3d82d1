SELECT
    r.routine_name AS name,
    r.routine_definition AS body,
    NULL AS search_path,
    NULL AS wanted_path
FROM information_schema.routines AS r
WHERE r.routine_schema = database() AND find_in_set(r.routine_name, %(names)s) > 0
ORDER BY r.routine_name
