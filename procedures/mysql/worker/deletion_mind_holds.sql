-- deletion_mind_holds
-- Look whether rows are held that a run could reach; a hold that is new sends it back to its check.
--
-- Parameters  p_run_id   the run, fenced
--             p_held     OUT number of held rows that are there; NULL: nothing is held on the
--                        plan's tables; -1: the run has to climb from the held rows first
-- Writes      deletion_runs, deletion_walk_keys; locks deletion_hold_latches     Commits  no
-- Execute     the owner only
--
-- What the step then deletes is held against that number: whichever way a held row went, by a move
-- under the run's rows, a trigger or an action of the engine, the step is rolled back.

DROP PROCEDURE IF EXISTS deletion_mind_holds;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_mind_holds(
    IN p_run_id BIGINT UNSIGNED,
    OUT p_held BIGINT
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Look whether rows are held that a run could reach; a new hold sends it back to its check'
BEGIN
    DECLARE v_newest, v_plan_id BIGINT UNSIGNED;
    DECLARE v_retries INT;
    DECLARE v_state, v_rows JSON;

    -- Until this step commits no hold comes, and one that is coming is waited for.
    SET v_newest = (
        SELECT l.newest_hold
        FROM deletion_hold_latches AS l
        WHERE l.latch_id = 1
        FOR SHARE
    );
    SET p_held = NULL;

    IF v_newest > 0 THEN
        SELECT r.plan_id, r.retries, coalesce(r.state, json_object())
        INTO v_plan_id, v_retries, v_state
        FROM deletion_runs AS r
        WHERE r.run_id = p_run_id;
        SET v_newest = deletion_newest_hold(v_plan_id);

        IF v_newest IS NOT NULL THEN
            CALL deletion_held_rows(v_plan_id, v_rows);
            SET p_held = json_length(v_rows);

            -- A step that was rolled back may have met a row that moved: climb once more.
            IF
                v_newest > coalesce(json_extract(v_state, '$.held'), 0)
                OR v_retries > coalesce(json_extract(v_state, '$.held_retries'), 0)
            THEN
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
                SET p_held = -1;
            END IF;
        END IF;
    END IF;
END$$
DELIMITER ;
