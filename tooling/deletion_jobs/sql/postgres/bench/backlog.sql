-- Nothing is left to be done after a commit: dead rows wait for vacuum on all sides alike.
SELECT 0 AS backlog;
