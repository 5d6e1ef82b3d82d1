-- Make the files of our tables as small as they can be; a file never shrinks by itself.
SET SESSION group_concat_max_len = 1000000;
SET @bench_sql = (
    SELECT concat('OPTIMIZE NO_WRITE_TO_BINLOG TABLE ', group_concat(t.table_name))
    FROM information_schema.tables AS t
    WHERE
        t.table_schema = database()
        AND t.table_type = 'BASE TABLE'
        AND t.table_name LIKE 'deletion\_%'
);
PREPARE bench_rewrite FROM @bench_sql;
EXECUTE bench_rewrite;
DEALLOCATE PREPARE bench_rewrite
