-- What deleting one customer would do.
SELECT * FROM preview_deletion('customers', %(pk)s)
