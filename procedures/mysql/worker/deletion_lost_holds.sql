-- deletion_lost_holds
-- List the holds in force whose table is not found: it may have another name now.
--
-- Returns     JSON array of hold_id; NULL: there is none
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- What it lists the view of problems shows to accounts that may see none of the tables.

DROP FUNCTION IF EXISTS deletion_lost_holds;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_lost_holds()
RETURNS JSON
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'List the holds in force whose table is not found: it may have another name now'
BEGIN
    -- A name may hold a dot itself.
    RETURN (
        SELECT json_arrayagg(h.hold_id)
        FROM deletion_holds AS h
        WHERE
            h.released_at IS NULL
            AND (h.held_until IS NULL OR h.held_until > utc_timestamp(6))
            AND NOT EXISTS (
                SELECT 1
                FROM information_schema.tables AS t
                WHERE
                    t.table_schema = database()
                    AND t.table_name = convert(h.table_name USING utf8mb3) COLLATE utf8mb3_bin  -- noqa: CP01,LT05
                    AND t.table_type = 'BASE TABLE'
            )
            AND NOT EXISTS (
                SELECT 1
                FROM information_schema.tables AS t
                WHERE
                    locate('.', h.table_name) > 0
                    AND t.table_schema = convert(  -- noqa: CP01
                        substring_index(h.table_name, '.', 1) USING utf8mb3
                    ) COLLATE utf8mb3_bin
                    AND t.table_name = convert(  -- noqa: CP01
                        substring(h.table_name, locate('.', h.table_name) + 1) USING utf8mb3
                    ) COLLATE utf8mb3_bin
                    AND t.table_type = 'BASE TABLE'
            )
    );
END$$
DELIMITER ;
