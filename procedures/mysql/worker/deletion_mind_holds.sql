-- deletion_mind_holds
-- Look whether rows are held that a run could reach; a hold that is new sends it back to its check.
--
-- Parameters  p_run_id   the run, fenced
--             p_held     OUT the held rows that are there, a JSON array; NULL: nothing is held on
--                        the plan's tables
--             p_state    OUT what the step answers at once: more (the run has to climb from the
--                        held rows first), ended (a hold's row is not found: its jobs have
--                        failed); NULL: the step may go on
-- Writes      deletion_runs, deletion_walk_keys, deletion_holds, deletion_attempts, deletion_jobs;
--             locks deletion_hold_latches          Commits  no
-- Execute     the owner only
--
-- What the step then deletes is held against these rows: whichever way one went, by a move under
-- the run's rows, a trigger or an action of the engine, the step is rolled back.

DROP PROCEDURE IF EXISTS deletion_mind_holds;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_mind_holds(
    IN p_run_id BIGINT UNSIGNED,
    OUT p_held JSON,
    OUT p_state VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Look whether rows are held that a run could reach; a new hold sends it back to its check'
BEGIN
    DECLARE v_newest, v_plan_id BIGINT UNSIGNED;  -- noqa: PRS
    DECLARE v_retries INT;
    DECLARE v_state, v_rows, v_lost, v_seen JSON;
    DECLARE v_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    -- Until this step commits no hold comes, and one that is coming is waited for.
    SET v_newest = (
        SELECT l.newest_hold
        FROM deletion_hold_latches AS l
        WHERE l.latch_id = 1
        FOR SHARE
    );
    SET p_held = NULL, p_state = NULL;

    IF v_newest > 0 THEN
        SELECT r.plan_id, r.retries, coalesce(r.state, json_object())
        INTO v_plan_id, v_retries, v_state
        FROM deletion_runs AS r
        WHERE r.run_id = p_run_id;
        SET v_newest = deletion_newest_hold(v_plan_id);

        IF v_newest IS NOT NULL THEN
            CALL deletion_held_rows(v_plan_id, v_rows);
            SELECT
                json_arrayagg(if(k.is_lost, k.j - 4611686018427387904, NULL)),
                json_arrayagg(if(h.row_seen_at IS NULL AND NOT k.is_lost, h.hold_id, NULL))
            INTO v_lost, v_seen
            FROM json_table(v_rows, '$[*]' COLUMNS (
                j BIGINT UNSIGNED PATH '$.j', is_lost BOOLEAN EXISTS PATH '$.lost'
            )) AS k
            INNER JOIN deletion_holds AS h ON h.hold_id = k.j - 4611686018427387904;
            SET p_held = v_rows;

            -- The row may have another key now, and be any: nothing that could reach it goes.
            IF json_contains_path(v_rows, 'one', '$[*].lost') THEN
                SET v_error = concat(
                    deletion_hold_error(v_lost), ' (no row is found by the key that was held: ',
                    'release the hold, or release it and hold the row by its key of now)'
                );
                CALL deletion_settle(p_run_id, NULL, 'failed', v_error, TRUE, NULL);
                CALL deletion_end_run(p_run_id, 'failed', v_error);
                SET p_state = 'ended';
            END IF;

            -- From now on its absence means that its key was changed, or that it was removed.
            UPDATE json_table(v_seen, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$')) AS s
            STRAIGHT_JOIN deletion_holds AS h FORCE INDEX (PRIMARY) ON h.hold_id = s.id
            SET h.row_seen_at = utc_timestamp(6);

            -- A step that was rolled back may have met a row that moved: climb once more.
            IF p_state IS NULL AND (
                v_newest > coalesce(json_extract(v_state, '$.held'), 0)
                OR v_retries > coalesce(json_extract(v_state, '$.held_retries'), 0)
            ) THEN
                DELETE FROM deletion_walk_keys WHERE walk_id = p_run_id;
                CALL deletion_seed_climb(p_run_id, v_rows);
                UPDATE deletion_runs AS r
                SET
                    r.state = json_set(
                        v_state, '$.climb', TRUE, '$.held', v_newest, '$.held_retries', v_retries,
                        '$.is_back', r.phase = 'advance'
                    ),
                    r.phase = 'check'
                WHERE r.run_id = p_run_id;
                SET p_state = 'more';
            END IF;
        END IF;
    END IF;
END$$
DELIMITER ;
