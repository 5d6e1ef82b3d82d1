-- What deleting one row would do.
SELECT * FROM preview_deletion(%(table)s, %(pk)s)
