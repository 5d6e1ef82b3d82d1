-- Bytes on disk of each of our tables, with its indexes.
SELECT
    substring_index(s.name, '/', -1) AS table_name,
    s.file_size AS bytes
FROM information_schema.innodb_tablespaces AS s
WHERE s.name LIKE concat(database(), '/deletion\_%')
