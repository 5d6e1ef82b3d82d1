-- deletion_plan_ranks
-- Put the tables of a plan in order, children first.
--
-- Parameters  p_plan_id   the plan
-- Writes      deletion_plan_nodes: table_rank, NULL in and above a circle     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_plan_ranks;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_plan_ranks(
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Put the tables of a plan in order, children first'
BEGIN
    DECLARE v_free JSON;
    DECLARE v_rank INT DEFAULT 0;
    DECLARE v_only_lasting, v_is_done BOOLEAN DEFAULT FALSE;

    WHILE NOT v_is_done DO
        SELECT json_arrayagg(n.node_no)
        INTO v_free
        FROM deletion_plan_nodes AS n
        -- By a list that is made once: what the server guesses of a work table, which is empty most
        -- of the time, would make it read all references anew for each table.
        LEFT JOIN (
            SELECT DISTINCT e.parent_node_no
            FROM deletion_plan_edges AS e
            STRAIGHT_JOIN deletion_plan_nodes AS c  -- noqa: PRS
                ON c.plan_id = e.plan_id AND c.node_no = e.child_node_no
            WHERE
                e.plan_id = p_plan_id
                AND e.child_node_no <> e.parent_node_no
                AND e.action <> 'keep'
                AND c.in_closure
                AND c.table_rank IS NULL
                AND (e.action IN ('cascade', 'restrict') OR NOT v_only_lasting)
        ) AS w
            ON w.parent_node_no = n.node_no
        WHERE
            n.plan_id = p_plan_id
            AND n.in_closure
            AND n.table_rank IS NULL
            AND w.parent_node_no IS NULL;

        IF v_free IS NOT NULL THEN
            UPDATE deletion_plan_nodes AS n
            SET n.table_rank = v_rank
            WHERE
                n.plan_id = p_plan_id AND json_contains(v_free, cast(n.node_no AS JSON));
            SET v_rank = v_rank + 1, v_only_lasting = FALSE;
        ELSEIF v_only_lasting THEN
            SET v_is_done = TRUE;
        ELSE
            -- A reference that is set NULL may close a circle: it is set before its rows go.
            SET v_only_lasting = TRUE;
        END IF;
    END WHILE;
END$$
DELIMITER ;
