-- deletion_lost_hold
-- Look for holds in force whose table is not found: it may have another name now.
--
-- Returns     text, the error of every job meanwhile; NULL: there is no such hold
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_lost_hold;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_lost_hold()
RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Look for holds in force whose table is not found: it may have another name'
BEGIN
    DECLARE v_lost JSON;

    -- A name may hold a dot itself.
    SELECT json_arrayagg(h.hold_id)
    INTO v_lost
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
        );

    RETURN concat(
        deletion_hold_error(v_lost), ' (no such table is found: release the hold, or release it ',
        'and hold the row by the table''s name of now)'
    );
END$$
DELIMITER ;
