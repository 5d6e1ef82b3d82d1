-- The newest time that has arrived.
SELECT b.beat AS value FROM bench_beats AS b WHERE b.id = 1
