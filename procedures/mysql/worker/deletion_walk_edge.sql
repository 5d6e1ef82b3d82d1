-- deletion_walk_edge
-- Read, page by page, the rows that hang from a walk's rows by one reference.
--
-- Parameters  p_walk_id, p_plan_id, p_edge_no   the reference; @dj_frame holds the rows
--             p_parent_no                       its parent
--             p_child_no, p_action              its child and what happens to it
--             p_is_end                          TRUE: nothing is looked at below them
--             p_most                            most rows to read; NULL: any number
--             p_read                            INOUT number of rows read
-- Writes      deletion_walk_keys, deletion_walk_links     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_walk_edge;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_walk_edge(
    IN p_walk_id BIGINT,
    IN p_plan_id BIGINT UNSIGNED,
    IN p_edge_no INT,
    IN p_parent_no INT,
    IN p_child_no INT,
    IN p_action VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_is_end BOOLEAN,
    IN p_most BIGINT,
    INOUT p_read BIGINT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Read, page by page, the rows that hang from a walk''s rows by one reference'
BEGIN
    -- One answer of the engine is never larger than this.
    DECLARE v_page INT DEFAULT least(10000, coalesce(p_most, 10000));  -- noqa: PRS
    DECLARE v_frame, v_found JSON;
    -- Which rows go in a circle: by this reference, or met by it from elsewhere.
    DECLARE v_links BOOLEAN DEFAULT EXISTS (
        SELECT 1
        FROM deletion_plan_steps AS s FORCE INDEX (idx_dps_edge)
        WHERE s.plan_id = p_plan_id AND s.edge_no = p_edge_no AND s.kind = 'link'
    );
    DECLARE v_meets BOOLEAN DEFAULT EXISTS (
        SELECT 1
        FROM deletion_plan_steps AS s FORCE INDEX (idx_dps_edge)
        WHERE s.plan_id = p_plan_id AND s.edge_no = p_edge_no AND s.kind = 'meets'
    );

    SET @dj_cursor = '{}', @dj_limit = v_page, @dj_rows = v_page;

    WHILE @dj_rows = v_page AND (p_most IS NULL OR p_read < p_most) DO
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

        IF v_meets THEN
            UPDATE json_table(@dj_answer, '$[*]' COLUMNS (
                o JSON PATH '$', j BIGINT UNSIGNED PATH '$.j'
            )) AS k
            STRAIGHT_JOIN deletion_walk_keys AS w FORCE INDEX (PRIMARY)
                ON
                    w.walk_id = p_walk_id
                    AND w.job_id = k.j
                    AND w.node_no = p_child_no
                    AND w.fate = 'delete'
                    AND w.key_hash = deletion_key_hash(k.o)
            SET w.edge_no = p_edge_no;
        ELSEIF v_links AND @dj_rows > 0 THEN
            SET v_frame = @dj_frame, v_found = @dj_answer, @dj_frame = @dj_answer;
            CALL deletion_execute(p_plan_id, p_edge_no, 'link');
            INSERT IGNORE INTO deletion_walk_links (
                walk_id, job_id, parent_node_no, parent_hash, child_node_no, child_hash, edge_no
            )
            SELECT p_walk_id, k.j, p_parent_no, unhex(k.p), p_child_no, unhex(k.c), p_edge_no
            FROM json_table(@dj_answer, '$[*]' COLUMNS (
                j BIGINT UNSIGNED PATH '$.j', p CHAR(64) PATH '$.p', c CHAR(64) PATH '$.c'
            )) AS k;
            SET @dj_frame = v_frame, @dj_rows = json_length(v_found);
        END IF;
    END WHILE;
END$$
DELIMITER ;
