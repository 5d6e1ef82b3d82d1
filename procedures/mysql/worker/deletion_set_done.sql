-- deletion_set_done
-- After rows were set: see that none still points where it pointed, and which of them count.
--
-- Parameters  p_edge_no   the reference
--             p_rows      INOUT the rows that were set; those that were not set before
-- Errors      JD006 rows still point where they pointed
-- Writes      deletion_walk_keys                   Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_set_done;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_set_done(
    IN p_edge_no INT,
    INOUT p_rows LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'After rows were set: see that none still points where it pointed, and which of them count'
BEGIN
    DECLARE v_table, v_reference VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_node_no INT;
    DECLARE v_action VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_counted LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SELECT s.table_name, s.reference_name, s.node_no, s.action
    INTO v_table, v_reference, v_node_no, v_action
    FROM deletion_plan_steps AS s
    WHERE s.plan_id = @dj_plan_id AND s.edge_no = p_edge_no AND s.kind = 'fetch';

    -- The number that UPDATE gives depends on the client; the rows themselves do not.
    CALL deletion_execute(@dj_plan_id, p_edge_no, 'lock');

    IF @dj_rows > 0 THEN
        CALL deletion_raise('JD006', 'run_deletion_jobs', concat(
            'rows of ', v_table, ' still point at the deleted key'
        ), v_reference);
    END IF;

    -- A row with two references to set is changed twice and counted once; one that waited for the
    -- rest may still go, and then counts as gone.
    IF EXISTS (
        SELECT 1
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = @dj_plan_id AND s.kind = 'set' AND s.node_no = v_node_no
        HAVING count(*) > 1 OR max(s.waits)
    ) THEN
        SELECT coalesce(json_arrayagg(k.o), json_array())
        INTO v_counted
        FROM json_table(p_rows, '$[*]' COLUMNS (o JSON PATH '$', j BIGINT UNSIGNED PATH '$.j')) AS k
        WHERE NOT EXISTS (
            SELECT 1
            FROM deletion_walk_keys AS w
            WHERE
                w.walk_id = 0 AND w.job_id = k.j AND w.node_no = -1 AND w.fate = 'set_null'
                AND w.key_hash = unhex(sha2(concat(v_table, hex(deletion_key_hash(k.o))), 256))
                -- Set by two references a row counts for one: that which comes first by name.
                AND json_unquote(json_extract(w.`keys`, '$.action')) <= v_action
        );

        CALL deletion_uncount(v_table, v_counted);

        INSERT IGNORE INTO deletion_walk_keys (
            walk_id, job_id, node_no, fate, key_hash, edge_no, `keys`, is_expanded
        )
        SELECT
            0, k.j, -1, 'set_null', unhex(sha2(concat(v_table, hex(deletion_key_hash(k.o))), 256)),
            0, json_object('action', v_action), TRUE
        FROM json_table(v_counted, '$[*]' COLUMNS (
            o JSON PATH '$', j BIGINT UNSIGNED PATH '$.j'
        )) AS k;
        SET p_rows = v_counted;
    END IF;
END$$
DELIMITER ;
