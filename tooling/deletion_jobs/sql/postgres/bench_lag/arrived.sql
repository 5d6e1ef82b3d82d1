-- Whether the tables of the benchmark have come to this server.
SELECT count(*) AS value
FROM pg_class AS c
WHERE %(place)s = current_database() AND c.relname = 'bench_beats'
