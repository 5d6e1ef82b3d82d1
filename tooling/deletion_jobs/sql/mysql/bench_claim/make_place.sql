-- Make the database that was named.
SET @bench_text = concat('CREATE DATABASE ', @bench_place);
PREPARE bench_statement FROM @bench_text;
EXECUTE bench_statement;
DEALLOCATE PREPARE bench_statement
