-- deletion_hold_frame
-- Hold a frame's rows where they were found, until the step commits.
--
-- Parameters  p_kind         hold; lock: nobody may add children to them either
--             p_edge_no      the reference that they were found by; 0: the target's own rows
--             p_keys         INOUT the frame; without rows that have moved or gone, and with their
--                            present values
--             p_count        INOUT its number of keys
--             p_is_changed   OUT FALSE: it is as it was
-- Writes      nothing; locks the frame's rows      Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_hold_frame;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_hold_frame(
    IN p_kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_edge_no INT,
    INOUT p_keys LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    INOUT p_count INT,
    OUT p_is_changed BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Hold a frame''s rows where they were found, until the step commits'
BEGIN
    DECLARE v_keys LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    -- By its text: to parse a frame takes as long as to hold a third of it. Within a string the
    -- quotation mark would be escaped.
    DECLARE v_has_others BOOLEAN DEFAULT locate('"u1": ', p_keys) > 0;

    SET p_is_changed = FALSE;

    -- The key of a root is what its job names; only other columns of it can change.
    IF p_edge_no > 0 OR v_has_others OR p_kind = 'lock' THEN
        SET @dj_frame = p_keys;
        CALL deletion_execute(@dj_plan_id, p_edge_no, p_kind);

        IF v_has_others OR @dj_rows < p_count THEN
            CALL deletion_execute(@dj_plan_id, p_edge_no, 'left');

            SET v_keys = @dj_answer;

            IF p_edge_no = 0 THEN
                -- Roots stay: what was declared may hang from one that is not there, or is no more.
                SELECT json_arrayagg(coalesce(a.o, json_set((
                    SELECT json_objectagg(y.name, json_extract(k.o, concat('$.', y.name)))
                    FROM json_table(json_keys(k.o), '$[*]' COLUMNS (  -- noqa: CP02
                        name VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$'  -- noqa: PRS,LT05
                    )) AS y
                    WHERE y.name NOT LIKE 'u%'
                ), '$.m', 1)))
                INTO v_keys
                FROM json_table(p_keys, '$[*]' COLUMNS (  -- noqa: CP02
                    o JSON PATH '$', j BIGINT UNSIGNED PATH '$.j'
                )) AS k
                LEFT JOIN json_table(@dj_answer, '$[*]' COLUMNS (  -- noqa: CP02
                    o JSON PATH '$', j BIGINT UNSIGNED PATH '$.j'
                )) AS a ON a.j = k.j;
            END IF;

            SET p_is_changed = v_keys <> p_keys, p_keys = v_keys, p_count = json_length(v_keys);
        END IF;
    END IF;
END$$
DELIMITER ;
