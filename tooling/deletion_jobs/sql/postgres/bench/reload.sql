-- Let the server read its settings again.
SELECT pg_reload_conf() AS is_reloaded;
