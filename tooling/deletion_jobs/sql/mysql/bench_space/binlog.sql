-- The files of the binary log.
SHOW BINARY LOGS
