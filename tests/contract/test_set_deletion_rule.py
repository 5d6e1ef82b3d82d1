"""set_deletion_rule: what a DBA decides for a reference, whatever the catalog says."""

import dataclasses

import pytest

from tests.contract.schemas import children, customers, ids, in_small_steps, shop
from tests.contract.steps import Steps
from tests.database import Database, Reference


def test_a_rule_lets_a_restricting_reference_cascade(db: Database) -> None:
    shop(db, on_delete="no action")
    db.set_deletion_rule("invoice", "fk_invoice_customer_id", "cascade")
    job = db.delete("customer", 1)
    assert (job.status, job.error) == ("done", None)
    assert db.receipts(job.id) == {
        ("line", "delete"): 6,
        ("invoice", "delete"): 3,
        ("customer", "delete"): 1,
    }


def test_a_rule_stops_a_cascading_reference(db: Database) -> None:
    in_small_steps(db)
    shop(db)
    db.set_deletion_rule("invoice", "fk_invoice_customer_id", "restrict")
    job = db.delete("customer", 1)
    assert job.status == "failed"
    assert job.error is not None
    assert job.error.startswith("JD006: 3 rows of invoice")
    assert "fk_invoice_customer_id" in job.error
    assert (db.count("customer"), db.count("invoice")) == (3, 9)


def test_a_rule_sets_null_instead_of_deleting(db: Database) -> None:
    shop(db)
    db.set_deletion_rule("invoice", "fk_invoice_customer_id", "set_null")
    job = db.delete("customer", 1)
    assert db.receipts(job.id) == {("invoice", "set_null"): 3, ("customer", "delete"): 1}
    assert db.count("invoice", "customer_id IS NULL") == 3
    assert db.count("line") == 18


def test_a_rule_may_be_changed_and_taken_back(db: Database) -> None:
    shop(db)
    db.set_deletion_rule("invoice", "fk_invoice_customer_id", "restrict")
    db.set_deletion_rule("invoice", "fk_invoice_customer_id", "set_null")
    assert db.rows("SELECT reference_name, action FROM deletion_rules") == [
        ("fk_invoice_customer_id", "set_null")
    ]
    db.set_deletion_rule("invoice", "fk_invoice_customer_id", None)
    assert db.count("deletion_rules") == 0
    db.delete("customer", 1)
    assert db.count("invoice") == 6


def test_a_rule_for_a_column_that_may_not_be_null_restricts(db: Database) -> None:
    in_small_steps(db)
    customers(db)
    db.table(
        "visit",
        "id bigint",
        "customer_id bigint",
        references=[Reference("customer_id", "customer", "cascade")],
        rows=[(1, 1)],
    )
    db.set_deletion_rule("visit", "fk_visit_customer_id", "set_null")
    job = db.delete("customer", 1)
    assert job.status == "failed"
    assert (job.error or "").startswith("JD006: 1 row")
    assert (ids(db, "visit"), ids(db, "customer")) == ([1], [1, 2, 3])


def test_a_rule_overrides_a_declared_reference_too(db: Database) -> None:
    customers(db)
    db.table("note", "id bigint", "about bigint null", rows=[(1, 1), (2, 2)])
    db.index("note", "about") if db.engine == "postgres" else db.execute(
        "CREATE INDEX idx_note_about ON note (about)"
    )
    db.declare_deletion_reference("note_about", "note", ["about"], "customer", ["id"], "cascade")
    db.set_deletion_rule("note", "note_about", "keep")
    assert db.delete("customer", 1).status == "done"
    assert ids(db, "note") == [1, 2]


def test_a_foreign_key_cannot_be_kept(db: Database) -> None:
    shop(db)
    with db.error("JD002", "set_deletion_rule: ") as raised:
        db.set_deletion_rule("invoice", "fk_invoice_customer_id", "keep")
    assert "keep" in raised.message


@pytest.mark.parametrize(
    ("reference", "action"),
    [
        ("fk_nothing", "cascade"),
        ("", "cascade"),
        (None, "cascade"),
        ("fk_line_invoice_id", "cascade"),
        ("fk_invoice_customer_id", "delete"),
        ("fk_invoice_customer_id", ""),
        ("fk_invoice_customer_id", "CASCADE "),
        ("fk_invoice_customer_id", "no_action"),
    ],
)
def test_an_unknown_reference_or_action_is_refused(
    db: Database, reference: str | None, action: str
) -> None:
    shop(db)
    with db.error("JD002", "set_deletion_rule: "):
        db.set_deletion_rule("invoice", reference, action)


