-- deletion_refuse_temporary
-- Refuse to work in a session that hides one of our own tables behind a temporary one.
--
-- Parameters  p_verb   the verb that was called
-- Errors      JD003 the session has such a table
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- A temporary table stands before the one of its name, also in a routine that runs by the rights of
-- its owner: whoever could put rows before deletion_plan_steps would have the owner run them. No
-- catalog lists it; but the server opens none twice in one statement.

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02,LT02,LT05,AL05,AM05
DROP PROCEDURE IF EXISTS deletion_refuse_temporary;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_refuse_temporary(
    IN p_verb VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
READS SQL DATA
SQL SECURITY DEFINER
COMMENT 'Refuse to work in a session that hides one of our own tables behind a temporary one'
BEGIN
    DECLARE EXIT HANDLER FOR 1137
    CALL deletion_raise(
        'JD003', p_verb, 'a temporary table of the session hides one of deletion-jobs', NULL
    );

    DO (SELECT count(*) FROM (
        SELECT 1 FROM deletion_attempts AS x, deletion_attempts AS y WHERE FALSE
        UNION ALL SELECT 1 FROM deletion_frames AS x, deletion_frames AS y WHERE FALSE
        UNION ALL SELECT 1 FROM deletion_hold_latches AS x, deletion_hold_latches AS y WHERE FALSE
        UNION ALL SELECT 1 FROM deletion_holds AS x, deletion_holds AS y WHERE FALSE
        UNION ALL SELECT 1 FROM deletion_jobs AS x, deletion_jobs AS y WHERE FALSE
        UNION ALL SELECT 1 FROM deletion_marks AS x, deletion_marks AS y WHERE FALSE
        UNION ALL SELECT 1 FROM deletion_node_columns AS x, deletion_node_columns AS y WHERE FALSE
        UNION ALL SELECT 1 FROM deletion_node_indexes AS x, deletion_node_indexes AS y WHERE FALSE
        UNION ALL SELECT 1 FROM deletion_plan_edges AS x, deletion_plan_edges AS y WHERE FALSE
        UNION ALL SELECT 1 FROM deletion_plan_nodes AS x, deletion_plan_nodes AS y WHERE FALSE
        UNION ALL SELECT 1 FROM deletion_plan_steps AS x, deletion_plan_steps AS y WHERE FALSE
        UNION ALL SELECT 1 FROM deletion_plans AS x, deletion_plans AS y WHERE FALSE
        UNION ALL SELECT 1 FROM deletion_receipts AS x, deletion_receipts AS y WHERE FALSE
        UNION ALL SELECT 1 FROM deletion_references AS x, deletion_references AS y WHERE FALSE
        UNION ALL SELECT 1 FROM deletion_rules AS x, deletion_rules AS y WHERE FALSE
        UNION ALL SELECT 1 FROM deletion_runs AS x, deletion_runs AS y WHERE FALSE
        UNION ALL SELECT 1 FROM deletion_settings AS x, deletion_settings AS y WHERE FALSE
        UNION ALL SELECT 1 FROM deletion_slots AS x, deletion_slots AS y WHERE FALSE
        UNION ALL SELECT 1 FROM deletion_soft_columns AS x, deletion_soft_columns AS y WHERE FALSE
        UNION ALL SELECT 1 FROM deletion_soft_keys AS x, deletion_soft_keys AS y WHERE FALSE
        UNION ALL SELECT 1 FROM deletion_targets AS x, deletion_targets AS y WHERE FALSE
        UNION ALL SELECT 1 FROM deletion_walk_keys AS x, deletion_walk_keys AS y WHERE FALSE
        UNION ALL SELECT 1 FROM deletion_walk_links AS x, deletion_walk_links AS y WHERE FALSE
    ) AS q);
END$$
DELIMITER ;
