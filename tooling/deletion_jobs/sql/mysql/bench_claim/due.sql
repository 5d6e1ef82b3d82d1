-- Lock the jobs that a claim would take.
CALL deletion_due(@bench_due, @bench_table, @bench_hard, @bench_alone)
