-- Each migration builds on all before it: one sent twice, or too early, leaves old objects behind.
DO $guard_order$
BEGIN
    IF EXISTS (
        SELECT 1
        FROM _yoyo_migration AS y
        WHERE y.migration_id = ANY(string_to_array(%(chosen)s, ','))
    ) THEN
        RAISE EXCEPTION 'deletion-jobs has some of this already'
            USING HINT = 'deletion-jobs sql --after NAME writes an upgrade.';
    END IF;

    IF %(after)s IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM _yoyo_migration AS y WHERE y.migration_id = %(after)s
    ) THEN
        RAISE EXCEPTION 'deletion-jobs lacks what --after names'
            USING HINT = 'deletion-jobs status tells what is applied.';
    END IF;
END;
$guard_order$;
