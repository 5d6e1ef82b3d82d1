-- Drop the schema that was named.
DO $drop_place$
BEGIN
    EXECUTE format('DROP SCHEMA IF EXISTS %I', current_setting('bench.place'));
END;
$drop_place$
