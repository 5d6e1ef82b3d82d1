-- Rows that this session has read by index or without, in tables of any kind.
SELECT sum(s.variable_value) AS value
FROM performance_schema.session_status AS s
WHERE s.variable_name LIKE 'Handler\_read\_%'
