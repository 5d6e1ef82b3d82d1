-- One step of the run, and its transaction with it.
SELECT deletion_step(%(run_id)s, CAST(%(token)s AS uuid), now() + INTERVAL '1 hour') AS state
