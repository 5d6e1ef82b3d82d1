-- Ask for the deletion of many customers, in the caller's own transaction; agent 7 asks.
CALL enqueue_deletions('customers', %(keys)s, 'account closed', TRUE, NULL, 7, NULL)
