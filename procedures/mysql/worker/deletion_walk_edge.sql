-- deletion_walk_edge
-- Read, page by page, the rows that hang from a walk's rows by one reference.
--
-- Parameters  p_walk_id, p_plan_id, p_edge_no   the reference; @dj_frame holds the rows
--             p_child_no, p_action              its child and what happens to it
--             p_is_end                          TRUE: nothing is looked at below them
--             p_read                            INOUT number of rows read
-- Writes      deletion_walk_keys                   Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_walk_edge;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_walk_edge(
    IN p_walk_id BIGINT,
    IN p_plan_id BIGINT UNSIGNED,
    IN p_edge_no INT,
    IN p_child_no INT,
    IN p_action VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_is_end BOOLEAN,
    INOUT p_read BIGINT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Read, page by page, the rows that hang from a walk''s rows by one reference'
BEGIN
    -- One answer of the engine is never larger than this.
    DECLARE v_page INT DEFAULT 10000;
    -- A preview looks at no more rows than it may: what it has seen by then is said to be so.
    DECLARE v_enough BIGINT DEFAULT if(p_walk_id < 0, deletion_setting_int('preview_rows'), NULL);

    SET @dj_cursor = '{}', @dj_limit = v_page, @dj_rows = v_page;

    WHILE @dj_rows = v_page AND (v_enough IS NULL OR p_read < v_enough) DO
        CALL deletion_execute(p_plan_id, p_edge_no, 'fetch_more');
        INSERT IGNORE INTO deletion_walk_keys (
            walk_id, job_id, node_no, fate, key_hash, edge_no, `keys`, is_expanded
        )
        SELECT
            p_walk_id, k.j, p_child_no, if(p_action = 'cascade', 'delete', p_action),
            deletion_key_hash(k.o), p_edge_no, k.o, p_is_end
        FROM json_table(@dj_answer, '$[*]' COLUMNS (
            o JSON PATH '$', j BIGINT UNSIGNED PATH '$.j'
        )) AS k;
        SET p_read = p_read + @dj_rows;
        SET @dj_cursor = json_extract(@dj_answer, '$[last]');
    END WHILE;
END$$
DELIMITER ;
