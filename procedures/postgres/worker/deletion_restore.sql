-- deletion_restore
-- Take back what one plan's job has marked in one table, where the rows still hold it.
--
-- Parameters  p_run_id   the run that counts       p_job_id   the job
--             p_plan_id, p_table_name   the plan that marked, and the table
-- Returns     bigint, the number of rows restored
-- Writes      the application's table, deletion_marks, deletion_receipts     Commits  no
-- Execute     the owner only

CREATE OR REPLACE FUNCTION deletion_restore(
    p_run_id bigint,
    p_job_id bigint,
    p_plan_id bigint,
    p_table_name text
) RETURNS bigint
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_restore$
DECLARE
    v_sql text;
    v_marks jsonb;
    v_last bigint;
    v_done jsonb;
    v_rows bigint;
    v_total bigint := 0;
BEGIN
    SELECT s.sql_text INTO STRICT v_sql
    FROM deletion_plan_steps AS s
    WHERE s.plan_id = p_plan_id AND s.table_name = p_table_name AND s.kind = 'restore';

    LOOP
        SELECT
            jsonb_agg(jsonb_build_object(
                'id', m.mark_id, 'k', m.row_key, 'o', m.old_value, 'n', m.new_value
            )),
            max(m.mark_id)
        INTO v_marks, v_last
        FROM (
            SELECT d.*
            FROM deletion_marks AS d
            WHERE
                d.job_id = p_job_id AND d.state = 'held' AND d.plan_id = p_plan_id
                AND d.table_name = p_table_name AND d.mark_id > coalesce(v_last, 0)
            ORDER BY d.mark_id
            LIMIT 5000
        ) AS m;

        EXIT WHEN v_marks IS NULL;
        EXECUTE v_sql INTO v_done, v_rows USING v_marks;

        UPDATE deletion_marks AS m
        SET state = 'restored'
        FROM jsonb_array_elements_text(v_done) AS e (mark_id)
        WHERE m.mark_id = e.mark_id::bigint;

        v_total := v_total + v_rows;
    END LOOP;

    PERFORM deletion_add_receipts(
        p_run_id, ARRAY[p_table_name], 'restore',
        ARRAY[jsonb_build_object(p_job_id::text, v_total)]
    ) WHERE v_total > 0;
    RETURN v_total;
END;
$deletion_restore$;

COMMENT ON FUNCTION deletion_restore(bigint, bigint, bigint, text) IS
'Take back what one plan''s job has marked in one table, where the rows still hold it.';
REVOKE ALL ON FUNCTION deletion_restore(bigint, bigint, bigint, text) FROM PUBLIC;
