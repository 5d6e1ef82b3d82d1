-- deletion_uncount
-- Take rows that are gone out of the receipts of what was set: a row counts once, by its end.
--
-- Parameters  p_table_name   the table, as plans name it
--             p_keys         a frame of its rows that were removed
-- Writes      deletion_receipts, deletion_walk_keys     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_uncount;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_uncount(
    IN p_table_name VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_keys LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Take rows that are gone out of the receipts of what was set'
BEGIN
    DECLARE v_set, v_counts JSON;  -- noqa: PRS
    DECLARE v_pos INT DEFAULT 0;

    SELECT json_arrayagg(json_object(
        'j', w.job_id, 'a', json_extract(w.`keys`, '$.action'), 'h', hex(w.key_hash)
    ))
    INTO v_set
    FROM json_table(p_keys, '$[*]' COLUMNS (  -- noqa: CP02
        o JSON PATH '$', j BIGINT UNSIGNED PATH '$.j'
    )) AS k
    STRAIGHT_JOIN deletion_walk_keys AS w FORCE INDEX (PRIMARY)
        ON
            w.walk_id = 0
            AND w.job_id = k.j
            AND w.node_no = -1
            AND w.fate = 'set_null'
            AND w.key_hash
            = unhex(sha2(concat(p_table_name, hex(deletion_key_hash(k.o))), 256));

    IF v_set IS NOT NULL THEN
        -- A run may have set what the next one deletes: their receipts add up.
        WHILE v_pos < 3 DO
            SELECT json_objectagg(q.j, -q.n)
            INTO v_counts
            FROM (
                SELECT t.j, count(*) AS n
                FROM json_table(v_set, '$[*]' COLUMNS (  -- noqa: CP02
                    j BIGINT UNSIGNED PATH '$.j',
                    a VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin PATH '$.a'
                )) AS t
                WHERE t.a = elt(v_pos + 1, 'set_null', 'set_default', 'scrub')
                GROUP BY t.j
            ) AS q;
            CALL deletion_add_receipts(
                @dj_run_id, p_table_name, elt(v_pos + 1, 'set_null', 'set_default', 'scrub'), v_counts
            );
            SET v_pos = v_pos + 1;
        END WHILE;

        DELETE w
        FROM json_table(v_set, '$[*]' COLUMNS (  -- noqa: CP02
            j BIGINT UNSIGNED PATH '$.j', h CHAR(64) PATH '$.h'
        )) AS t
        STRAIGHT_JOIN deletion_walk_keys AS w FORCE INDEX (PRIMARY)
            ON
                w.walk_id = 0
                AND w.job_id = t.j
                AND w.node_no = -1
                AND w.fate = 'set_null'
                AND w.key_hash = unhex(t.h);
    END IF;
END$$
DELIMITER ;
