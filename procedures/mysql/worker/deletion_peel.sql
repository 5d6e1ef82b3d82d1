-- deletion_peel
-- Take away, for a moment, the links of a walk's rows that have none below them: a circle remains.
--
-- Parameters  p_run_id    the run, its walk ended
--             p_is_over   OUT TRUE where nothing more can be taken away
-- Writes      deletion_walk_links, deletion_walk_keys, deletion_runs     Commits  no
-- Execute     the owner only
--
-- Rows whose links are to be taken away are marked as those are whose children a walk has to look
-- at: a round costs what it takes away, and a further step goes on where this one ended.

DROP PROCEDURE IF EXISTS deletion_peel;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_peel(
    IN p_run_id BIGINT UNSIGNED,
    OUT p_is_over BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Take away, for a moment, the links of rows that have none below them: a circle remains'
BEGIN
    DECLARE v_until DATETIME(6) DEFAULT timestampadd(  -- noqa: PRS
        MICROSECOND, 1000 * deletion_setting_int('batch_ms'), utc_timestamp(6)
    );
    DECLARE v_rows, v_above JSON;

    IF NOT EXISTS (
        SELECT 1
        FROM deletion_runs AS r
        WHERE r.run_id = p_run_id AND json_contains_path(r.state, 'one', '$.peel')
    ) THEN
        UPDATE deletion_walk_links AS l
        INNER JOIN deletion_walk_keys AS w FORCE INDEX (PRIMARY)
            ON
                w.walk_id = l.walk_id
                AND w.job_id = l.job_id
                AND w.node_no = l.child_node_no
                AND w.fate = 'delete'
                AND w.key_hash = l.child_hash
        SET w.is_expanded = FALSE
        WHERE
            l.walk_id = p_run_id
            AND NOT EXISTS (
                SELECT 1
                FROM deletion_walk_links AS b
                WHERE
                    b.walk_id = l.walk_id
                    AND b.job_id = l.job_id
                    AND b.parent_node_no = l.child_node_no
                    AND b.parent_hash = l.child_hash
            );
        UPDATE deletion_runs AS r
        SET r.state = json_set(r.state, '$.peel', TRUE)
        WHERE r.run_id = p_run_id;
    END IF;

    SET p_is_over = FALSE;

    WHILE NOT p_is_over AND utc_timestamp(6) < v_until DO
        SELECT json_arrayagg(json_object('j', q.job_id, 'n', q.node_no, 'h', hex(q.key_hash)))
        INTO v_rows
        FROM (
            SELECT w.job_id, w.node_no, w.key_hash
            FROM deletion_walk_keys AS w
            WHERE w.walk_id = p_run_id AND NOT w.is_expanded
            LIMIT 1000
        ) AS q;
        SET p_is_over = v_rows IS NULL;

        SELECT json_arrayagg(json_object(
            'j', q.job_id, 'n', q.parent_node_no, 'h', hex(q.parent_hash)
        ))
        INTO v_above
        FROM (
            SELECT DISTINCT l.job_id, l.parent_node_no, l.parent_hash
            FROM json_table(v_rows, '$[*]' COLUMNS (
                j BIGINT UNSIGNED PATH '$.j', n INT PATH '$.n', h CHAR(64) PATH '$.h'
            )) AS t
            STRAIGHT_JOIN deletion_walk_links AS l FORCE INDEX (idx_dwl_child)
                ON
                    l.walk_id = p_run_id
                    AND l.job_id = t.j
                    AND l.child_node_no = t.n
                    AND l.child_hash = unhex(t.h)
        ) AS q;

        DELETE l
        FROM json_table(v_rows, '$[*]' COLUMNS (
            j BIGINT UNSIGNED PATH '$.j', n INT PATH '$.n', h CHAR(64) PATH '$.h'
        )) AS t
        STRAIGHT_JOIN deletion_walk_links AS l FORCE INDEX (idx_dwl_child)
            ON
                l.walk_id = p_run_id
                AND l.job_id = t.j
                AND l.child_node_no = t.n
                AND l.child_hash = unhex(t.h);

        UPDATE json_table(v_rows, '$[*]' COLUMNS (
            j BIGINT UNSIGNED PATH '$.j', n INT PATH '$.n', h CHAR(64) PATH '$.h'
        )) AS t
        STRAIGHT_JOIN deletion_walk_keys AS w FORCE INDEX (PRIMARY)
            ON
                w.walk_id = p_run_id
                AND w.job_id = t.j
                AND w.node_no = t.n
                AND w.fate = 'delete'
                AND w.key_hash = unhex(t.h)
        SET w.is_expanded = TRUE;

        UPDATE json_table(v_above, '$[*]' COLUMNS (
            j BIGINT UNSIGNED PATH '$.j', n INT PATH '$.n', h CHAR(64) PATH '$.h'
        )) AS t
        STRAIGHT_JOIN deletion_walk_keys AS w FORCE INDEX (PRIMARY)
            ON
                w.walk_id = p_run_id
                AND w.job_id = t.j
                AND w.node_no = t.n
                AND w.fate = 'delete'
                AND w.key_hash = unhex(t.h)
        SET w.is_expanded = FALSE
        WHERE NOT EXISTS (
            SELECT 1
            FROM deletion_walk_links AS l
            WHERE
                l.walk_id = p_run_id
                AND l.job_id = w.job_id
                AND l.parent_node_no = w.node_no
                AND l.parent_hash = w.key_hash
        );
    END WHILE;
END$$
DELIMITER ;
