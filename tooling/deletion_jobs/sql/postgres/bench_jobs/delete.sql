-- What a client sends without deletion-jobs: one user, and what the engine takes along.
DELETE FROM bench_users WHERE id = %(user)s
