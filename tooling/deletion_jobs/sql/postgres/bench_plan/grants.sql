-- Nothing yet: the tables are generated after this.
SELECT 0 AS done
