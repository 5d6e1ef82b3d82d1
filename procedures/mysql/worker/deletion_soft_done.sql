-- deletion_soft_done
-- Note that rows of a frame are dealt with.
--
-- Parameters  p_node_no   their table              p_keys   the frame
-- Writes      deletion_soft_keys                   Commits  no
-- Execute     the owner only

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02,LT02,LT05
DROP PROCEDURE IF EXISTS deletion_soft_done;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_soft_done(
    IN p_node_no INT,
    IN p_keys JSON
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Note that rows of a frame are dealt with'
BEGIN
    UPDATE json_table(p_keys, '$[*]' COLUMNS (
        o JSON PATH '$', j BIGINT UNSIGNED PATH '$.j'
    )) AS t
    STRAIGHT_JOIN deletion_soft_keys AS k FORCE INDEX (PRIMARY)
        ON k.job_id = t.j AND k.node_no = p_node_no AND k.key_hash = deletion_key_hash(t.o)
    SET k.is_done = TRUE;
END$$
DELIMITER ;
