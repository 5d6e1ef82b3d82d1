-- deletion_sql_sweep
-- Write the statements that count, and delete, all childless rows that hang from a locked frame.
--
-- Parameters  p_plan_id, p_edge_no   the reference
--             p_kind                 count, count_one (for a run of one job) or sweep
-- Returns     text; binds the frame; a count also a limit, and answers the number of rows in
--             @dj_rows, count by job as well in @dj_answer
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_sql_sweep;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_sweep(
    p_plan_id BIGINT UNSIGNED,
    p_edge_no INT,
    p_kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write the statements that count, and delete, all childless rows of a locked frame'
BEGIN
    DECLARE v_rows LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SELECT concat(
        'JSON_TABLE(?, \'$[*]\' COLUMNS (',
        if(p_kind = 'count', 'j BIGINT UNSIGNED PATH \'$.j\', ', ''),
        'm INT PATH \'$.m\', ', p.row_frame, ')) AS t',
        '\nSTRAIGHT_JOIN ', n.sql_name, ' AS c', e.index_hint,
        ' ON ', e.on_frame
    )
    INTO v_rows
    FROM deletion_plan_edges AS e
    INNER JOIN deletion_plan_nodes AS p
        ON p.plan_id = e.plan_id AND p.node_no = e.parent_node_no
    INNER JOIN deletion_plan_nodes AS n
        ON n.plan_id = e.plan_id AND n.node_no = e.child_node_no
    WHERE e.plan_id = p_plan_id AND e.edge_no = p_edge_no;

    RETURN CASE p_kind
        WHEN 'sweep' THEN concat('DELETE c\nFROM ', v_rows)
        WHEN 'count_one' THEN concat(
            'SELECT NULL, COUNT(*)\nINTO @dj_answer, @dj_rows\nFROM (\nSELECT 1\nFROM ', v_rows,
            '\nLIMIT ?\n) AS q'
        )
        ELSE concat(
            'SELECT COALESCE(JSON_OBJECTAGG(g.j, g.n), JSON_OBJECT()), COALESCE(SUM(g.n), 0)\n',
            'INTO @dj_answer, @dj_rows\nFROM (\nSELECT q.j, COUNT(*) AS n\nFROM (\n',
            'SELECT t.j\nFROM ', v_rows, '\nLIMIT ?\n) AS q\nGROUP BY q.j\n) AS g'
        )
    END;
END$$
DELIMITER ;
