-- Take away all that bench cascade has made in this shape.
DROP PROCEDURE IF EXISTS bench_native;
DROP PROCEDURE IF EXISTS bench_by_hand;
DROP PROCEDURE IF EXISTS bench_restore;
DROP PROCEDURE IF EXISTS bench_fill;
DROP VIEW IF EXISTS vw_bench_left;
DROP TABLE IF EXISTS bench_all_nodes, bench_nodes;
