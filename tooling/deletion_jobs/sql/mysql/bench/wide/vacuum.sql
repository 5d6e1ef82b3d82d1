-- Fresh statistics: those of an empty table would choose other plans.
ANALYZE TABLE bench_parents, bench_children
