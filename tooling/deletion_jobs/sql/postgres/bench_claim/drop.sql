-- Take away all that bench claim has made.
DROP PROCEDURE IF EXISTS bench_fill;
DROP TABLE IF EXISTS bench_claim_rows;