@pytest.mark.parametrize("spelled", ["FK_INVOICE_CUSTOMER_ID", "fk_invoice_customer_id "])
@pytest.mark.parametrize("action", ["restrict", None])
def test_a_reference_spelled_otherwise_is_refused(
    db: Database, spelled: str, action: str | None
) -> None:
    """MySQL's catalog compares names regardless of case and of blanks at the end, plans do not."""
    shop(db)
    db.set_deletion_rule("invoice", "fk_invoice_customer_id", "restrict")
    what = db.either(
        mysql="the catalog spells it fk_invoice_customer_id",
        postgres="no such reference of invoice",
    )
    with db.error("JD002", f"set_deletion_rule: {what} ({spelled})"):
        db.set_deletion_rule("invoice", spelled, action)
    with db.error("JD005", "set_deletion_rule: no such table"):
        table = db.either(mysql="INVOICE", postgres='"INVOICE"')
        db.set_deletion_rule(table, "fk_invoice_customer_id", "restrict")
    assert db.delete("customer", 1).status == "failed"


def test_a_table_that_does_not_exist_is_refused(db: Database) -> None:
    shop(db)
    with db.error("JD005", "set_deletion_rule: "):
        db.set_deletion_rule("nothing", "fk_invoice_customer_id", "cascade")
    with db.error("JD002", "set_deletion_rule: "):
        db.set_deletion_rule(None, "fk_invoice_customer_id", "cascade")


# -- Rules that fit the catalog no more --------------------------------------------------------


def called(db: Database, call: str) -> str:
    """Write the call of a verb of ours as the database's own advice does."""
    home = db.either(mysql=f"`{db.home.database}`", postgres=db.home.schema)
    return f"CALL {home}.{call};"


def take_away(db: Database, table: str, name: str) -> str:
    more = db.either(mysql=", NULL", postgres="")
    return called(db, f"set_deletion_rule('{table}', '{name}', NULL{more})")


def lost(db: Database, table: str, name: str, what: str = "reference") -> str:
    """Write the error of a job that a rule stops since it fits nothing."""
    return f"JD005: the rule for {name} of {table} fits no {what}: set it anew, then " + take_away(
        db, table, name
    )


def rename_key(db: Database, table: str, old: str, new: str, reference: Reference) -> None:
    """Give a key another name; MySQL makes it anew for that."""
    if db.engine == "postgres":
        db.execute(f"ALTER TABLE {table} RENAME CONSTRAINT {old} TO {new}")
    else:
        db.execute(f"ALTER TABLE {table} DROP FOREIGN KEY {old}")
        db.add_reference(table, dataclasses.replace(reference, name=new, indexed=False))


CUSTOMER = Reference("customer_id", "customer", "cascade")


@pytest.mark.parametrize("action", ["restrict", "set_null", "scrub"])
def test_a_rule_whose_key_has_another_name_stops_the_job(db: Database, action: str) -> None:
    shop(db)
    db.execute("ALTER TABLE invoice ADD COLUMN note INT NULL")
    scrub = {"note": 1} if action == "scrub" else None
    db.set_deletion_rule("invoice", "fk_invoice_customer_id", action, scrub)
    db.compile_deletion_plan("customer")
    rename_key(db, "invoice", "fk_invoice_customer_id", "fk_new", CUSTOMER)
    job = db.delete("customer", 1)
    assert (job.status, job.error) == ("failed", lost(db, "invoice", "fk_invoice_customer_id"))
    assert (db.count("customer"), db.count("invoice"), db.count("line")) == (3, 9, 18)
    # As the error says.
    db.set_deletion_rule("invoice", "fk_new", action, scrub)
    db.execute(take_away(db, "invoice", "fk_invoice_customer_id"))
    db.retry_deletion(job.id)
    db.run()
    assert db.status(job.id) == ("failed" if action == "restrict" else "done")
    assert (db.count("invoice"), db.count("line")) == (9, 18)


