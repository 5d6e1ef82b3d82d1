-- Take away all that bench plan has made.
SET SESSION group_concat_max_len = 1000000;
SET SESSION foreign_key_checks = 0;
SET @bench_text = coalesce(
    (
        SELECT concat('DROP TABLE ', group_concat(t.table_name SEPARATOR ', '))
        FROM information_schema.tables AS t
        WHERE t.table_schema = database() AND t.table_name LIKE 'bench\_plan\_%'
    ),
    'DO 0'
);
PREPARE bench_statement FROM @bench_text;
EXECUTE bench_statement;
DEALLOCATE PREPARE bench_statement;
SET SESSION foreign_key_checks = 1;
DROP PROCEDURE IF EXISTS bench_rows;
DROP PROCEDURE IF EXISTS bench_native;
DROP PROCEDURE IF EXISTS bench_fill;
DROP PROCEDURE IF EXISTS bench_create;
DROP PROCEDURE IF EXISTS bench_generate;
DROP TABLE IF EXISTS bench_edges;
