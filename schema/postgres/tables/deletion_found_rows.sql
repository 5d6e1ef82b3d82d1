-- deletion_found_rows
-- Rows that a wide frame's reference leads to, found at once: where they lay. They are dropped when
-- all have been taken.
--
-- An index keeps its entries of deleted rows as long as somebody's old snapshot may see them, and
-- would pass all of them again for each batch.

CREATE TABLE deletion_found_rows (
    run_id bigint NOT NULL,
    depth integer NOT NULL,
    part_no integer NOT NULL,
    row_ids tid [] NOT NULL,
    PRIMARY KEY (run_id, depth, part_no)
);

-- Written once, read once: not worth compressing.
ALTER TABLE deletion_found_rows ALTER COLUMN row_ids SET STORAGE EXTERNAL;

COMMENT ON TABLE deletion_found_rows IS 'One row for a thousand rows found for a wide frame.';
COMMENT ON COLUMN deletion_found_rows.run_id IS 'The run.';
COMMENT ON COLUMN deletion_found_rows.depth IS 'The frame''s place on the stack.';
COMMENT ON COLUMN deletion_found_rows.part_no IS 'The order in which they go.';
COMMENT ON COLUMN deletion_found_rows.row_ids IS
'Where the rows lay. Whoever deletes them looks once more whether they hang from the frame.';
