-- How many COMMITs the sessions of this server have run, in routines too.
SHOW GLOBAL STATUS LIKE 'Com_commit'
