-- deletion_place
-- Cut, for a moment, the links from rows of a finished walk that a circle cannot keep.
--
-- Parameters  p_walk_id, p_plan_id   the walk
--             p_turn                 INOUT the rows whose turn is not over, as the call before left
--                                    it, a JSON array; NULL: the roots have their turn now
--             p_is_over              OUT TRUE where no row has its turn any more
-- Writes      deletion_walk_links, deletion_walk_keys     Commits  no
-- Execute     the owner only
--
-- It is a row's turn when one that it hangs from had its turn, and all had that it hangs from by a
-- reference which cannot be set NULL. By any other the run lets go of it, since it stays reachable
-- by the first: such links stay, for the run. What is left is in a circle that nothing opens, or
-- below one. is_expanded FALSE: it is the row's turn; edge_no -2: it has it now, -1: it had it. A
-- round costs what it cuts, and a further step goes on where this one ended.

DROP PROCEDURE IF EXISTS deletion_place;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_place(
    IN p_walk_id BIGINT,
    IN p_plan_id BIGINT UNSIGNED,
    INOUT p_turn JSON,
    OUT p_is_over BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Cut, for a moment, the links from rows of a finished walk that a circle cannot keep'
BEGIN
    DECLARE v_until DATETIME(6) DEFAULT timestampadd(  -- noqa: PRS
        MICROSECOND, 1000 * deletion_setting_int('batch_ms'), utc_timestamp(6)
    );
    DECLARE v_cut, v_below, v_nodes, v_links, v_leading, v_hard JSON;

    SELECT
        json_merge_preserve(json_arrayagg(l.node_no), json_arrayagg(l.parent_node_no)),
        json_arrayagg(l.edge_no),
        json_arrayagg(if(l.action = 'cascade', l.edge_no, NULL)),
        json_arrayagg(if(
            EXISTS (
                SELECT 1
                FROM deletion_plan_steps AS s
                WHERE s.plan_id = p_plan_id AND s.edge_no = l.edge_no AND s.kind = 'loose'
            ),
            NULL,
            l.edge_no
        ))
    INTO v_nodes, v_links, v_leading, v_hard
    FROM deletion_plan_steps AS l
    WHERE l.plan_id = p_plan_id AND l.kind = 'link';

    IF p_turn IS NULL THEN
        -- The roots, and what is met from tables in no circle.
        UPDATE deletion_walk_keys AS w
        SET w.is_expanded = FALSE
        WHERE
            w.walk_id = p_walk_id
            AND w.fate = 'delete'
            AND json_contains(v_nodes, cast(w.node_no AS JSON))
            AND NOT json_contains(v_links, cast(w.edge_no AS JSON))
            AND NOT EXISTS (
                SELECT 1
                FROM deletion_walk_links AS l FORCE INDEX (idx_dwl_child)
                WHERE
                    l.walk_id = w.walk_id
                    AND l.job_id = w.job_id
                    AND l.child_node_no = w.node_no
                    AND l.child_hash = w.key_hash
                    AND json_contains(v_hard, cast(l.edge_no AS JSON))
            );
        SET p_turn = json_array();
    END IF;

    SET p_is_over = FALSE;

    -- Each call gets on, however short its moment is.
    REPEAT
        IF json_length(p_turn) = 0 THEN
            SELECT coalesce(
                json_arrayagg(json_object('j', q.job_id, 'n', q.node_no, 'h', hex(q.key_hash))),
                json_array()
            )
            INTO p_turn
            FROM (
                SELECT w.job_id, w.node_no, w.key_hash
                FROM deletion_walk_keys AS w
                WHERE w.walk_id = p_walk_id AND NOT w.is_expanded
                LIMIT 1000
            ) AS q;
            SET p_is_over = json_length(p_turn) = 0;

            UPDATE json_table(p_turn, '$[*]' COLUMNS (
                j BIGINT UNSIGNED PATH '$.j', n INT PATH '$.n', h CHAR(64) PATH '$.h'
            )) AS t
            STRAIGHT_JOIN deletion_walk_keys AS w FORCE INDEX (PRIMARY)
                ON
                    w.walk_id = p_walk_id
                    AND w.job_id = t.j
                    AND w.node_no = t.n
                    AND w.fate = 'delete'
                    AND w.key_hash = unhex(t.h)
            SET w.edge_no = -2;
        END IF;

        -- A row may have any number of others below it: a page of them at a time.
        SELECT json_arrayagg(json_object(
            'j', q.job_id, 'p', q.parent_node_no, 'ph', hex(q.parent_hash),
            'n', q.child_node_no, 'h', hex(q.child_hash), 'e', q.edge_no
        ))
        INTO v_cut
        FROM (
            SELECT
                l.job_id, l.parent_node_no, l.parent_hash, l.child_node_no, l.child_hash, l.edge_no
            FROM json_table(p_turn, '$[*]' COLUMNS (
                j BIGINT UNSIGNED PATH '$.j', n INT PATH '$.n', h CHAR(64) PATH '$.h'
            )) AS t
            STRAIGHT_JOIN deletion_walk_links AS l FORCE INDEX (PRIMARY)
                ON
                    l.walk_id = p_walk_id
                    AND l.job_id = t.j
                    AND l.parent_node_no = t.n
                    AND l.parent_hash = unhex(t.h)
                    AND NOT l.is_let_go
            LIMIT 10000
        ) AS q;

        -- Of two rows whose turn it is at once either may come first.
        UPDATE json_table(v_cut, '$[*]' COLUMNS (
            j BIGINT UNSIGNED PATH '$.j', p INT PATH '$.p', ph CHAR(64) PATH '$.ph',
            n INT PATH '$.n', h CHAR(64) PATH '$.h', e INT PATH '$.e'
        )) AS t
        STRAIGHT_JOIN deletion_walk_keys AS w FORCE INDEX (PRIMARY)
            ON
                w.walk_id = p_walk_id
                AND w.job_id = t.j
                AND w.node_no = t.n
                AND w.fate = 'delete'
                AND w.key_hash = unhex(t.h)
        STRAIGHT_JOIN deletion_walk_links AS l FORCE INDEX (PRIMARY)
            ON
                l.walk_id = p_walk_id
                AND l.job_id = t.j
                AND l.parent_node_no = t.p
                AND l.parent_hash = unhex(t.ph)
                AND l.child_node_no = t.n
                AND l.child_hash = unhex(t.h)
                AND l.edge_no = t.e
        SET l.is_let_go = TRUE
        WHERE
            (w.edge_no = -1 OR (w.edge_no = -2 AND (t.n, t.h) < (t.p, t.ph)))
            AND json_contains(v_leading, cast(t.e AS JSON));

        DELETE l
        FROM json_table(v_cut, '$[*]' COLUMNS (
            j BIGINT UNSIGNED PATH '$.j', p INT PATH '$.p', ph CHAR(64) PATH '$.ph',
            n INT PATH '$.n', h CHAR(64) PATH '$.h', e INT PATH '$.e'
        )) AS t
        STRAIGHT_JOIN deletion_walk_links AS l FORCE INDEX (PRIMARY)
            ON
                l.walk_id = p_walk_id
                AND l.job_id = t.j
                AND l.parent_node_no = t.p
                AND l.parent_hash = unhex(t.ph)
                AND l.child_node_no = t.n
                AND l.child_hash = unhex(t.h)
                AND l.edge_no = t.e
                AND NOT l.is_let_go;

        IF coalesce(json_length(v_cut), 0) < 10000 THEN
            UPDATE json_table(p_turn, '$[*]' COLUMNS (
                j BIGINT UNSIGNED PATH '$.j', n INT PATH '$.n', h CHAR(64) PATH '$.h'
            )) AS t
            STRAIGHT_JOIN deletion_walk_keys AS w FORCE INDEX (PRIMARY)
                ON
                    w.walk_id = p_walk_id
                    AND w.job_id = t.j
                    AND w.node_no = t.n
                    AND w.fate = 'delete'
                    AND w.key_hash = unhex(t.h)
            SET w.is_expanded = TRUE, w.edge_no = -1;
            SET p_turn = json_array();
        END IF;

        SELECT json_arrayagg(json_object('j', q.j, 'n', q.n, 'h', q.h, 'm', q.is_met))
        INTO v_below
        FROM (
            SELECT t.j, t.n, t.h, max(json_contains(v_leading, cast(t.e AS JSON))) AS is_met
            FROM json_table(v_cut, '$[*]' COLUMNS (
                j BIGINT UNSIGNED PATH '$.j', n INT PATH '$.n', h CHAR(64) PATH '$.h',
                e INT PATH '$.e'
            )) AS t
            GROUP BY t.j, t.n, t.h
        ) AS q;

        -- A row has one turn.
        UPDATE json_table(v_below, '$[*]' COLUMNS (
            j BIGINT UNSIGNED PATH '$.j', n INT PATH '$.n', h CHAR(64) PATH '$.h',
            m BOOLEAN PATH '$.m'
        )) AS t
        STRAIGHT_JOIN deletion_walk_keys AS w FORCE INDEX (PRIMARY)
            ON
                w.walk_id = p_walk_id
                AND w.job_id = t.j
                AND w.node_no = t.n
                AND w.fate = 'delete'
                AND w.key_hash = unhex(t.h)
                AND coalesce(w.edge_no, 0) >= 0
        SET
            w.is_expanded = NOT (t.m OR NOT json_contains(v_links, cast(w.edge_no AS JSON)))
            OR EXISTS (
                SELECT 1
                FROM deletion_walk_links AS l FORCE INDEX (idx_dwl_child)
                WHERE
                    l.walk_id = p_walk_id
                    AND l.job_id = w.job_id
                    AND l.child_node_no = w.node_no
                    AND l.child_hash = w.key_hash
                    AND json_contains(v_hard, cast(l.edge_no AS JSON))
            ),
            w.edge_no = if(t.m, 0, w.edge_no);
    UNTIL p_is_over OR utc_timestamp(6) >= v_until END REPEAT;
END$$
DELIMITER ;
