-- deletion_check
-- Look, before the first row is touched, at whatever can be known to fail; a bounded step.
--
-- Parameters  p_run_id   the run, fenced
--             p_state    OUT more, or ended where no job is left
-- Writes      deletion_runs, deletion_frames, deletion_walk_keys, deletion_walk_links,
--             deletion_soft_keys, deletion_attempts, deletion_jobs     Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_check;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_check(
    IN p_run_id BIGINT UNSIGNED,
    OUT p_state VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Look, before the first row is touched, at whatever can be known to fail; a bounded step'
looking: BEGIN
    DECLARE v_plan_id BIGINT UNSIGNED;
    DECLARE v_error LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_can_block, v_is_walking, v_is_climbing, v_is_placing, v_is_back, v_is_over,
        v_hard, v_fits BOOLEAN;
    DECLARE v_max_rows BIGINT;
    DECLARE v_held, v_turn JSON;
    DECLARE v_held_state VARCHAR(16) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    SELECT
        r.plan_id,
        p.can_block,
        coalesce(t.max_rows, deletion_setting_int('max_rows')),
        json_contains_path(r.state, 'one', '$.walk'),
        json_contains_path(r.state, 'one', '$.climb'),
        coalesce(json_contains_path(r.state, 'one', '$.place'), FALSE),
        json_extract(r.state, '$.place'),
        coalesce(json_extract(r.state, '$.is_back') = TRUE, FALSE),
        r.hard_delete
    INTO
        v_plan_id, v_can_block, v_max_rows, v_is_walking, v_is_climbing,
        v_is_placing, v_turn, v_is_back, v_hard
    FROM deletion_runs AS r
    INNER JOIN deletion_plans AS p ON p.plan_id = r.plan_id
    INNER JOIN deletion_targets AS t ON t.entity_table = r.entity_table
    WHERE r.run_id = p_run_id;

    SET p_state = 'more';

    IF v_is_climbing THEN
        CALL deletion_check_holds(p_run_id, v_plan_id, v_is_over);

        IF NOT v_is_over THEN
            LEAVE looking;
        END IF;
    ELSEIF NOT coalesce(v_is_walking, FALSE) THEN
        CALL deletion_guard(v_plan_id, FALSE, v_fits);
        CALL deletion_missing_privilege(v_plan_id, v_error);

        IF v_error IS NULL THEN
            CALL deletion_hidden_table(v_plan_id, v_error);
        END IF;

        IF v_error IS NULL THEN
            CALL deletion_unindexed(v_plan_id, v_error);
        END IF;

        SET v_error = coalesce(v_error, deletion_lost_hold());

        IF v_error IS NULL THEN
            CALL deletion_find_roots(p_run_id, v_plan_id);
            CALL deletion_spare_live(p_run_id, v_plan_id);
            -- Held rows are few: what they hang from is looked at first.
            CALL deletion_mind_holds(p_run_id, v_held, v_held_state);
        ELSEIF EXISTS (
            SELECT 1
            FROM deletion_runs AS r
            WHERE
                r.run_id = p_run_id
                AND deletion_fresh_plan(r.entity_table, r.hard_delete) = r.plan_id
        ) THEN
            CALL deletion_settle(p_run_id, NULL, 'failed', v_error, TRUE, NULL);
            CALL deletion_end_run(p_run_id, 'failed', v_error);
            SET p_state = 'ended';
        ELSE
            -- The statements met another catalog than they were written for.
            CALL deletion_settle(p_run_id, NULL, 'returned', NULL, FALSE, NULL);
            CALL deletion_end_run(
                p_run_id, 'returned', 'the catalog changed; the plan is compiled anew'
            );
            SET p_state = 'ended';
        END IF;

        IF v_held_state IS NOT NULL THEN
            SET p_state = v_held_state;
            LEAVE looking;
        END IF;
    END IF;

    IF
        p_state = 'more' AND NOT v_is_back AND NOT coalesce(v_is_walking, FALSE)
        AND (v_can_block OR v_max_rows IS NOT NULL)
    THEN
        CALL deletion_seed_walk(
            p_run_id, (SELECT f.`keys` FROM deletion_frames AS f WHERE f.run_id = p_run_id)
        );
        UPDATE deletion_runs AS r
        SET r.state = if(
            v_is_climbing,
            json_object('walk', TRUE, 'held', json_extract(r.state, '$.held')),
            '{"walk": true}'
        )
        WHERE r.run_id = p_run_id;
        SET v_is_walking = TRUE;
    END IF;

    IF p_state = 'more' AND v_is_walking THEN
        IF NOT v_is_placing THEN
            CALL deletion_walk_on(p_run_id, v_plan_id, v_max_rows, v_is_over);
        END IF;

        IF v_is_over THEN
            CALL deletion_walk_verdict(p_run_id, v_plan_id);
        END IF;

        IF v_is_placing OR (
            v_is_over
            AND EXISTS (SELECT 1 FROM deletion_walk_links AS l WHERE l.walk_id = p_run_id)
        ) THEN
            CALL deletion_place(p_run_id, v_plan_id, v_turn, v_is_over);
            UPDATE deletion_runs AS r
            SET r.state = json_set(r.state, '$.place', v_turn)
            WHERE r.run_id = p_run_id;
        END IF;

        IF v_is_over THEN
            CALL deletion_fail_circles(p_run_id, v_plan_id);
            DELETE FROM deletion_walk_keys WHERE walk_id = p_run_id;
            DELETE FROM deletion_walk_links WHERE walk_id = p_run_id AND NOT is_let_go;
        END IF;
    END IF;

    IF
        p_state = 'more'
        AND NOT EXISTS (
            SELECT 1 FROM deletion_frames AS f WHERE f.run_id = p_run_id AND f.key_count > 0
        )
        -- Soft jobs that have begun have no frames.
        AND NOT (v_is_back AND NOT v_hard AND EXISTS (
            SELECT 1 FROM deletion_attempts AS a WHERE a.run_id = p_run_id AND a.outcome IS NULL
        ))
    THEN
        CALL deletion_end_run(p_run_id, 'failed', NULL);
        SET p_state = 'ended';
    ELSEIF p_state = 'more' AND (v_is_over OR NOT v_is_walking) THEN
        IF NOT v_hard AND NOT v_is_back THEN
            CALL deletion_soft_start(p_run_id, v_plan_id);
        END IF;

        UPDATE deletion_runs AS r
        INNER JOIN deletion_plans AS p ON p.plan_id = r.plan_id
        SET
            r.phase = 'advance',
            r.state = if(v_is_back, json_remove(r.state, '$.climb', '$.is_back'), json_merge_patch(
                if(p.fan_out IS NULL, json_object(), json_object('fan', p.fan_out)),
                -- What is NULL in a patch is left out.
                json_object('held', json_extract(coalesce(r.state, json_object()), '$.held')),
                if(
                    json_contains_path(r.state, 'one', '$.careful')
                    OR EXISTS (
                        SELECT 1
                        FROM deletion_plan_steps AS s
                        WHERE s.plan_id = p.plan_id AND s.kind = 'circle'
                    ),
                    json_object('careful', TRUE),
                    json_object()
                )
            ))
        WHERE r.run_id = p_run_id;
    END IF;
END$$
DELIMITER ;
