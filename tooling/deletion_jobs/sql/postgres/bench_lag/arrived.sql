-- Whether the tables of the benchmark have come to this server.
SELECT count(*) AS value
FROM pg_class AS c
WHERE c.relname = 'bench_beats'
