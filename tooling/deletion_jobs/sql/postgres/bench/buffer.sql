-- How many bytes of the tables the server can hold in memory of its own.
SELECT pg_size_bytes(current_setting('shared_buffers')) AS value
