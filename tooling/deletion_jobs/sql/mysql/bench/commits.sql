-- How many COMMITs this session has run, in routines too.
SELECT cast(s.variable_value AS UNSIGNED) AS commits
FROM performance_schema.session_status AS s
WHERE s.variable_name = 'Com_commit'
