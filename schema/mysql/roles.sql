-- roles
-- The accounts of the installation: an owner that nobody can log in as, and four roles.
--
-- Everything runs with the owner's rights. It gets no right to read or change a table of the
-- application here: a DBA grants it SELECT, UPDATE and DELETE on each table that jobs may reach.
-- A GRANT on `*` means the database that this script runs in.

CREATE USER IF NOT EXISTS 'deletion_jobs_owner'@'localhost' ACCOUNT LOCK
    COMMENT 'Owns deletion-jobs: definer of its routines, views and events; cannot log in';

CREATE ROLE IF NOT EXISTS 'deletion_jobs_app';
CREATE ROLE IF NOT EXISTS 'deletion_jobs_operator';
CREATE ROLE IF NOT EXISTS 'deletion_jobs_reader';
CREATE ROLE IF NOT EXISTS 'deletion_jobs_worker';

-- EXECUTE and EVENT: a locked definer needs them itself. REFERENCES: without a privilege of
-- this kind information_schema hides tables, and a reference not seen would not be emptied.
GRANT EXECUTE, EVENT, REFERENCES ON * TO 'deletion_jobs_owner'@'localhost';  -- noqa: PRS

-- Which sessions live, what the scheduler did, and how large a table is.
GRANT SELECT ON performance_schema.threads TO 'deletion_jobs_owner'@'localhost';
GRANT SELECT ON performance_schema.metadata_locks TO 'deletion_jobs_owner'@'localhost';
GRANT SELECT ON performance_schema.global_variables TO 'deletion_jobs_owner'@'localhost';
GRANT SELECT ON performance_schema.error_log TO 'deletion_jobs_owner'@'localhost';
GRANT SELECT ON performance_schema.events_statements_summary_by_program
TO 'deletion_jobs_owner'@'localhost';
GRANT SELECT ON mysql.innodb_table_stats TO 'deletion_jobs_owner'@'localhost';

-- Where a session has roles active, a view of a definer without any is refused (1143, 9.7.4),
-- whatever rights the definer holds. The reader's role also lets views read other views.
GRANT 'deletion_jobs_reader' TO 'deletion_jobs_owner'@'localhost';
SET DEFAULT ROLE 'deletion_jobs_reader' TO 'deletion_jobs_owner'@'localhost';
