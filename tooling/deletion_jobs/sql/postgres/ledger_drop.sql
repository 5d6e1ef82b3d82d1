DROP TABLE IF EXISTS _yoyo_migration;
DROP TABLE IF EXISTS _yoyo_log;
DROP TABLE IF EXISTS _yoyo_version;
