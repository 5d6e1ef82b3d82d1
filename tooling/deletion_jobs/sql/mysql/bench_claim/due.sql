-- Lock the jobs that a claim would take.
CALL deletion_due(
    NULL, NULL, @bench_due, @bench_table, @bench_hard, @bench_alone, @bench_due_at, @bench_due_id
)
