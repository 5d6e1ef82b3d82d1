-- Nothing beside the write-ahead log.
SELECT 0 AS file_size
