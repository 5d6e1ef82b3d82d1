-- What deleting one customer would do.
CALL preview_deletion('customers', %(pk)s)
