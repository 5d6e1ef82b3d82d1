-- Lock the jobs that a claim would take.
SELECT cardinality(d.jobs) AS jobs FROM deletion_due(NULL, NULL) AS d
