-- Take away all that bench plan has made.
DO $drop_tables$
BEGIN
    EXECUTE coalesce(
        (
            SELECT format('DROP TABLE %s', string_agg(format('%I', c.relname), ', '))
            FROM pg_class AS c
            WHERE
                c.relnamespace = current_schema()::regnamespace
                AND c.relkind = 'r'
                AND c.relname LIKE 'bench\_plan\_%'
        ),
        'SELECT 0'
    );
END;
$drop_tables$;
DROP FUNCTION IF EXISTS bench_rows;
DROP PROCEDURE IF EXISTS bench_native;
DROP PROCEDURE IF EXISTS bench_fill;
DROP PROCEDURE IF EXISTS bench_create;
DROP PROCEDURE IF EXISTS bench_generate;
DROP TABLE IF EXISTS bench_edges;
