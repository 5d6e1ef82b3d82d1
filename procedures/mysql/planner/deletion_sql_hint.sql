-- deletion_sql_hint
-- Write the hint that lets rows of a table go that refer to themselves.
--
-- Parameters  p_plan_id, p_node_no   the table
-- Returns     text, with a blank after it; empty where the engine deletes such rows by itself
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- The engine refuses them under a key that restricts (1451), and gets lost under several that
-- cascade. Rows are locked and seen to be childless before they go, so nothing is left to its keys;
-- the hint ends with the statement.

DROP FUNCTION IF EXISTS deletion_sql_hint;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' FUNCTION deletion_sql_hint(
    p_plan_id BIGINT UNSIGNED,
    p_node_no INT
) RETURNS VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Write the hint that lets rows of a table go that refer to themselves'
BEGIN
    RETURN if(
        EXISTS (
            SELECT 1
            FROM deletion_plan_edges AS e
            WHERE
                e.plan_id = p_plan_id
                AND e.parent_node_no = p_node_no
                AND e.child_node_no = p_node_no
                AND (
                    e.is_refused
                    OR e.is_circular
                    -- By a rule; the engine's own key may cascade all the same.
                    OR (NOT e.is_declared AND e.action NOT IN ('cascade', 'restrict'))
                )
        ),
        '/*+ SET_VAR(foreign_key_checks = OFF) */ ',
        ''
    );
END$$
DELIMITER ;
