-- The ledger as yoyo 9 makes it (its internal schema, version 2).
CREATE TABLE IF NOT EXISTS _yoyo_log (
    id varchar(36),
    migration_hash varchar(64),
    migration_id varchar(255),
    operation varchar(10),
    username varchar(255),
    hostname varchar(255),
    comment varchar(255),
    created_at_utc timestamp,
    PRIMARY KEY (id)
);

CREATE TABLE IF NOT EXISTS _yoyo_version (
    version int NOT NULL PRIMARY KEY,
    installed_at_utc timestamp
);

CREATE TABLE IF NOT EXISTS _yoyo_migration (
    migration_hash varchar(64),
    migration_id varchar(255),
    applied_at_utc timestamp,
    PRIMARY KEY (migration_hash)
);

INSERT INTO _yoyo_version (version, installed_at_utc)
SELECT 2, clock_timestamp() AT TIME ZONE 'UTC'
WHERE NOT EXISTS (SELECT 1 FROM _yoyo_version);
