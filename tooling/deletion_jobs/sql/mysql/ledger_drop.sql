DROP TABLE IF EXISTS _yoyo_migration, _yoyo_log, _yoyo_version
