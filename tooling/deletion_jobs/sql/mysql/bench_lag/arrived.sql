-- Whether the database of the benchmark has come to this server.
SELECT count(*) AS value
FROM information_schema.tables AS t
WHERE t.table_schema = %(place)s AND t.table_name = 'bench_beats'