@pytest.mark.parametrize("change", ["key made anew", "table renamed", "key renamed"])
def test_a_rule_that_is_lost_in_the_middle_of_a_run_stops_the_job(
    db: Database, change: str
) -> None:
    shop(db)
    db.set_deletion_rule("invoice", "fk_invoice_customer_id", "set_null")
    children(db, "visit", {1: 6})
    db.set_deletion_setting("batch_rows", 2)
    job_id = db.enqueue_deletion("customer", 1)
    steps = Steps(db)
    steps.claim()
    while not db.count("deletion_receipts"):
        assert steps.step() == "more"
    if change == "table renamed":
        db.observer.execute("ALTER TABLE invoice RENAME TO bill")
        db.grant_to_owner("bill")
    elif change == "key renamed":
        rename_key(db.observer, "invoice", "fk_invoice_customer_id", "fk_new", CUSTOMER)
    else:
        db.observer.script(
            mysql="ALTER TABLE invoice DROP FOREIGN KEY fk_invoice_customer_id",
            postgres="ALTER TABLE invoice DROP CONSTRAINT fk_invoice_customer_id",
        )
        db.observer.add_reference(
            "invoice", dataclasses.replace(CUSTOMER, name="fk_new", indexed=False)
        )
    steps.finish()
    job = db.job(job_id)
    if job.status == "done":
        # On PostgreSQL a key of another name is the same key: the run ends as it began.
        assert (db.engine, change) == ("postgres", "key renamed")
    else:
        what = "table" if change == "table renamed" else "reference"
        assert job.error == lost(db, "invoice", "fk_invoice_customer_id", what)
        assert db.count("customer") == 3
    table = "bill" if change == "table renamed" else "invoice"
    assert (db.count(table), db.count("line")) == (9, 18)


def test_a_lost_rule_is_a_problem_with_the_call_that_takes_it_away(db: Database) -> None:
    shop(db)
    db.set_deletion_rule("invoice", "fk_invoice_customer_id", "restrict")
    query = (
        "SELECT problem, subject, detail, mend_sql FROM vw_deletion_problems"
        " WHERE problem LIKE '%without%'"
    )
    assert db.rows(query) == []
    rename_key(db, "invoice", "fk_invoice_customer_id", "fk_new", CUSTOMER)
    wanted = [
        (
            "rule without reference",
            "fk_invoice_customer_id of invoice",
            "the rule for fk_invoice_customer_id of invoice fits no reference, and jobs that reach"
            " it fail: set it anew, then take this away",
            take_away(db, "invoice", "fk_invoice_customer_id"),
        )
    ]
    assert db.rows(query) == wanted
    assert db.connect("reader").rows(query) == wanted
    why = "the rule for fk_invoice_customer_id of invoice fits no reference"
    # On MySQL the plan that cannot run is kept.
    with db.error("JD005", why, changes=db.engine == "mysql"):
        db.preview_deletion("customer", 1)
    with db.error("JD005", why, changes=db.engine == "mysql"):
        db.compile_deletion_plan("customer")
    db.execute(db.value(query.replace("problem, subject, detail, mend_sql", "mend_sql")))
    assert db.rows(query) == []
    assert db.delete("customer", 1).status == "done"


def test_plans_that_reach_neither_table_of_a_lost_rule_go_on(db: Database) -> None:
    shop(db)
    db.table("other", "id bigint", rows=[(1,)])
    db.register_deletion_target("other")
    db.set_deletion_rule("invoice", "fk_invoice_customer_id", "restrict")
    db.execute(
        "ALTER TABLE invoice DROP "
        + db.either(mysql="FOREIGN KEY", postgres="CONSTRAINT")
        + " fk_invoice_customer_id"
    )
    assert db.delete("other", 1).status == "done"
    # Nothing of the catalog leads from it to the rows any more; the rule says that something did.
    assert db.delete("customer", 1).error == lost(db, "invoice", "fk_invoice_customer_id")


