-- set_deletion_rule
-- Decide what happens to the rows behind one reference, whatever the catalog says.
--
-- Parameters  p_child_table   the table that refers
--             p_reference     its foreign key's constraint, or the declared reference
--             p_action        cascade, set_null, set_default, scrub, restrict, or keep where
--                             declared; NULL: what the catalog or the declaration says again
--             p_scrub         for scrub: a JSON object, which columns get which constant or NULL
--                             when the reference is set NULL; else NULL
-- Errors      JD002 NULL, no such reference or action, nothing that the columns take; JD005 no
--             such table
-- Writes      deletion_rules (one row)             Commits  no
-- Execute     the owner only (DBAs)
-- Example     CALL set_deletion_rule(
--                 'invoice', 'fk_invoice_customer', 'scrub', '{"buyer": "erased"}'
--             );

DROP PROCEDURE IF EXISTS set_deletion_rule;

DELIMITER $$
CREATE DEFINER = 'deletion_jobs_owner'@'localhost' PROCEDURE set_deletion_rule(
    IN p_child_table TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_reference TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_action TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin,
    IN p_scrub JSON
)
LANGUAGE SQL
NOT DETERMINISTIC
MODIFIES SQL DATA
SQL SECURITY DEFINER
COMMENT 'Decide what happens to the rows behind one reference, whatever the catalog says'
BEGIN
    DECLARE v_schema, v_table VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_parent_schema, v_parent_table VARCHAR(64)
        CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_spelled VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_is_key, v_is_declared BOOLEAN;
    DECLARE v_scrub JSON;
    DECLARE v_problem TEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin;
    DECLARE v_own JSON;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        CALL deletion_widen_session(v_own);
        RESIGNAL;
    END;

    CALL deletion_widen_session(v_own);

    IF p_child_table IS NULL OR p_reference IS NULL THEN
        CALL deletion_raise('JD002', 'set_deletion_rule', 'table or reference is NULL', NULL);
    END IF;

    -- A rule may be taken back when its table is gone.
    IF p_action IS NULL THEN
        DELETE FROM deletion_rules AS r
        WHERE
            r.reference_name = p_reference
            AND p_child_table IN (
                deletion_entity_name(r.child_schema, r.child_table),
                concat(r.child_schema, '.', r.child_table)
            )
        -- There are few; a session in safe mode deletes without a key up to a limit alone.
        LIMIT 1000;
    END IF;

    IF p_action IS NOT NULL OR row_count() = 0 THEN
        CALL deletion_find_table(p_child_table, 'set_deletion_rule', v_schema, v_table);

        -- The catalog compares names regardless of case, and of blanks at the end.
        SET v_spelled = (
            SELECT min(k.constraint_name)
            FROM information_schema.referential_constraints AS k
            WHERE
                k.constraint_schema = v_schema AND k.table_name = v_table
                AND k.constraint_name = p_reference
        );
        SET v_is_key = v_spelled <=> p_reference;
        SELECT k.unique_constraint_schema, k.referenced_table_name
        INTO v_parent_schema, v_parent_table
        FROM information_schema.referential_constraints AS k
        WHERE
            v_is_key AND k.constraint_schema = v_schema AND k.table_name = v_table
            AND k.constraint_name = p_reference;
        SELECT
            count(*) > 0,
            coalesce(v_parent_schema, min(d.parent_schema)),
            coalesce(v_parent_table, min(d.parent_table))
        INTO v_is_declared, v_parent_schema, v_parent_table
        FROM deletion_references AS d
        WHERE
            d.reference_name = p_reference
            AND d.child_schema = v_schema AND d.child_table = v_table;

        IF NOT v_is_key AND NOT v_is_declared AND v_spelled IS NOT NULL THEN
            CALL deletion_raise(
                'JD002',
                'set_deletion_rule',
                concat('the catalog spells it ', v_spelled),
                p_reference
            );
        ELSEIF NOT v_is_key AND NOT v_is_declared THEN
            CALL deletion_raise(
                'JD002',
                'set_deletion_rule',
                concat('no such reference of ', left(p_child_table, 64)),
                p_reference
            );
        ELSEIF
            p_action NOT IN ('cascade', 'set_null', 'set_default', 'scrub', 'restrict', 'keep')
        THEN
            CALL deletion_raise('JD002', 'set_deletion_rule', 'no such action', p_action);
        ELSEIF p_action = 'keep' AND NOT v_is_declared THEN
            CALL deletion_raise(
                'JD002',
                'set_deletion_rule',
                'rows of a foreign key cannot be kept: no action keep',
                p_reference
            );
        ELSEIF p_action NOT IN ('set_null', 'restrict') AND deletion_is_ours(v_schema, v_table) THEN
            CALL deletion_raise(
                'JD002', 'set_deletion_rule', 'table belongs to deletion-jobs', p_child_table
            );
        END IF;
    END IF;

    IF p_action = 'scrub' THEN
        CALL deletion_read_scrub(v_schema, v_table, p_scrub, v_scrub, v_problem);
        SET v_problem = coalesce(
            v_problem, deletion_detach_problem(v_schema, v_table, p_reference)
        );
    ELSEIF p_scrub IS NOT NULL THEN
        SET v_problem = 'only scrub sets columns to constants';
    END IF;

    IF v_problem IS NOT NULL THEN
        CALL deletion_raise('JD002', 'set_deletion_rule', v_problem, NULL);
    ELSEIF p_action IS NOT NULL THEN
        INSERT INTO deletion_rules (
            child_schema, child_table, reference_name, action, scrub, parent_schema, parent_table
        )
        VALUES (
            v_schema, v_table, p_reference, p_action, v_scrub, v_parent_schema, v_parent_table
        )
        ON DUPLICATE KEY UPDATE
            action = p_action,
            scrub = v_scrub,
            parent_schema = v_parent_schema,
            parent_table = v_parent_table,
            created_at = utc_timestamp(6);
    END IF;
    CALL deletion_widen_session(v_own);
END$$
DELIMITER ;
