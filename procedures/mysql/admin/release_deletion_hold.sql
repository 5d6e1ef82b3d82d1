-- release_deletion_hold
-- Let go of a row that is held; jobs that it stopped go on by retry_deletion.
--
-- Parameters  p_table   the table                  p_pk   the row's primary key, or what
--             vw_deletion_holds shows of one that was held by a key that the table has no more
-- Errors      JD002 NULL, a key that does not parse, no hold on the row
-- Writes      deletion_holds (one row)             Commits  no
-- Execute     deletion_jobs_operator
-- Example     CALL release_deletion_hold('invoice', '42');

DROP PROCEDURE IF EXISTS release_deletion_hold;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE release_deletion_hold(
    IN p_table TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_pk TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Let go of a row that is held; jobs that it stopped go on by retry_deletion'
BEGIN
    DECLARE v_schema, v_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;  -- noqa: LT05,PRS
    DECLARE v_name TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin DEFAULT p_table;
    DECLARE v_pk TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_hold_id BIGINT UNSIGNED;
    DECLARE v_columns JSON;
    DECLARE v_is_there BOOLEAN DEFAULT TRUE;
    DECLARE v_own JSON;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        CALL deletion_widen_session(v_own);
        RESIGNAL;
    END;

    CALL deletion_widen_session(v_own);

    IF p_table IS NULL OR p_pk IS NULL THEN
        CALL deletion_raise('JD002', 'release_deletion_hold', 'table or key is NULL', NULL);
    END IF;

    -- A hold can be released when its table is gone, or its key: by what the view shows.
    BEGIN
        DECLARE EXIT HANDLER FOR SQLSTATE 'JD005' SET v_is_there = FALSE;
        CALL deletion_find_table(p_table, 'release_deletion_hold', v_schema, v_table);
    END;

    IF v_is_there THEN
        SET v_name = deletion_entity_name(v_schema, v_table);
        SET v_columns = deletion_table_key(v_schema, v_table);

        BEGIN
            DECLARE EXIT HANDLER FOR SQLSTATE 'JD002', SQLSTATE 'JD005' SET v_pk = NULL;
            CALL deletion_row_key(v_schema, v_table, p_pk, 'release_deletion_hold', v_pk);
        END;
    END IF;

    SET v_hold_id = (
        SELECT h.hold_id
        FROM deletion_holds AS h
        WHERE
            h.table_name = v_name
            AND h.released_at IS NULL
            AND (h.row_pk = p_pk OR (h.row_pk = v_pk AND h.key_columns = cast(v_columns AS CHAR)))
        ORDER BY
            coalesce(h.row_pk = v_pk AND h.key_columns = cast(v_columns AS CHAR), FALSE) DESC,
            h.hold_id
        LIMIT 1
    );

    UPDATE deletion_holds AS h
    SET h.released_at = utc_timestamp(6), h.released_by = user()
    WHERE h.hold_id = v_hold_id;

    IF v_hold_id IS NULL THEN
        -- What is no key at all is told as such.
        IF v_is_there THEN
            CALL deletion_row_key(v_schema, v_table, p_pk, 'release_deletion_hold', v_pk);
        END IF;

        CALL deletion_raise(
            'JD002', 'release_deletion_hold', concat('no hold on ', left(p_table, 64)), p_pk
        );
    END IF;
    CALL deletion_widen_session(v_own);
END$$
DELIMITER ;

GRANT EXECUTE ON PROCEDURE release_deletion_hold
TO 'deletion_jobs_operator';
