-- Whether the tables of the benchmark have come to this server.
SELECT count(*) AS value
FROM information_schema.tables AS t
WHERE t.table_schema = database() AND t.table_name = 'bench_beats'
