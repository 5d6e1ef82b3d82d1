-- How many rows with a key are left, in all generated tables together.
CALL bench_rows(%(id)s)
