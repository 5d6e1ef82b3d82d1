-- Make this session's counters visible.
SELECT pg_stat_force_next_flush() AS is_asked_for;
