-- How many bytes of the tables the server can hold in memory of its own.
SELECT @@GLOBAL.innodb_buffer_pool_size AS value
