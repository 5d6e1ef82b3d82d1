-- deletion_key_changed
-- Tell whether the columns of a target's key now read texts otherwise than when it was registered.
--
-- Parameters  p_entity_table   the target, its table and columns still there
-- Returns     boolean; FALSE where a type has only grown, as from INT to BIGINT
-- Writes      nothing                              Commits  no
-- Execute     the owner only
-- Example     SELECT deletion_key_changed('customer');

DROP FUNCTION IF EXISTS deletion_key_changed;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_key_changed(
    p_entity_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS BOOLEAN
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Tell whether the columns of the key of a target now read texts otherwise than when registered'  -- noqa: LT05
BEGIN
    DECLARE v_before, v_now JSON;
    DECLARE v_old, v_new TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_pos INT DEFAULT 0;

    SELECT
        t.key_types,
        json_extract(deletion_columns(t.table_schema, t.table_name, t.key_columns), '$[*].type')
    INTO v_before, v_now
    FROM deletion_targets AS t
    WHERE t.entity_table = p_entity_table;

    WHILE v_pos < json_length(v_now) DO
        SET v_old = json_unquote(json_extract(v_before, concat('$[', v_pos, ']')));
        SET v_new = json_unquote(json_extract(v_now, concat('$[', v_pos, ']')));

        -- A BIT, a YEAR and a TIMESTAMP are spelled otherwise than their relatives.
        IF
            NOT deletion_type_family(v_old) <=> deletion_type_family(v_new)
            OR (
                concat(v_old, ',', v_new)
                REGEXP '(^|,)(bit|year|timestamp|date|char|binary)([( ,]|$)'
                AND regexp_substr(v_old, '^[a-z]+') <> regexp_substr(v_new, '^[a-z]+')
            )
        THEN
            RETURN TRUE;
        END IF;

        SET v_pos = v_pos + 1;
    END WHILE;

    RETURN FALSE;
END$$
DELIMITER ;
