-- deletion_sql_live
-- Write the statement that finds the roots of a frame that are not marked as deleted.
--
-- Parameters  p_plan_id   the plan
-- Returns     text; binds the frame; answers the jobs of these roots in @dj_answer, NULL for each
--             that is marked, and locks all roots. NULL: the target marks no rows, or its column
--             cannot tell any more
-- Writes      nothing                              Commits  no
-- Execute     the owner only

DROP FUNCTION IF EXISTS deletion_sql_live;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_live(
    p_plan_id BIGINT UNSIGNED
) RETURNS LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write the statement that finds the roots of a frame that are not marked as deleted'
BEGIN
    RETURN (
        SELECT concat(
            'SELECT COALESCE(JSON_ARRAYAGG(IF(',
            deletion_soft_live(n.table_schema, n.table_name, FALSE),
            ', t.j, NULL)), JSON_ARRAY()), COUNT(*)\nINTO @dj_answer, @dj_rows\n',
            'FROM JSON_TABLE(?, \'$[*]\' COLUMNS (',
            'j BIGINT UNSIGNED PATH \'$.j\', m INT PATH \'$.m\', ', n.key_frame, ')) AS t',
            '\nSTRAIGHT_JOIN ', n.sql_name, ' AS x', n.key_index, ' ON ', n.key_found,
            ' AND t.m IS NULL\nFOR SHARE OF x'
        )
        FROM deletion_plan_nodes AS n
        INNER JOIN deletion_soft_columns AS s
            ON s.table_schema = n.table_schema AND s.table_name = n.table_name
        WHERE
            n.plan_id = p_plan_id
            AND n.node_no = 0
            AND deletion_soft_problem(
                s.table_schema, s.table_name, s.column_name, s.mark_value
            ) IS NULL
            AND s.kind = (
                SELECT deletion_soft_kind(c.column_type)
                FROM deletion_node_columns AS c
                WHERE
                    c.plan_id = p_plan_id AND c.node_no = 0 AND c.column_name = s.column_name
            )
    );
END$$
DELIMITER ;
