-- Make the files of our tables as small as they can be; a file hardly ever shrinks by itself.
DO $bench_rewrite$
DECLARE
    v_table regclass;
    v_index name;
BEGIN
    FOR v_table, v_index IN
        SELECT
            t.oid,
            i.relname
        FROM pg_class AS t
        INNER JOIN pg_index AS x ON x.indrelid = t.oid AND x.indisprimary
        INNER JOIN pg_class AS i ON i.oid = x.indexrelid
        WHERE
            t.relnamespace = current_schema()::regnamespace
            AND t.relkind = 'r'
            AND t.relname LIKE 'deletion\_%'
    LOOP
        EXECUTE format('CLUSTER %s USING %I', v_table, v_index);
    END LOOP;
END;
$bench_rewrite$