def test_a_rule_whose_table_has_another_name_stops_every_job(db: Database) -> None:
    shop(db)
    db.table("other", "id bigint", rows=[(1,)])
    db.register_deletion_target("other")
    db.set_deletion_rule("invoice", "fk_invoice_customer_id", "restrict")
    db.compile_deletion_plan("customer")
    db.compile_deletion_plan("other")
    db.execute("ALTER TABLE invoice RENAME TO bill")
    db.grant_to_owner("bill")
    jobs = [db.delete("customer", 1), db.delete("other", 1)]
    wanted = lost(db, "invoice", "fk_invoice_customer_id", "table")
    assert [(job.status, job.error) for job in jobs] == [("failed", wanted)] * 2
    assert db.rows(
        "SELECT problem, subject, mend_sql FROM vw_deletion_problems"
        " WHERE problem LIKE 'rule without%'"
    ) == [
        (
            "rule without reference",
            "fk_invoice_customer_id of invoice",
            take_away(db, "invoice", "fk_invoice_customer_id"),
        )
    ]
    assert (db.count("customer"), db.count("bill")) == (3, 9)
    # Under its old name again the rule holds as before, and others are free.
    db.execute("ALTER TABLE bill RENAME TO invoice")
    for job in jobs:
        db.retry_deletion(job.id)
    db.run()
    assert (db.job(jobs[0].id).error or "").startswith("JD006: 3 rows of invoice")
    assert db.status(jobs[1].id) == "done"


def test_a_rule_of_a_table_that_is_gone_is_taken_away(db: Database) -> None:
    shop(db)
    db.set_deletion_rule("line", "fk_line_invoice_id", "restrict")
    db.execute("DROP TABLE line")
    assert db.delete("customer", 1).error == lost(db, "line", "fk_line_invoice_id", "table")
    db.set_deletion_rule("line", "fk_line_invoice_id", None)
    assert db.delete("customer", 2).status == "done"


def test_a_rule_holds_for_the_table_alone_that_its_reference_led_to(db: Database) -> None:
    customers(db)
    db.table("other", "id bigint", rows=[(1,), (2,)])
    db.register_deletion_target("other")
    db.table(
        "kid",
        "id bigint",
        "top bigint null",
        references=[Reference("top", "customer", "no action", name="fk_a")],
        rows=[(1, 1), (2, 2)],
    )
    db.set_deletion_rule("kid", "fk_a", "cascade")
    db.execute(f"ALTER TABLE kid DROP {db.either(mysql='FOREIGN KEY', postgres='CONSTRAINT')} fk_a")
    db.add_reference("kid", Reference("top", "other", "no action", name="fk_a", indexed=False))
    job = db.delete("other", 1)
    assert (job.status, job.error) == ("failed", lost(db, "kid", "fk_a"))
    assert (db.count("kid"), db.count("other")) == (2, 2)
    db.set_deletion_rule("kid", "fk_a", "set_null")
    assert db.delete("other", 1).status == "done"
    assert db.rows("SELECT id, top FROM kid ORDER BY id") == [(1, None), (2, 2)]


def test_a_rule_for_a_reference_declared_to_another_table_is_lost(db: Database) -> None:
    customers(db)
    db.table("other", "id bigint", rows=[(1,)])
    db.register_deletion_target("other")
    db.table("note", "id bigint", "about bigint null", rows=[(1, 1)])
    db.execute("CREATE INDEX idx_note_about ON note (about)")
    db.declare_deletion_reference("d", "note", ["about"], "customer", ["id"], "cascade")
    db.set_deletion_rule("note", "d", "keep")
    db.declare_deletion_reference("d", "note", ["about"], "other", ["id"], "cascade")
    assert db.delete("other", 1).error == lost(db, "note", "d")
    assert db.count("note") == 1


def test_a_rule_that_keeps_rows_of_a_table_that_is_gone_stops_nothing(db: Database) -> None:
    customers(db)
    db.table("note", "id bigint", "about bigint null", rows=[(1, 1)])
    db.execute("CREATE INDEX idx_note_about ON note (about)")
    db.declare_deletion_reference("d", "note", ["about"], "customer", ["id"], "cascade")
    db.set_deletion_rule("note", "d", "keep")
    db.execute("DROP TABLE note")
    assert db.delete("customer", 1).status == "done"


def test_a_rule_of_an_earlier_version_holds_for_any_table(db: Database) -> None:
    shop(db)
    db.set_deletion_rule("invoice", "fk_invoice_customer_id", "restrict")
    db.execute("UPDATE deletion_rules SET parent_schema = NULL, parent_table = NULL")
    assert (db.delete("customer", 1).error or "").startswith("JD006: 3 rows of invoice")
    rename_key(db, "invoice", "fk_invoice_customer_id", "fk_new", CUSTOMER)
    assert db.delete("customer", 2).error == lost(db, "invoice", "fk_invoice_customer_id")
