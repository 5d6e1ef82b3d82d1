-- The tables of bench plan, made by bench_generate from three numbers and nothing else:
-- bench_plan_001 is the root, every other table refers to earlier ones, some also to themselves.
-- No circle but those of one table, and every reference cascades.

CREATE TABLE bench_edges (
    child integer NOT NULL,
    parent integer NOT NULL,
    PRIMARY KEY (child, parent)
);

CREATE PROCEDURE bench_generate(p_tables integer, p_keys integer, p_self integer)
LANGUAGE plpgsql
AS $bench_generate$
DECLARE
    v_turn integer := 0;
    v_left integer := p_keys - p_self - (p_tables - 1);
    v_child integer;
    v_parent integer;
BEGIN
    INSERT INTO bench_edges (child, parent)
    SELECT n.n * (p_tables / p_self), n.n * (p_tables / p_self)
    FROM generate_series(1, p_self) AS n (n);

    -- A tree with four children a table, so that the root reaches all of them.
    INSERT INTO bench_edges (child, parent)
    SELECT n.n, (n.n - 2) / 4 + 1
    FROM generate_series(2, p_tables) AS n (n);

    -- The rest goes from each table in turn to one that it does not refer to yet, and that is no
    -- lower than its parent in the tree: MySQL's own cascade ends at 15 levels.
    WHILE v_left > 0 LOOP
        v_child := 3 + v_turn % (p_tables - 2);
        v_parent := 1 + (v_child * 7 + v_turn / (p_tables - 2)) % ((v_child - 2) / 4 + 1);
        v_turn := v_turn + 1;

        INSERT INTO bench_edges (child, parent)
        VALUES (v_child, v_parent)
        ON CONFLICT DO NOTHING;

        IF FOUND THEN
            v_left := v_left - 1;
        END IF;
    END LOOP;

    FOR v_child IN 1 .. p_tables LOOP
        CALL bench_create(v_child);
    END LOOP;
END;
$bench_generate$;

-- A table with a column, a key and an index for each reference; NULL only where it is to itself.
CREATE PROCEDURE bench_create(p_child integer)
LANGUAGE plpgsql
AS $bench_create$
DECLARE
    v_name text := 'bench_plan_' || lpad(p_child::text, 3, '0');
    v_parent text;
BEGIN
    EXECUTE format('CREATE TABLE %I (id bigint PRIMARY KEY, note text NOT NULL)', v_name);

    FOR v_parent IN
        SELECT lpad(e.parent::text, 3, '0')
        FROM bench_edges AS e
        WHERE e.child = p_child
        ORDER BY e.parent
    LOOP
        EXECUTE format(
            'ALTER TABLE %1$s ADD COLUMN parent_%2$s bigint %3$s '
            'CONSTRAINT %1$s_%2$s REFERENCES bench_plan_%2$s ON DELETE CASCADE',
            v_name, v_parent, CASE WHEN v_parent::integer <> p_child THEN 'NOT NULL' END
        );
        EXECUTE format(
            'CREATE INDEX %1$s_%2$s ON %1$s (parent_%2$s)', v_name, v_parent
        );
    END LOOP;
END;
$bench_create$;

-- A row with this key in each of the first p_tables tables, below the row with the same key in
-- every other table that it refers to.
CREATE PROCEDURE bench_fill(p_id bigint, p_tables integer)
LANGUAGE plpgsql
AS $bench_fill$
DECLARE
    v_child integer;
    v_columns text;
    v_values text;
BEGIN
    FOR v_child IN 1 .. p_tables LOOP
        SELECT
            string_agg(', parent_' || lpad(e.parent::text, 3, '0'), '' ORDER BY e.parent),
            string_agg(', $1', '')
        INTO v_columns, v_values
        FROM bench_edges AS e
        WHERE e.child = v_child AND e.parent <> v_child;

        EXECUTE format(
            'INSERT INTO bench_plan_%s (id, note%s) VALUES ($1, ''a row''%s)',
            lpad(v_child::text, 3, '0'), v_columns, v_values
        )
        USING p_id;
    END LOOP;
END;
$bench_fill$;

-- The engine's own cascade: one statement, one transaction.
CREATE PROCEDURE bench_native(p_id bigint)
LANGUAGE plpgsql
AS $bench_native$
BEGIN
    DELETE FROM bench_plan_001 AS r WHERE r.id = p_id;
END;
$bench_native$;

-- Count the rows with a key, in all tables together.
CREATE FUNCTION bench_rows(p_id bigint) RETURNS bigint
LANGUAGE plpgsql
AS $bench_rows$
DECLARE
    v_child integer;
    v_count bigint;
    v_rows bigint := 0;
BEGIN
    FOR v_child IN 1 .. (SELECT max(e.child) FROM bench_edges AS e) LOOP
        EXECUTE format(
            'SELECT count(*) FROM bench_plan_%s WHERE id = $1', lpad(v_child::text, 3, '0')
        )
        INTO v_count USING p_id;
        v_rows := v_rows + v_count;
    END LOOP;

    RETURN v_rows;
END;
$bench_rows$;
