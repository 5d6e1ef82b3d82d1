-- Nothing to be done: InnoDB writes pages as it goes.
SELECT 0 AS done
