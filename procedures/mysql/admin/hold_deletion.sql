-- hold_deletion
-- Hold one row: no job deletes it, nor anything it would be deleted with, until the hold is over.
--
-- Parameters  p_table   any table that jobs may reach, not only a target
--             p_pk      the row's primary key; a composite one as a JSON array in key order
--             p_until   when the hold ends by itself; NULL: when it is released
--             p_reason  why
-- Errors      JD002 NULL, a key that does not parse, a time that is past, no reason; JD005 no such
--             table, no key, one of ours; the engine's where the owner may not read the table
-- Writes      deletion_holds, deletion_hold_latches     Commits  no
-- Execute     deletion_jobs_operator
-- Example     CALL hold_deletion('invoice', '42', '2027-01-01', 'tax audit');
--
-- A hold in its place ends. It waits for the steps that are at work, and they wait for it: commit.

DROP PROCEDURE IF EXISTS hold_deletion;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE hold_deletion(
    IN p_table TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_pk TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_until DATETIME(6),
    IN p_reason TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Hold one row: no job deletes it, nor anything it would be deleted with, until the hold is over'  -- noqa: LT05
BEGIN
    DECLARE v_schema, v_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;  -- noqa: PRS
    DECLARE v_name VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_pk TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_columns VARCHAR(1100) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_is_seen BOOLEAN;
    DECLARE v_is_open BOOLEAN DEFAULT TRUE;
    DECLARE v_own JSON;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        -- What was refused before has set no savepoint.
        DECLARE CONTINUE HANDLER FOR 1305 SET v_is_open = v_is_open;

        IF v_is_open THEN
            ROLLBACK TO SAVEPOINT dj_hold;
        ELSE
            ROLLBACK;
        END IF;

        CALL deletion_widen_session(v_own);
        RESIGNAL;
    END;

    CALL deletion_widen_session(v_own);

    IF p_table IS NULL OR p_pk IS NULL THEN
        CALL deletion_raise('JD002', 'hold_deletion', 'table or key is NULL', NULL);
    ELSEIF coalesce(p_reason, '') NOT REGEXP '[^[:space:]]' THEN
        CALL deletion_raise('JD002', 'hold_deletion', 'p_reason is NULL or empty', NULL);
    ELSEIF p_until <= utc_timestamp(6) THEN
        CALL deletion_raise('JD002', 'hold_deletion', 'p_until is past', p_until);
    END IF;

    CALL deletion_find_table(p_table, 'hold_deletion', v_schema, v_table);

    IF deletion_is_ours(v_schema, v_table) THEN
        CALL deletion_raise('JD005', 'hold_deletion', 'table belongs to deletion-jobs', p_table);
    END IF;

    SET v_name = deletion_entity_name(v_schema, v_table);
    CALL deletion_row_key(v_schema, v_table, p_pk, 'hold_deletion', v_pk);
    SET v_columns = deletion_table_key(v_schema, v_table);

    BEGIN
        -- Outside a transaction a savepoint ends with its own statement.
        DECLARE CONTINUE HANDLER FOR 1305 SET v_is_open = FALSE;

        SAVEPOINT dj_hold;
        ROLLBACK TO SAVEPOINT dj_hold;
    END;

    -- Without a transaction of the caller's a hold that is renewed would be gone for a moment.
    IF NOT v_is_open THEN
        START TRANSACTION;
    END IF;

    -- Locked first, and until the caller commits.
    INSERT INTO deletion_hold_latches (latch_id, newest_hold) VALUES (1, 0)
    ON DUPLICATE KEY UPDATE newest_hold = newest_hold + 1;
    UPDATE deletion_holds AS h
    SET h.released_at = utc_timestamp(6), h.released_by = user()
    WHERE
        h.table_name = v_name AND h.row_pk = v_pk AND h.key_columns = v_columns
        AND h.released_at IS NULL;
    -- No step is at work now: a row that is there stays until it is looked at next.
    CALL deletion_row_seen(v_schema, v_table, v_columns, v_pk, v_is_seen);
    INSERT INTO deletion_holds (
        table_name, row_pk, key_columns, row_seen_at, held_until, reason, held_by
    )
    VALUES (
        v_name, v_pk, v_columns, if(v_is_seen, utc_timestamp(6), NULL), p_until, p_reason, user()
    );
    UPDATE deletion_hold_latches AS l
    SET l.newest_hold = last_insert_id()
    WHERE l.latch_id = 1;

    IF v_is_open THEN
        RELEASE SAVEPOINT dj_hold;
    ELSE
        COMMIT;
    END IF;

    CALL deletion_widen_session(v_own);
END$$
DELIMITER ;

GRANT EXECUTE ON PROCEDURE hold_deletion
TO 'deletion_jobs_operator';
