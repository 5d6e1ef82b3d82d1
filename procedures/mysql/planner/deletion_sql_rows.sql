-- deletion_sql_rows
-- Write one of the statements that act on the very rows of a frame.
--
-- Parameters  p_plan_id   the plan
--             p_edge_no   the reference that the rows were found by; 0: the target's own rows
--             p_kind      hold, lock, look, free, remove, remove_now, left or set
-- Returns     text; binds the frame; hold, lock, look, free and left answer a number of its rows in
--             @dj_rows; free, and lock where a reference is set or followed by rows without
--             children, answer the rows too, in @dj_answer, and left answers them as they are now
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- Three statements, so that the second sees what was committed while the first waited for locks: no
-- key that the engine knows can point at a row once it is locked.

DROP FUNCTION IF EXISTS deletion_sql_rows;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_rows(
    p_plan_id BIGINT UNSIGNED,
    p_edge_no INT,
    p_kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write one of the statements that act on the very rows of a frame'
BEGIN
    DECLARE v_node_no INT DEFAULT 0;
    DECLARE v_keys JSON;
    DECLARE v_pointers TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_answer, v_frame, v_table, v_found, v_set, v_childless, v_locks, v_aliases LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin DEFAULT '';  -- noqa: LT05
    DECLARE v_answers BOOLEAN DEFAULT p_kind = 'free';

    IF p_edge_no > 0 THEN
        SELECT
            e.child_node_no, e.found_by, e.set_list, e.frame_columns, e.pointer_frame,
            v_answers OR (p_kind = 'lock' AND (e.is_leaf OR e.action <> 'cascade'))
        INTO v_node_no, v_found, v_set, v_keys, v_pointers, v_answers
        FROM deletion_plan_edges AS e
        WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no;
    END IF;

    SELECT
        concat(n.sql_name, ' AS x', n.key_index),
        concat(
            n.key_found, if(p_edge_no = 0, ' AND t.m IS NULL', concat(' AND ', v_found))
        ),
        concat(
            'JSON_TABLE(?, \'$[*]\' COLUMNS (',
            if(v_answers, 'o JSON PATH \'$\', ', ''),
            if(p_kind = 'left', 'j BIGINT UNSIGNED PATH \'$.j\', ', ''),
            if(p_edge_no = 0, 'm INT PATH \'$.m\', ', ''),
            n.key_frame,
            if(p_edge_no = 0, '', concat(', ', v_pointers)),
            ')) AS t'
        ),
        CASE
            WHEN v_answers THEN 'COALESCE(JSON_ARRAYAGG(t.o), JSON_ARRAY())'
            -- What references point at may have changed since the row was found.
            WHEN p_kind = 'left' THEN concat(
                'COALESCE(JSON_ARRAYAGG(JSON_OBJECT(\'j\', t.j, ',
                deletion_sql_list(
                    if(
                        p_edge_no = 0,
                        n.frame_columns,
                        json_merge_preserve(n.frame_columns, v_keys)
                    ),
                    'found_object', ', '
                ),
                ')), JSON_ARRAY())'
            )
            ELSE 'NULL'
        END
    INTO v_table, v_found, v_frame, v_answer
    FROM deletion_plan_nodes AS n
    WHERE n.plan_id = p_plan_id AND n.node_no = v_node_no;

    IF p_kind IN ('look', 'free') THEN
        SET v_childless = deletion_sql_childless(p_plan_id, v_node_no);
    ELSEIF
        p_kind = 'lock'
        AND EXISTS (  -- noqa: CP03,LT06
            SELECT 1
            FROM deletion_plan_edges AS e FORCE INDEX (uq_dpe_reference)
            WHERE
                e.plan_id = p_plan_id
                AND e.parent_node_no = v_node_no
                AND e.parent_index <> 'PRIMARY'
        )
    THEN
        CALL deletion_sql_locks(p_plan_id, v_node_no, v_locks, v_aliases);
    END IF;

    RETURN CASE
        WHEN p_kind IN ('remove', 'remove_now') THEN concat(
            'DELETE x\nFROM ', v_frame, '\nSTRAIGHT_JOIN ', v_table, ' ON ', v_found
        )
        WHEN p_kind = 'set' THEN concat(
            'UPDATE ', v_frame, '\nSTRAIGHT_JOIN ', v_table, ' ON ', v_found, '\nSET ', v_set
        )
        ELSE concat(
            'SELECT ', v_answer, ', COUNT(*)\nINTO @dj_answer, @dj_rows\nFROM ', v_frame,
            '\nSTRAIGHT_JOIN ', v_table, ' ON ', v_found,
            if(p_kind IN ('look', 'free'), concat('\nWHERE TRUE', v_childless), ''),
            CASE p_kind
                -- Weaker than a lock: others may still add children to the rows.
                WHEN 'hold' THEN '\nFOR SHARE OF x'
                WHEN 'lock' THEN concat(v_locks, '\nFOR UPDATE OF x', v_aliases)
                ELSE ''
            END
        )
    END;
END$$
DELIMITER ;
