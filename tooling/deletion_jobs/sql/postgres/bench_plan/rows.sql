-- How many rows with a key are left, in all generated tables together.
SELECT bench_rows(%(id)s) AS value
