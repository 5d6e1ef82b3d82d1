-- link_deletion_users
-- Let created_by of the jobs point at the application's users, or point at nothing again.
--
-- Parameters  p_table    the users' table; NULL: drop the key
--             p_column   its column, of an integer type and unique
-- Errors      JD002 no such column, another type, not unique; JD005 no such table; 23503 a job
--             names a user who does not exist
-- Writes      the constraint fk_dj_user of deletion_jobs     Commits  no
-- Execute     the owner only (DBAs), who also needs the right REFERENCES on the users' table
-- Example     CALL link_deletion_users('users', 'id');

CREATE OR REPLACE PROCEDURE link_deletion_users(
    p_table text,
    p_column text DEFAULT 'id'
)
LANGUAGE plpgsql
-- The right to refer to the application's table is the caller's, not our owner's.
SECURITY INVOKER
SET search_path FROM CURRENT
AS $link_deletion_users$
DECLARE
    c_verb CONSTANT text := 'link_deletion_users';
    v_table regclass;
    v_column pg_attribute;
BEGIN
    IF p_table IS NOT NULL THEN
        v_table := deletion_find_table(p_table, c_verb);

        SELECT a.* INTO v_column
        FROM pg_attribute AS a
        WHERE
            a.attrelid = v_table AND a.attname = p_column AND a.attnum > 0
            AND NOT a.attisdropped;

        IF v_column.attnum IS NULL THEN
            PERFORM deletion_raise(
                'JD002', c_verb, 'no such column',
                concat_ws('.', deletion_entity_name(v_table), p_column)
            );
        ELSIF v_column.atttypid NOT IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) THEN
            PERFORM deletion_raise(
                'JD002', c_verb, 'column is of no integer type',
                format('%s.%I', deletion_entity_name(v_table), p_column)
            );
        ELSIF NOT EXISTS (
            SELECT 1
            FROM pg_index AS i
            WHERE
                i.indrelid = v_table AND i.indisunique AND i.indisvalid AND i.indimmediate
                AND i.indpred IS NULL AND i.indexprs IS NULL
                AND i.indnkeyatts = 1 AND i.indkey[0] = v_column.attnum
        ) THEN
            PERFORM deletion_raise(
                'JD002', c_verb, 'column is not unique',
                format('%s.%I', deletion_entity_name(v_table), p_column)
            );
        END IF;

        -- There is nothing to do where the key is this one already.
        IF EXISTS (
            SELECT 1
            FROM pg_constraint AS k
            WHERE
                k.conrelid = 'deletion_jobs'::regclass AND k.conname = 'fk_dj_user'
                AND k.confrelid = v_table AND k.confkey = ARRAY[v_column.attnum]
        ) THEN
            RETURN;
        END IF;
    END IF;

    ALTER TABLE deletion_jobs DROP CONSTRAINT IF EXISTS fk_dj_user;

    IF p_table IS NOT NULL THEN
        EXECUTE format(
            'ALTER TABLE deletion_jobs ADD CONSTRAINT fk_dj_user'
            ' FOREIGN KEY (created_by) REFERENCES %s (%I) ON DELETE SET NULL',
            v_table, v_column.attname
        );
    END IF;
END;
$link_deletion_users$;

COMMENT ON PROCEDURE link_deletion_users(text, text) IS
'Let created_by of the jobs point at the application''s users, or point at nothing again.';
REVOKE ALL ON PROCEDURE link_deletion_users(text, text) FROM PUBLIC;
