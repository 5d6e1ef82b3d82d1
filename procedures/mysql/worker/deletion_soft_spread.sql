-- deletion_soft_spread
-- Note one page of what hangs from the rows that soft jobs are at.
--
-- Writes      deletion_soft_keys                   Commits  no
-- Execute     the owner only

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02,LT02,LT05
DROP PROCEDURE IF EXISTS deletion_soft_spread;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_soft_spread()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Note one page of what hangs from the rows that soft jobs are at'
BEGIN
    -- One answer of the engine is never larger than this.
    DECLARE v_page INT DEFAULT 10000;
    DECLARE v_edge_no, v_node_no INT;
    DECLARE v_keys JSON;

    SELECT s.edge_no, s.node_no
    INTO v_edge_no, v_node_no
    FROM (SELECT 1 AS one) AS q
    LEFT JOIN deletion_plan_steps AS s
        ON
            s.plan_id = @dj_plan_id AND s.kind = 'spread'
            AND s.parent_node_no = json_extract(@dj_soft, '$.node')
            AND s.edge_no > json_extract(@dj_soft, '$.edge')
    ORDER BY s.edge_no
    LIMIT 1;

    IF v_edge_no IS NULL THEN
        CALL deletion_soft_done(
            json_extract(@dj_soft, '$.node'), json_extract(@dj_soft, '$.keys')
        );
        SET @dj_soft = NULL;
    ELSE
        -- A job may have been cancelled since its rows were taken.
        SELECT coalesce(json_arrayagg(k.o), json_array())
        INTO v_keys
        FROM json_table(json_extract(@dj_soft, '$.keys'), '$[*]' COLUMNS (
            o JSON PATH '$', j JSON PATH '$.j'
        )) AS k
        WHERE json_contains(@dj_jobs, k.j);

        SET @dj_frame = v_keys, @dj_cursor = json_extract(@dj_soft, '$.last'), @dj_limit = v_page;
        CALL deletion_execute(@dj_plan_id, v_edge_no, 'spread');

        INSERT IGNORE INTO deletion_soft_keys (job_id, node_no, key_hash, plan_id, edge_no, `keys`)
        SELECT k.j, v_node_no, deletion_key_hash(k.o), @dj_plan_id, v_edge_no, k.o
        FROM json_table(@dj_answer, '$[*]' COLUMNS (
            o JSON PATH '$', j BIGINT UNSIGNED PATH '$.j'
        )) AS k;

        SET @dj_soft = if(
            @dj_rows < v_page,
            json_set(@dj_soft, '$.edge', v_edge_no, '$.last', json_object()),
            json_set(@dj_soft, '$.last', json_extract(@dj_answer, '$[last]'))
        );
    END IF;
END$$
DELIMITER ;
