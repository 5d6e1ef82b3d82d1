-- deletion_walk_rings
-- Search the rows of a finished walk for rings of one self-reference, and rows in their own way.
--
-- Parameters  p_walk_id, p_plan_id   the walk
--             p_is_careful           OUT TRUE: there may be rings that a NULL opens
--             p_own                  OUT rows that refer to themselves where nothing parts them, an
--                                    array: their reference e, job j, number n, one's key k
-- Writes      deletion_walk_links: rings that nothing opens, and what hangs from them
-- Commits     no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_walk_rings;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_walk_rings(
    IN p_walk_id BIGINT,
    IN p_plan_id BIGINT UNSIGNED,
    OUT p_is_careful BOOLEAN,
    OUT p_own JSON
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Search the rows of a finished walk for rings of one self-reference'
BEGIN
    DECLARE v_edge_no INT;
    DECLARE v_kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE c_step CURSOR FOR
        SELECT s.edge_no, s.kind
        FROM deletion_plan_steps AS s
        WHERE s.plan_id = p_plan_id AND s.kind IN ('cycle', 'ring', 'own')
        ORDER BY s.step_no;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    SET p_is_careful = FALSE, p_own = json_array();
    OPEN c_step;
    FETCH c_step INTO v_edge_no, v_kind;

    WHILE NOT v_is_done DO
        SET @dj_walk_id = p_walk_id;
        CALL deletion_execute(p_plan_id, v_edge_no, v_kind);

        IF v_kind = 'cycle' THEN
            SET p_is_careful = p_is_careful OR @dj_rows > 0;
        ELSEIF v_kind = 'own' AND @dj_rows > 0 THEN
            SET p_own = json_merge_preserve(p_own, (
                SELECT json_arrayagg(json_set(k.o, '$.e', v_edge_no))
                FROM json_table(@dj_answer, '$[*]' COLUMNS (o JSON PATH '$')) AS k
            ));
        END IF;

        SET v_is_done = FALSE;
        FETCH c_step INTO v_edge_no, v_kind;
    END WHILE;

    CLOSE c_step;
END$$
DELIMITER ;
