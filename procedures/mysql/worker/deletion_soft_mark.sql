-- deletion_soft_mark
-- Mark the next rows of soft jobs, within the batch, and begin to look below them.
--
-- Parameters  p_is_over   OUT TRUE: no row is left
-- Errors      JD006 rows are found and hold no mark when they were marked
-- Writes      the application's table, deletion_marks, deletion_receipts, deletion_soft_keys
-- Commits     no
-- Execute     the owner only

-- The linter cannot parse all of this.
-- noqa: disable=PRS,CP01,CP02,LT02,LT05
DROP PROCEDURE IF EXISTS deletion_soft_mark;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_soft_mark(
    OUT p_is_over BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Mark the next rows of soft jobs, within the batch, and begin to look below them'
BEGIN
    DECLARE v_edge_no, v_node_no, v_limit INT;
    DECLARE v_is_leaf BOOLEAN;
    DECLARE v_kind VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_table VARCHAR(130) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_frame, v_kept, v_gone JSON;

    SET v_edge_no = (
        SELECT k.edge_no
        FROM json_table(@dj_jobs, '$[*]' COLUMNS (j BIGINT UNSIGNED PATH '$')) AS t
        STRAIGHT_JOIN deletion_soft_keys AS k FORCE INDEX (idx_dsk_open)
            ON k.job_id = t.j AND k.is_done = FALSE
        LIMIT 1
    );
    SET p_is_over = v_edge_no IS NULL;

    IF NOT p_is_over THEN
        SELECT s.kind, s.node_no, s.table_name, s.is_leaf
        INTO v_kind, v_node_no, v_table, v_is_leaf
        FROM deletion_plan_steps AS s
        WHERE
            s.plan_id = @dj_plan_id AND s.edge_no = v_edge_no AND s.kind IN ('lock', 'pass');

        -- What hangs from these rows is read at once: fewer where there may be something.
        SET v_limit = if(v_is_leaf, @dj_left, least(@dj_left, 500));

        SELECT json_arrayagg(q.`keys`)
        INTO v_frame
        FROM (
            SELECT k.`keys`
            FROM json_table(@dj_jobs, '$[*]' COLUMNS (j BIGINT UNSIGNED PATH '$')) AS t
            STRAIGHT_JOIN deletion_soft_keys AS k FORCE INDEX (idx_dsk_open)
                ON k.job_id = t.j AND k.is_done = FALSE AND k.edge_no = v_edge_no
            LIMIT v_limit
        ) AS q;

        SET @dj_frame = v_frame, @dj_at = v_table;
        CALL deletion_execute(@dj_plan_id, v_edge_no, v_kind);
        SET v_kept = @dj_answer;

        IF v_kind = 'lock' THEN
            CALL deletion_soft_marks(v_edge_no, v_table, v_kept);
        END IF;
    END IF;

    IF v_is_leaf THEN
        CALL deletion_soft_done(v_node_no, v_frame);
    ELSEIF NOT p_is_over THEN
        -- Of a root that is gone what declared references tie to its key is still marked.
        SELECT json_arrayagg(k.o)
        INTO v_gone
        FROM json_table(v_frame, '$[*]' COLUMNS (o JSON PATH '$', m INT PATH '$.m')) AS k
        WHERE k.m IS NOT NULL;
        SET v_kept = json_merge_preserve(v_kept, coalesce(v_gone, json_array()));
        SET @dj_soft = json_object(
            'node', v_node_no, 'edge', 0, 'last', json_object(), 'keys', v_kept
        );

        -- Rows that have moved away, or are gone, are done with.
        IF json_length(v_kept) < json_length(v_frame) THEN
            SELECT json_arrayagg(k.o)
            INTO v_gone
            FROM json_table(v_frame, '$[*]' COLUMNS (
                o JSON PATH '$', j BIGINT UNSIGNED PATH '$.j'
            )) AS k
            WHERE (k.j, deletion_key_hash(k.o)) NOT IN (
                SELECT h.j, deletion_key_hash(h.o)
                FROM json_table(v_kept, '$[*]' COLUMNS (
                    o JSON PATH '$', j BIGINT UNSIGNED PATH '$.j'
                )) AS h
            );
            CALL deletion_soft_done(v_node_no, v_gone);
        END IF;
    END IF;
END$$
DELIMITER ;
