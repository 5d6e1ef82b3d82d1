-- Make the schema that was named.
DO $make_place$
BEGIN
    EXECUTE format('CREATE SCHEMA %I', current_setting('bench.place'));
END;
$make_place$
