-- Leave no work of the refill behind.
VACUUM (FREEZE, ANALYZE) bench_parents, bench_children
