SELECT DISTINCT l.migration_id
FROM _yoyo_log AS l
WHERE l.operation = 'begin'
