-- Take away all that bench cascade has made in this shape.
DROP PROCEDURE IF EXISTS bench_native;
DROP PROCEDURE IF EXISTS bench_by_hand;
DROP PROCEDURE IF EXISTS bench_restore;
DROP PROCEDURE IF EXISTS bench_fill;
DROP VIEW IF EXISTS vw_bench_left;
DROP TABLE IF EXISTS bench_all_level_10, bench_all_level_9, bench_all_level_8, bench_all_level_7,
bench_all_level_6, bench_all_level_5, bench_all_level_4, bench_all_level_3,
bench_all_level_2, bench_all_level_1, bench_level_10, bench_level_9,
bench_level_8, bench_level_7, bench_level_6, bench_level_5,
bench_level_4, bench_level_3, bench_level_2, bench_level_1;
