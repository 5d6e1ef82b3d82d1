-- set_soft_deletion
-- Name the column by which soft deletion marks the rows of a table, target or dependant.
--
-- Parameters  p_table    the table, with or without its schema
--             p_column   a timestamp that may be NULL (it is set to the time of the run, UTC), a
--                        boolean (TRUE) or an integer; NULL: its rows are not marked any more
--             p_value    what an integer is set to; NULL: 1
--             p_purge_after_seconds   of a target: a job that has marked its rows removes them so
--                        much later; NULL: never
-- Errors      JD002 no such column, one that does not fit, or a number out of range; JD004 a purge
--             of a table that is no target; JD005 no such table, or one of ours
-- Writes      deletion_soft_columns (one row)      Commits  no
-- Execute     the owner only (DBAs)
-- Example     CALL set_soft_deletion('customer', 'deleted_at', NULL, 2592000);

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02,LT02,LT05
DROP PROCEDURE IF EXISTS set_soft_deletion;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE set_soft_deletion(
    IN p_table TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_column TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_value BIGINT,
    IN p_purge_after_seconds BIGINT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Name the column by which soft deletion marks the rows of a table, target or dependant'
BEGIN
    DECLARE v_schema, v_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_problem TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_own JSON;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        CALL deletion_widen_session(v_own);
        RESIGNAL;
    END;

    CALL deletion_widen_session(v_own);

    IF p_table IS NULL THEN
        CALL deletion_raise('JD002', 'set_soft_deletion', 'p_table is NULL', NULL);
    ELSEIF p_purge_after_seconds NOT BETWEEN 1 AND 3155760000 THEN
        CALL deletion_raise(
            'JD002', 'set_soft_deletion', 'p_purge_after_seconds is out of range',
            p_purge_after_seconds
        );
    END IF;

    IF p_column IS NULL THEN
        -- It may be taken back when its table is gone.
        DELETE FROM deletion_soft_columns AS s
        WHERE
            p_table IN (
                deletion_entity_name(s.table_schema, s.table_name),
                concat(s.table_schema, '.', s.table_name)
            );
    ELSE
        CALL deletion_find_table(p_table, 'set_soft_deletion', v_schema, v_table);

        IF deletion_is_ours(v_schema, v_table) THEN
            CALL deletion_raise(
                'JD005', 'set_soft_deletion', 'table belongs to deletion-jobs', p_table
            );
        ELSEIF p_purge_after_seconds IS NOT NULL AND deletion_target_name(p_table) IS NULL THEN
            CALL deletion_raise(
                'JD004', 'set_soft_deletion', 'table is no target: nothing to purge', p_table
            );
        -- What was marked is remembered by its key.
        ELSEIF deletion_table_key(v_schema, v_table) IS NULL THEN
            CALL deletion_raise(
                'JD005', 'set_soft_deletion',
                'table has no primary key and no unique key without NULLs', p_table
            );
        ELSEIF char_length(p_column) > 64 THEN
            CALL deletion_raise('JD002', 'set_soft_deletion', 'no such column', p_column);
        END IF;

        SET v_problem = deletion_soft_problem(v_schema, v_table, p_column, p_value);

        IF v_problem IS NOT NULL THEN
            CALL deletion_raise('JD002', 'set_soft_deletion', v_problem, p_column);
        END IF;

        -- A number that is given makes a TINYINT(1) one.
        SET v_kind = if(p_value IS NOT NULL, 'integer', (
            SELECT deletion_soft_kind(c.column_type)
            FROM information_schema.columns AS c
            WHERE
                c.table_schema = v_schema AND c.table_name = v_table AND c.column_name = p_column
        ));

        INSERT INTO deletion_soft_columns (
            table_schema, table_name, column_name, kind, mark_value, purge_after_seconds
        )
        VALUES (
            v_schema, v_table, p_column, v_kind,
            if(v_kind = 'integer', coalesce(p_value, 1), NULL), p_purge_after_seconds
        )
        ON DUPLICATE KEY UPDATE
            column_name = p_column,
            kind = v_kind,
            mark_value = if(v_kind = 'integer', coalesce(p_value, 1), NULL),
            purge_after_seconds = p_purge_after_seconds;
    END IF;
    CALL deletion_widen_session(v_own);
END$$
DELIMITER ;
