-- Take away what bench lag has made.
DROP TABLE IF EXISTS bench_beats;
