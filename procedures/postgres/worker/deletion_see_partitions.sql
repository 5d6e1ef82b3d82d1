-- deletion_see_partitions
-- See, when a step has done its work, that no partition came or went meanwhile.
--
-- Parameters  p_plan_id   the plan
-- Errors      40001 one did
-- Writes      nothing                              Commits  no
-- Execute     the owner only
--
-- ATTACH PARTITION does not wait for the locks by which a step holds its tables, and the engine
-- would delete what hangs from the new partition's rows by keys that the plan does not know.

CREATE OR REPLACE FUNCTION deletion_see_partitions(p_plan_id bigint)
RETURNS void
LANGUAGE plpgsql
VOLATILE
SECURITY INVOKER
SET search_path FROM CURRENT
AS $deletion_see_partitions$
DECLARE
    v_fingerprint text;
    v_tables oid[];
BEGIN
    SELECT p.fingerprint, ARRAY(SELECT jsonb_array_elements_text(p.tables)::oid)
    INTO STRICT v_fingerprint, v_tables
    FROM deletion_plans AS p
    WHERE p.plan_id = p_plan_id;

    IF
        EXISTS (SELECT 1 FROM pg_class AS c WHERE c.oid = ANY (v_tables) AND c.relkind = 'p')
        AND left(v_fingerprint, 32) <> deletion_fingerprint_references(v_tables)
    THEN
        RAISE EXCEPTION USING
            ERRCODE = '40001',
            MESSAGE = 'partitions came or went while the step was at work';
    END IF;
END;
$deletion_see_partitions$;

COMMENT ON FUNCTION deletion_see_partitions(bigint) IS
'See that no partition came or went while a step did its work.';
REVOKE ALL ON FUNCTION deletion_see_partitions(bigint) FROM PUBLIC;
