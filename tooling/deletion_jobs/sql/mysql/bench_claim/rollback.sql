-- Take back what was only looked at.
ROLLBACK
