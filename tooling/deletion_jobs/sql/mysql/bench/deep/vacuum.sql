-- Fresh statistics: those of an empty table would choose other plans.
ANALYZE TABLE bench_level_1, bench_level_2, bench_level_3, bench_level_4, bench_level_5,
bench_level_6, bench_level_7, bench_level_8, bench_level_9, bench_level_10
