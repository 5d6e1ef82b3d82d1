-- deletion_refresh_frames
-- Read the rows of the stored frames again: those that have moved or gone leave them.
--
-- Writes      deletion_frames                      Commits  no
-- Execute     the owner only
--
-- Between two transactions rows may move to another parent, and their children along: what hangs
-- from them stays. On a deep stack the topmost frames are looked at, the others when it is lower.

DROP PROCEDURE IF EXISTS deletion_refresh_frames;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_refresh_frames()
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Read the rows of the stored frames again: those that have moved or gone leave them'
BEGIN
    DECLARE v_depth, v_edge_no, v_count INT;
    DECLARE v_keys, v_missing JSON;
    DECLARE v_is_done BOOLEAN DEFAULT FALSE;
    DECLARE c_frame CURSOR FOR
        SELECT f.depth, f.edge_no, f.`keys`, f.key_count
        FROM deletion_frames AS f
        WHERE
            f.run_id = @dj_run_id
            AND f.depth > (
                SELECT max(g.depth) - 16 FROM deletion_frames AS g WHERE g.run_id = @dj_run_id
            )
            AND f.key_count > 0
            -- The key of a root is what its job names; only other columns of it can change.
            AND (f.edge_no > 0 OR json_contains_path(f.`keys`, 'one', '$[*].u1'))
        ORDER BY f.depth;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET v_is_done = TRUE;

    OPEN c_frame;
    FETCH c_frame INTO v_depth, v_edge_no, v_keys, v_count;

    WHILE NOT v_is_done DO
        SET @dj_frame = v_keys;
        CALL deletion_execute(@dj_plan_id, v_edge_no, 'left');

        -- What was declared may hang from a root that is not there.
        SELECT coalesce(json_arrayagg(k.o), json_array())
        INTO v_missing
        FROM json_table(v_keys, '$[*]' COLUMNS (  -- noqa: CP02
            o JSON PATH '$', m INT PATH '$.m'
        )) AS k
        WHERE k.m IS NOT NULL;

        SET v_is_done = FALSE;

        IF @dj_rows + json_length(v_missing) < v_count OR (
            v_missing = json_array() AND cast(@dj_answer AS JSON) <> v_keys
        ) THEN
            -- What lies above hung from these rows; it is found again where it still does.
            UPDATE deletion_frames AS f
            SET
                f.`keys` = json_merge_preserve(@dj_answer, v_missing),
                f.key_count = json_length(f.`keys`),
                f.edge_pos = 0,
                f.fetch_cursor = NULL
            WHERE f.run_id = @dj_run_id AND f.depth = v_depth;
            DELETE FROM deletion_frames WHERE run_id = @dj_run_id AND depth > v_depth;
            SET v_is_done = TRUE;
        ELSE
            FETCH c_frame INTO v_depth, v_edge_no, v_keys, v_count;
        END IF;
    END WHILE;

    CLOSE c_frame;
END$$
DELIMITER ;
