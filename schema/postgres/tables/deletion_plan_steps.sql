-- deletion_plan_steps
-- The steps of the plans with their finished SQL: what is reviewed here is what runs.

CREATE TABLE deletion_plan_steps (
    plan_id bigint NOT NULL,
    step_no integer NOT NULL,
    kind text NOT NULL,
    node_no integer NOT NULL,
    parent_node_no integer,
    edge_no integer,
    table_name text NOT NULL,
    reference_name text,
    action text,
    is_leaf boolean NOT NULL DEFAULT FALSE,
    waits boolean NOT NULL DEFAULT FALSE,
    in_check boolean NOT NULL DEFAULT FALSE,
    index_name text,
    sql_text text,
    set_order smallint NOT NULL DEFAULT 0,
    PRIMARY KEY (plan_id, step_no)
);

CREATE INDEX IF NOT EXISTS idx_dps_parent
ON deletion_plan_steps (plan_id, parent_node_no, edge_no);
CREATE INDEX IF NOT EXISTS idx_dps_edge
ON deletion_plan_steps (plan_id, edge_no, kind);

COMMENT ON TABLE deletion_plan_steps IS 'One row for each step of a plan.';
COMMENT ON COLUMN deletion_plan_steps.plan_id IS 'The plan.';
COMMENT ON COLUMN deletion_plan_steps.step_no IS 'The step''s place in the plan.';
COMMENT ON COLUMN deletion_plan_steps.kind IS
'What it does: roots, fetch, drain, set, lock, remove and so on.';
COMMENT ON COLUMN deletion_plan_steps.node_no IS 'The table acted on; 0: the target.';
COMMENT ON COLUMN deletion_plan_steps.parent_node_no IS
'The table whose frame it starts from; NULL: a step of the root.';
COMMENT ON COLUMN deletion_plan_steps.edge_no IS
'The reference it follows, counted over the plan; 0: a step of the root.';
COMMENT ON COLUMN deletion_plan_steps.table_name IS
'The table acted on, named as targets are.';
COMMENT ON COLUMN deletion_plan_steps.reference_name IS
'The constraint or declared reference that it follows.';
COMMENT ON COLUMN deletion_plan_steps.action IS
'What happens to the rows that the reference leads to.';
COMMENT ON COLUMN deletion_plan_steps.is_leaf IS
'The rows have no children that matter, so they go at once.';
COMMENT ON COLUMN deletion_plan_steps.waits IS
'The reference only orders two tables of the plan, or is set last.';
COMMENT ON COLUMN deletion_plan_steps.in_check IS 'The check runs it too.';
COMMENT ON COLUMN deletion_plan_steps.index_name IS
'The index that supports the reference; NULL: none.';
COMMENT ON COLUMN deletion_plan_steps.sql_text IS
'The statement as it runs; NULL: the step has none.';
COMMENT ON COLUMN deletion_plan_steps.set_order IS
'Place among the references that are set when nothing else can go; 0: with others.';
