-- How many COMMITs this session has run, in routines too.
SHOW SESSION STATUS LIKE 'Com_commit'
