-- deletion_see_holds
-- After a step: see that the held rows of its plan are all still there, the same and unmarked.
--
-- Parameters  p_run_id, p_plan_id   the run
--             p_held          the held rows before the step
--             p_has_climbed   TRUE: the step was rolled back once, and the run has climbed since
-- Errors      40001 the step took one: it is rolled back, and the run climbs from them once more;
--             JD006 it did so although it had climbed: the job is blocked
-- Writes      deletion_runs                        Commits  no
-- Execute     the owner only

DROP PROCEDURE IF EXISTS deletion_see_holds;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE deletion_see_holds(
    IN p_run_id BIGINT UNSIGNED,
    IN p_plan_id BIGINT UNSIGNED,
    IN p_held JSON,
    IN p_has_climbed BOOLEAN
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'After a step: see that the held rows of its plan are all still there, the same and unmarked'  -- noqa: LT05
BEGIN
    DECLARE v_rows, v_taken JSON;
    DECLARE v_error VARCHAR(128) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;

    CALL deletion_held_rows(p_plan_id, v_rows);

    -- Row by row: one that goes is not made good by one that comes.
    SELECT json_arrayagg(b.j - 4611686018427387904)
    INTO v_taken
    FROM json_table(p_held, '$[*]' COLUMNS (
        o JSON PATH '$', j BIGINT UNSIGNED PATH '$.j', n INT PATH '$.n'
    )) AS b
    -- One that was let go meanwhile, or is over, forbids nothing any more.
    INNER JOIN deletion_holds AS h
        ON
            h.hold_id = b.j - 4611686018427387904
            AND h.released_at IS NULL
            AND (h.held_until IS NULL OR h.held_until > utc_timestamp(6))
    LEFT JOIN json_table(v_rows, '$[*]' COLUMNS (
        o JSON PATH '$', j BIGINT UNSIGNED PATH '$.j', n INT PATH '$.n',
        is_lost BOOLEAN EXISTS PATH '$.lost'
    )) AS a
        ON
            a.j = b.j
            AND a.n = b.n
            AND NOT a.is_lost
            AND deletion_key_hash(a.o) = deletion_key_hash(b.o)
            AND cast(json_extract(a.o, '$.s') AS CHAR) <=> cast(json_extract(b.o, '$.s') AS CHAR)
    WHERE a.j IS NULL;

    IF v_taken IS NULL THEN
        -- A later step that is rolled back climbs anew.
        UPDATE deletion_runs AS r
        SET r.state = json_remove(r.state, '$.held_retries')
        WHERE r.run_id = p_run_id AND json_extract(r.state, '$.held_retries') > 0;
    ELSEIF p_has_climbed THEN
        -- No reference of the plan leads to it: a trigger, or an action of the engine.
        SET v_error = left(substr(deletion_hold_error(v_taken), char_length('JD006: ') + 1), 128);
        SIGNAL SQLSTATE 'JD006' SET MESSAGE_TEXT = v_error, MYSQL_ERRNO = 31006;
    ELSE
        SIGNAL SQLSTATE '40001' SET MESSAGE_TEXT = 'a row that is held was on the way';
    END IF;
END$$
DELIMITER ;
