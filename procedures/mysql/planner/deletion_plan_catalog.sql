-- deletion_plan_catalog
-- Read the columns and indexes of a plan's tables from the server, all at once.
--
-- Parameters  p_plan_id   the plan, its tables known
-- Writes      deletion_node_columns, deletion_node_indexes     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_plan_catalog;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_plan_catalog(
    IN p_plan_id BIGINT UNSIGNED
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Read the columns and indexes of a plan''s tables from the server, all at once'
BEGIN
    -- In the dictionary's own character set: in any other, each look would read a whole schema.
    INSERT INTO deletion_node_columns (
        plan_id, node_no, column_name, column_type, character_set_name, collation_name, sets_itself
    )
    SELECT
        p_plan_id, n.node_no, c.column_name, c.column_type, c.character_set_name, c.collation_name,
        c.extra LIKE '%on update%'
    FROM deletion_plan_nodes AS n
    STRAIGHT_JOIN information_schema.columns AS c  -- noqa: PRS
        ON
            c.table_schema = convert(n.table_schema USING utf8mb3) COLLATE utf8mb3_bin
            AND c.table_name = convert(n.table_name USING utf8mb3) COLLATE utf8mb3_bin
    WHERE n.plan_id = p_plan_id;

    INSERT INTO deletion_node_indexes (
        plan_id, node_no, index_name, seq_in_index, column_name, is_unique, is_prefix, is_nullable,
        is_visible, index_type
    )
    SELECT
        p_plan_id, n.node_no, i.index_name, i.seq_in_index, i.column_name, i.non_unique = 0,
        i.sub_part IS NOT NULL, i.nullable = 'YES', i.is_visible = 'YES', i.index_type
    FROM deletion_plan_nodes AS n
    STRAIGHT_JOIN information_schema.statistics AS i  -- noqa: PRS
        ON
            i.table_schema = convert(n.table_schema USING utf8mb3) COLLATE utf8mb3_bin
            AND i.table_name = convert(n.table_name USING utf8mb3) COLLATE utf8mb3_bin
    WHERE n.plan_id = p_plan_id;

    UPDATE deletion_plan_nodes AS n
    SET n.key_columns = deletion_node_key(p_plan_id, n.node_no)
    -- The target's own key is the one that it is registered by.
    WHERE n.plan_id = p_plan_id AND n.node_no > 0;

    UPDATE deletion_plan_nodes AS n
    SET n.key_index = deletion_sql_index(
        deletion_unique_index(p_plan_id, n.node_no, n.key_columns)
    )
    WHERE n.plan_id = p_plan_id;
END$$
DELIMITER ;
