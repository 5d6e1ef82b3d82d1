"""An installation of every earlier release, with work in it, goes on under the present code.

And back: what a later version kept is not removed by the one before.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from deletion_jobs import migrations, sources
from deletion_jobs.sources import ENGINES
from tests.database import Database, Home, MySQL, Postgres, Reference
from tests.migrations.places import Place
from tests.migrations.trees import Tree

TREE = sources.root()
EVERY = migrations.names("mysql")
SHAPES = "0004_reach_every_deletion_shape"
ONE_LOOK = "0007_enqueue_by_one_look"
TRIGGERS = "0008_look_behind_deletion_triggers"
PAGES = "0009_fetch_behind_deletion_pages"
LEVELS = "0010_sweep_deletion_levels"
# From which on plans need not be compiled anew.
PLANS = {"postgres": LEVELS, "mysql": PAGES}
ACCOUNTS = {
    "postgres": "SELECT rolname FROM pg_roles WHERE rolname = '{}'",
    "mysql": "SELECT user FROM mysql.user WHERE user = '{}'",
}


def released() -> list[str]:
    """List the newest migration of each earlier release, from the first one on."""
    frozen = migrations.released()
    everything = migrations.read_all("mysql")
    return [m.name for m in everything[:-1] if migrations.is_released(m, frozen)]


def up_to(name: str) -> list[str]:
    """List the migrations up to one."""
    return EVERY[: EVERY.index(name) + 1]


def install(place: Place, name: str, tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a release by its own migrations: all up to one, and none that came later."""
    tree.keep(up_to(name))
    with monkeypatch.context() as patch:
        patch.setattr(sources, "root", lambda: tree.root)
        assert migrations.check_released() == []
        place.ok("apply", "--no-users-key")
    assert place.marked() == up_to(name)


@pytest.fixture
def copy(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> Tree:
    """A copy of the project to be cut down; the tool itself stays with the project."""
    monkeypatch.setattr(sources, "root", lambda: TREE)
    return tree


@pytest.fixture
def db(place: Place) -> Iterator[Database]:
    """A superuser's session, before anything is installed; `make_worker` makes its worker."""
    name = f"{place.database}_w"
    schema = "public" if place.engine == "postgres" else place.database
    home = Home(place.server, place.database, schema, {"worker": (name, "x")})
    yield Postgres(home) if place.engine == "postgres" else MySQL(home)
    home.threads.shutdown()
    for session in home.sessions:
        session.close()
    if not place.execute(ACCOUNTS[place.engine].format(name)):
        return
    if place.engine == "mysql":
        place.execute(f"DROP USER {name}")
    else:
        place.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")


def make_worker(place: Place, db: Database) -> None:
    """Make the account that holds the worker's role, which the installation has brought."""
    name, password = db.home.accounts["worker"]
    if place.engine == "mysql":
        place.execute(
            f"CREATE USER {name} IDENTIFIED BY '{password}';"
            f" GRANT deletion_jobs_worker TO {name}; SET DEFAULT ROLE ALL TO {name}"
        )
    else:
        place.execute(
            f"CREATE ROLE {name} LOGIN PASSWORD '{password}' IN ROLE deletion_jobs_worker"
        )


def shop(db: Database) -> None:
    """Make customer <- invoice <- line: five customers, three invoices each, four lines each."""
    customers, three, four = range(1, 6), range(1, 4), range(1, 5)
    db.table("customer", "id bigint", rows=[(c,) for c in customers])
    db.table(
        "invoice",
        "id bigint",
        "customer_id bigint",
        references=[Reference("customer_id", "customer", "cascade")],
        rows=[(10 * c + i, c) for c in customers for i in three],
    )
    db.table(
        "line",
        "id bigint",
        "invoice_id bigint",
        references=[Reference("invoice_id", "invoice", "cascade")],
        rows=[(100 * c + 10 * i + n, 10 * c + i) for c in customers for i in three for n in four],
    )
    db.register_deletion_target("customer")
    db.set_deletion_setting("batch_rows", 3)


WHOLE = {("line", "delete"): 12, ("invoice", "delete"): 3, ("customer", "delete"): 1}


class Run:
    """A run in a session of its own, whose steps are called one by one, as the loop calls them."""

    def __init__(self, db: Database, job_id: int) -> None:
        self.session = db.connect()
        self.job_id = job_id
        if db.engine == "postgres":
            claimed = self.session.rows("SELECT run_id, token FROM deletion_claim(NULL, NULL)")
        else:
            self.session.execute("CALL deletion_session(@saved)")
            # From 0.3.2 on a claim is told where the last one began.
            parameters = self.session.value(
                "SELECT COUNT(*) FROM information_schema.parameters"
                " WHERE specific_schema = DATABASE() AND specific_name = 'deletion_claim'"
            )
            begun = "@due_at, @due_id, " if parameters == 7 else ""
            self.session.execute(
                f"CALL deletion_claim(NULL, NULL, {begun}@run_id, @token, @job_count)"
            )
            claimed = self.session.rows("SELECT @run_id, @token")
        self.fence: tuple[Any, ...] = claimed[0]
        assert None not in self.fence

    def step(self) -> str:
        """Do one step, commit it, and say whether there is more."""
        if self.session.engine == "postgres":
            return str(
                self.session.value(
                    "SELECT deletion_step(%s, %s, '9999-01-01 00:00+00')", *self.fence
                )
            )
        self.session.execute("CALL deletion_step(%s, %s, '9999-01-01', @state)", *self.fence)
        return str(self.session.value("SELECT @state"))

    def until(self, happened: Callable[[], object]) -> None:
        """Step until something has happened."""
        while not happened():
            assert self.step() == "more"

    def until_it_has_deleted(self) -> None:
        """Step until rows are gone, and the frames of the others are stored."""
        self.until(lambda: self.session.receipts(self.job_id))
        assert self.session.status(self.job_id) == "running"
        assert self.session.count("deletion_frames", "run_id = %s", self.fence[0])
        assert self.session.receipts(self.job_id) != WHOLE


def plans(db: Database) -> list[int]:
    """List the plans, the current one last."""
    return [
        int(plan_id)
        for plan_id in db.column(
            "SELECT plan_id FROM deletion_plans WHERE entity_table LIKE '%%customer'"
            " ORDER BY superseded_at IS NULL, plan_id"
        )
    ]


def shown_receipts(db: Database, job_id: int) -> dict[tuple[str, str], int]:
    """Read a job's receipts as people do: in the view."""
    return {
        (str(table).removeprefix("public."), str(action)): int(count)
        for table, action, count in db.rows(
            "SELECT table_name, action, row_count FROM vw_deletion_receipts WHERE job_id = %s",
            job_id,
        )
    }


@pytest.mark.parametrize("release", released())
def test_work_of_an_earlier_release_goes_on_after_the_upgrade(
    place: Place,
    db: Database,
    release: str,
    copy: Tree,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install(place, release, copy, monkeypatch)
    make_worker(place, db)
    shop(db)
    done = db.enqueue_deletion("customer", 1)
    db.run()
    assert (db.status(done), db.receipts(done)) == ("done", WHOLE)
    orphan = db.enqueue_deletion("customer", 2)
    lost = Run(db, orphan)
    lost.until_it_has_deleted()
    db.end_session(lost.session)
    held = db.enqueue_deletion("customer", 3)
    living = Run(db, held)
    living.until_it_has_deleted()
    pending = db.enqueue_deletion("customer", 4)
    stopped = db.enqueue_deletion("customer", 5)
    db.cancel_deletion(stopped)
    before = plans(db)

    names = migrations.names(place.engine)
    place.ok("apply")
    assert place.marked() == names
    assert "no findings" in place.ok("verify")
    assert db.receipts(done) == shown_receipts(db, done) == WHOLE

    # The worker that lived through the upgrade calls the new code in its next step.
    assert living.step() in {"more", "ended"}
    living.session.close()
    db.run()
    for job_id in (orphan, held, pending):
        assert (db.status(job_id), db.receipts(job_id)) == ("done", WHOLE)
        assert shown_receipts(db, job_id) == WHOLE
    assert db.outcomes(pending) == ["done"]
    assert db.outcomes(orphan) == ["lost", "done"]
    assert db.column("SELECT id FROM customer") == [5]
    assert (db.count("invoice"), db.count("line")) == (3, 12)
    assert db.count("deletion_frames") == 0
    # Plans of an earlier release, that had another form, are compiled anew.
    assert (plans(db)[-1] in before) is (release >= PLANS[place.engine])
    # The target has had its key ever since it was registered, under whatever name it is now.
    db.execute("ALTER TABLE customer RENAME COLUMN id TO no")
    db.register_deletion_target("customer")
    db.retry_deletion(stopped)
    db.run()
    assert (db.status(stopped), db.receipts(stopped)) == ("done", WHOLE)
    assert "no findings" in place.ok("verify")


def test_a_plan_that_may_not_be_compiled_anew_goes_on_after_the_upgrade(
    place: Place, db: Database, copy: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of 0.3.4 lack steps, and work without them."""
    install(place, TRIGGERS, copy, monkeypatch)
    make_worker(place, db)
    shop(db)
    db.insert("invoice", [(1000 + n, 2) for n in range(100)])
    before = db.enqueue_deletion("customer", 1)
    db.run()
    db.set_deletion_setting("recompile", "false")
    plan = plans(db)
    place.ok("apply")
    job_id = db.enqueue_deletion("customer", 2)
    db.run()
    assert [db.status(number) for number in (before, job_id)] == ["done", "done"], db.job(job_id)
    assert db.receipts(job_id) == WHOLE | {("invoice", "delete"): 103}
    assert plans(db) == plan


def test_a_plan_of_the_present_release_keeps_receipts_exact_after_the_way_back(
    place: Place, db: Database
) -> None:
    """Earlier routines would take a row with two levels below it for one with one."""
    place.ok("apply", "--no-users-key")
    make_worker(place, db)
    shop(db)
    db.table(
        "mark",
        "id bigint",
        "line_id bigint",
        references=[Reference("line_id", "line", "cascade")],
        rows=[(10 * line + n, line) for line in db.column("SELECT id FROM line") for n in (1, 2)],
    )
    db.register_deletion_target("customer")
    db.set_deletion_setting("batch_rows", 30)
    whole = WHOLE | {("mark", "delete"): 24}
    for root in (1, 2):
        assert db.delete("customer", root).status == "done"
    plan = plans(db)
    take_back(place, LEVELS)
    for root in (3, 4):
        job = db.delete("customer", root)
        assert (job.status, db.receipts(job.id)) == ("done", whole), job
    assert plans(db) == plan
    bring_again(place, LEVELS)
    job = db.delete("customer", 5)
    assert (job.status, db.receipts(job.id)) == ("done", whole), job
    assert db.count("mark") == 0
    assert "no findings" in place.ok("verify")


# On MySQL no lock keeps a routine as it is: there a pause is asked for.
@pytest.mark.parametrize("engine", ["postgres"])
@pytest.mark.parametrize("way", ["there", "back"])
def test_a_step_in_the_midst_of_a_sweep_holds_the_change_of_routines_up(
    place: Place, db: Database, copy: Tree, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """It calls by name what the other release does not have, and its job would fail for good."""
    if way == "there":
        install(place, PAGES, copy, monkeypatch)
    else:
        place.ok("apply", "--no-users-key")
    make_worker(place, db)
    shop(db)
    db.set_deletion_setting("batch_rows", 30)
    db.set_deletion_setting("lock_timeout_ms", 60_000)
    db.set_deletion_setting("recompile", "false")
    db.compile_deletion_plan("customer")
    assert db.delete("customer", 1).status == "done"
    job_id = db.enqueue_deletion("customer", 2)
    worker, holder = db.connect("worker"), db.connect()
    holder.execute("BEGIN")
    holder.execute("UPDATE line SET id = id + 5000 WHERE invoice_id = 21")
    running = db.background(worker.run_deletion_jobs)
    db.wait_until_blocked(worker)
    text = {m.name: m for m in migrations.read_all(place.engine, TREE)}[LEVELS]
    refused = place.pipe(text.apply_text if way == "there" else text.rollback_text)
    assert "canceling statement due to lock timeout" in refused.stderr
    holder.execute("COMMIT")
    running.result(60)
    assert (db.status(job_id), db.receipts(job_id)) == ("done", WHOLE), db.job(job_id)
    if way == "there":
        bring_again(place, LEVELS)
    else:
        take_back(place, LEVELS)
    job = db.delete("customer", 3)
    assert (job.status, db.receipts(job.id)) == ("done", WHOLE), job


@pytest.mark.parametrize("release", [released()[0], released()[-1]])
def test_a_limit_of_an_earlier_release_holds_after_the_upgrade_and_back(
    place: Place, db: Database, release: str, copy: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(place, release, copy, monkeypatch)
    make_worker(place, db)
    shop(db)
    db.set_deletion_setting("max_pending", 1)
    job_id = db.enqueue_deletion("customer", 1)
    place.ok("apply")
    with db.error("JD013", "enqueue_deletion: "):
        db.enqueue_deletion("customer", 2)
    assert db.enqueue_deletion("customer", "01") == job_id
    db.set_deletion_setting("max_pending", None)
    assert db.status(db.enqueue_deletion("customer", 2)) == "pending"
    db.set_deletion_setting("max_pending", 2)
    take_back(place, ONE_LOOK)
    with db.error("JD013", "enqueue_deletion: "):
        db.enqueue_deletion("customer", 3)
    assert db.enqueue_deletion("customer", "01") == job_id
    with db.error("JD002", "enqueue_deletion: "):
        db.enqueue_deletion("customer", str(2**63))
    db.set_deletion_setting("max_pending", None)
    assert db.job(db.enqueue_deletion("customer", 2**63 - 1)).entity_pk == str(2**63 - 1)
    bring_again(place, ONE_LOOK)
    assert "no findings" in place.ok("verify")


@pytest.mark.parametrize("release", [name for name in released() if name < SHAPES])
def test_rules_of_an_earlier_release_learn_where_their_references_lead(
    place: Place, db: Database, release: str, copy: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(place, release, copy, monkeypatch)
    make_worker(place, db)
    shop(db)
    db.execute("CREATE TABLE note (id bigint PRIMARY KEY, about bigint)")
    db.execute("CREATE INDEX idx_note_about ON note (about)")
    db.grant_to_owner("note")
    db.declare_deletion_reference("note_about", "note", ["about"], "customer", ["id"], "keep")
    for table, name, action in [
        ("invoice", "fk_invoice_customer_id", "restrict"),
        ("note", "note_about", "keep"),
        # On MySQL the catalog finds it by this name, and no plan of an earlier release did.
        ("line", "FK_line_invoice_id", "restrict"),
    ]:
        db.execute(
            "INSERT INTO deletion_rules (child_schema, child_table, reference_name, action)"
            " VALUES (%s, %s, %s, %s)",
            db.home.schema, table, name, action,
        )  # fmt: skip
    place.ok("apply")
    assert db.rows(
        "SELECT child_table, parent_schema, parent_table FROM deletion_rules ORDER BY child_table"
    ) == [
        ("invoice", db.home.schema, "customer"),
        ("line", None, None),
        ("note", db.home.schema, "customer"),
    ]
    assert db.column("SELECT subject FROM vw_deletion_misfits") == ["FK_line_invoice_id of line"]
    db.set_deletion_rule("line", "FK_line_invoice_id", None)
    assert (db.delete("customer", 1).error or "").startswith("JD006: 3 rows of invoice")


@pytest.mark.parametrize("release", released())
def test_an_upgrade_from_any_release_ends_as_a_fresh_installation(
    with_users: Place, release: str, copy: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_users.ok("apply", "--no-users-key")
    fresh = with_users.whole_but_order()
    with_users.ok("rollback", "--yes")
    install(with_users, release, copy, monkeypatch)
    state = with_users.run("status").stdout
    assert "half of" not in state
    assert all(f"pending  {name}" in state for name in EVERY if name not in up_to(release))
    with_users.ok("apply")
    assert with_users.whole_but_order() == fresh


@pytest.mark.parametrize("name", EVERY[1:])
def test_the_rollback_of_each_migration_alone_leads_back_to_the_one_before(
    place: Place, name: str, copy: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = EVERY[EVERY.index(name) - 1]
    later = Tree(copy.root / "later")
    install(place, before, copy, monkeypatch)
    wanted = place.whole_but_order()
    install(place, name, later, monkeypatch)
    assert place.whole_but_order() != wanted
    (newest,) = (m for m in migrations.read_all(place.engine, TREE) if m.name == name)
    done = place.pipe(newest.rollback_text)
    assert (done.returncode, done.stderr) == (0, "")
    assert place.whole_but_order() == wanted


def take_back(place: Place, name: str = SHAPES) -> None:
    """Take back a migration and all after it, by their own files."""
    for migration in reversed(migrations.read_all(place.engine, TREE)):
        if migration.name >= name:
            done = place.pipe(migration.rollback_text)
            assert (done.returncode, done.stderr) == (0, "")


def bring_again(place: Place, name: str = SHAPES) -> None:
    """Apply a migration and all after it, by their own files."""
    for migration in migrations.read_all(place.engine, TREE):
        if migration.name >= name:
            done = place.pipe(migration.apply_text)
            assert (done.returncode, done.stderr) == (0, "")


def soft_shop(db: Database, purge_after_seconds: int | None) -> None:
    """Make customer <- invoice, both with a column that marks: five and fifteen rows."""
    customers = range(1, 6)
    db.table(
        "customer", "id bigint", "deleted_at timestamp null", rows=[(c, None) for c in customers]
    )
    db.table(
        "invoice",
        "id bigint",
        "customer_id bigint",
        "deleted_at timestamp null",
        references=[Reference("customer_id", "customer", "cascade")],
        rows=[(10 * c + i, c, None) for c in customers for i in range(1, 4)],
    )
    db.register_deletion_target("customer")
    db.set_soft_deletion("customer", "deleted_at", None, purge_after_seconds)
    db.set_soft_deletion("invoice", "deleted_at")
    db.set_deletion_setting("batch_rows", 2)


def now_due(db: Database) -> None:
    """Let the time of every job that waits come."""
    db.execute("UPDATE deletion_jobs SET scheduled_at = NULL WHERE status = 'pending'")


def paused_reason(db: Database) -> str | None:
    """Read why workers rest."""
    found: str | None = db.value(
        "SELECT setting_value FROM deletion_settings WHERE setting_name = 'paused_reason'"
    )
    return found


TAKEN_BACK = "JD003: rolled back to a version without soft deletion"


def test_taken_back_no_removal_follows_that_nobody_asked_for(place: Place, db: Database) -> None:
    place.ok("apply", "--no-users-key")
    make_worker(place, db)
    soft_shop(db, 3600)
    waiting, running, asked = (db.enqueue_deletion("customer", c, None, False) for c in (1, 2, 3))
    db.run()
    db.enqueue_deletion("customer", 3)
    db.execute("UPDATE deletion_jobs SET scheduled_at = NULL WHERE id = %s", running)
    purge = Run(db, running)
    purge.until(lambda: ("invoice", "delete") in db.receipts(running))
    gone = db.receipts(running)["invoice", "delete"]
    db.pause_deletions("an upgrade")
    take_back(place)
    assert (db.status(waiting), db.job(waiting).error) == ("cancelled", TAKEN_BACK)
    assert db.rows(
        "SELECT outcome, error, asked_hard_delete FROM vw_deletion_attempts WHERE job_id = %s"
        " ORDER BY attempt_no DESC",
        waiting,
    )[0] == ("cancelled", TAKEN_BACK, False)
    # No row was held.
    assert paused_reason(db) == "an upgrade"
    db.resume_deletions()

    purge.step()
    purge.session.close()
    now_due(db)
    db.run()
    assert [db.status(job_id) for job_id in (waiting, running, asked)] == [
        "cancelled", "cancelled", "done",
    ]  # fmt: skip
    assert db.column("SELECT id FROM customer ORDER BY id") == [1, 2, 4, 5]
    assert db.count("invoice", "customer_id = 1") == 3
    assert db.receipts(running) == {("invoice", "delete"): gone}

    bring_again(place)
    db.set_soft_deletion("customer", "deleted_at", None, 3600)
    now_due(db)
    db.run()
    assert db.count("deletion_marks") == 0
    assert db.status(waiting) == "cancelled"
    assert db.column("SELECT id FROM customer ORDER BY id") == [1, 2, 4, 5]
    with db.error("JD003", "no marks"):
        db.restore_deletion(waiting)


def test_taken_back_soft_jobs_remove_nothing(place: Place, db: Database) -> None:
    place.ok("apply", "--no-users-key")
    make_worker(place, db)
    soft_shop(db, 3600)
    living, orphan = (
        Run(db, db.enqueue_deletion("customer", customer, None, False)) for customer in (1, 2)
    )
    living.until(lambda: db.count("deletion_marks", "job_id = %s", living.job_id))
    orphan.until(lambda: db.count("deletion_marks", "job_id = %s", orphan.job_id))
    db.end_session(orphan.session)
    pending = db.enqueue_deletion("customer", 3, None, False)
    take_back(place)
    assert living.step() in {"ended", "lost"}
    living.session.close()
    db.run()
    assert [db.status(run.job_id) for run in (living, orphan)] == ["cancelled", "cancelled"]
    assert str(db.job(pending).error).startswith("JD011")
    assert db.due() == []
    assert (db.count("customer"), db.count("invoice")) == (5, 15)
    bring_again(place)
    db.run()
    assert (db.count("customer"), db.count("invoice")) == (5, 15)


@pytest.mark.parametrize("reason", [None, "an upgrade"])
def test_taken_back_workers_rest_where_rows_are_held(
    place: Place, db: Database, reason: str | None
) -> None:
    place.ok("apply", "--no-users-key")
    make_worker(place, db)
    shop(db)
    db.hold_deletion("invoice", 11, "a court")
    job_id = db.enqueue_deletion("customer", 1)
    if reason is not None:
        db.pause_deletions(reason)
    take_back(place)
    told = "rolled back to a version without holds, and rows were held"
    assert paused_reason(db) == "; ".join([reason, told] if reason else [told])
    db.worker.run_deletion_jobs()
    assert (db.status(job_id), db.count("invoice")) == ("pending", 15)


def test_taken_back_workers_go_on_where_no_row_is_held_any_more(place: Place, db: Database) -> None:
    place.ok("apply", "--no-users-key")
    make_worker(place, db)
    shop(db)
    db.hold_deletion("invoice", 11, "a court")
    db.release_deletion_hold("invoice", 11)
    take_back(place)
    assert db.delete("customer", 1).status == "done"


def test_taken_back_what_was_to_be_scrubbed_blocks(place: Place, db: Database) -> None:
    place.ok("apply", "--no-users-key")
    make_worker(place, db)
    shop(db)
    db.execute("ALTER TABLE line ADD COLUMN note varchar(9)")
    db.execute("UPDATE line SET note = 'Smith'")
    db.script(
        mysql="ALTER TABLE line MODIFY invoice_id BIGINT NULL",
        postgres="ALTER TABLE line ALTER invoice_id DROP NOT NULL",
    )
    db.set_deletion_rule("line", "fk_line_invoice_id", "scrub", {"note": "x"})
    half, late = (db.enqueue_deletion("customer", customer) for customer in (1, 2))
    run = Run(db, half)
    run.until(lambda: db.receipts(half))
    gone = sum(db.receipts(half).values())
    take_back(place)
    run.step()
    run.session.close()
    db.run()
    for job_id in (half, late):
        assert db.status(job_id) == "failed"
        assert "JD006" in str(db.job(job_id).error)
    assert db.receipts(half) == {("line", "set_null"): gone}
    assert db.receipts(late) == {}
    assert (db.count("customer"), db.count("line")) == (5, 60)
    assert db.count("line", "note = 'x'") == gone
    assert db.column("SELECT action FROM deletion_rules") == ["restrict"]
    bring_again(place)
    assert db.column("SELECT action FROM deletion_rules") == ["restrict"]


def test_taken_back_rows_scrubbed_are_added_to_those_set_null(place: Place, db: Database) -> None:
    place.ok("apply", "--no-users-key")
    make_worker(place, db)
    db.table("customer", "id bigint", rows=[(1,), (2,), (3,)])
    references = {"a": "set null", "b": "set default", "c": "set null"}
    db.table(
        "line",
        "id bigint",
        *(f"{column} bigint null" for column in references),
        "note varchar null",
        rows=[
            (100 * c + 10 * n + i, *(c if column == mine else None for column in references), "n")
            for c in (1, 2)
            for n, (mine, rows) in enumerate({"a": 2, "b": 3, "c": 4 * c}.items())
            for i in range(rows)
        ],
    )
    db.execute("ALTER TABLE line ALTER COLUMN b SET DEFAULT 3")
    db.register_deletion_target("customer")
    for column, action in references.items():
        db.index("line", column)
        db.declare_deletion_reference(
            f"by_{column}", "line", [column], "customer", ["id"], action.replace(" ", "_")
        )
    db.set_deletion_rule("line", "by_c", "scrub", {"note": "x"})
    jobs = [db.enqueue_deletion("customer", customer) for customer in (1, 2)]
    db.run()
    assert [db.receipts(job_id)["line", "scrub"] for job_id in jobs] == [4, 8]
    take_back(place)
    wanted = [
        {("customer", "delete"): 1, ("line", "set_default"): 3, ("line", "set_null"): 2 + 4 * c}
        for c in (1, 2)
    ]
    assert [db.receipts(job_id) for job_id in jobs] == wanted
    assert [shown_receipts(db, job_id) for job_id in jobs] == wanted
    if place.engine == "mysql":
        # Killed at its end, it is sent again.
        take_back(place)
        assert [db.receipts(job_id) for job_id in jobs] == wanted


def test_marks_that_an_earlier_rollback_left_stop_no_upgrade(
    place: Place, db: Database, copy: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(place, EVERY[EVERY.index(SHAPES) - 1], copy, monkeypatch)
    db.execute(
        "INSERT INTO deletion_marks (job_id, table_name, row_key, column_name)"
        " VALUES (1, 'customer', '[1]', 'deleted_at')"
    )
    place.ok("apply")
    assert db.count("deletion_marks") == 0
    assert "no findings" in place.ok("verify")


OF_OTHERS = {
    "table deletion_holds": "CREATE TABLE deletion_holds (id INT PRIMARY KEY, why TEXT)",
    "table deletion_soft_keys": "CREATE VIEW deletion_soft_keys AS SELECT 1 AS one",
    "view vw_deletion_marks": "CREATE VIEW vw_deletion_marks AS SELECT 1 AS one",
    "view vw_deletion_holds": "CREATE TABLE vw_deletion_holds (id INT PRIMARY KEY)",
    "procedure hold_deletion": "CREATE PROCEDURE hold_deletion() SELECT 1",
    "function deletion_sql_mark": "CREATE FUNCTION deletion_sql_mark() RETURNS INT NO SQL RETURN 1",
}


@pytest.mark.parametrize("name", OF_OTHERS)
def test_what_others_have_named_as_something_new_stops_the_upgrade_first(
    mysql_place: Place, name: str, copy: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = EVERY[EVERY.index(SHAPES) - 1]
    install(mysql_place, before, copy, monkeypatch)
    mysql_place.execute(OF_OTHERS[name])
    wanted = mysql_place.whole(ledger=True)
    done = mysql_place.run("apply")
    assert done.exit_code == 3
    assert f"deletion_jobs needs this name: {name}" in done.stderr
    assert mysql_place.whole(ledger=True) == wanted
    state = mysql_place.run("status").stdout
    assert "half of" not in state
    assert f"pending  {SHAPES}" in state
    (shapes,) = (m for m in migrations.read_all("mysql", TREE) if m.name == SHAPES)
    script = mysql_place.ok("sql", "--engine", "mysql", "--after", before)
    for text in (script, shapes.apply_text, shapes.rollback_text):
        piped = mysql_place.pipe(text)
        assert piped.returncode != 0
        assert f"deletion_jobs needs this name: {name}" in piped.stderr
        assert mysql_place.whole(ledger=True) == wanted
    kind = "TABLE" if "CREATE TABLE" in OF_OTHERS[name] else OF_OTHERS[name].split()[1]
    mysql_place.execute(f"DROP {kind} {name.split()[1]}")
    mysql_place.ok("apply")
    assert "no findings" in mysql_place.ok("verify")


@pytest.mark.parametrize("engine", ["mysql"])
def test_a_session_that_refuses_wide_statements_goes_back_and_forward_too(
    mysql_place: Place, db: Database
) -> None:
    mysql_place.ok("apply", "--no-users-key")
    make_worker(mysql_place, db)
    soft_shop(db, 3600)
    job_id = db.enqueue_deletion("customer", 1, None, False)
    db.run()
    db.hold_deletion("customer", 2, "a court")
    careful = "SET SESSION sql_safe_updates = 1, SESSION max_join_size = 1, sql_big_selects = 0;\n"
    asked = "\nSELECT @@sql_safe_updates, @@max_join_size, @@sql_big_selects;\n"
    wanted = mysql_place.whole_but_order()
    since = [m for m in migrations.read_all("mysql", TREE) if m.name >= SHAPES]
    back = [m.rollback_text for m in reversed(since)]
    for text in (*back, *(m.apply_text for m in since)):
        done = mysql_place.pipe(careful + text + asked)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.split()[-3:] == ["1", "1", "0"]
    assert mysql_place.whole_but_order() == wanted
    assert db.status(job_id) == "cancelled"


def test_what_others_have_been_granted_on_views_and_build_on_them_outlives_the_upgrade(
    postgres_place: Place, copy: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(postgres_place, EVERY[EVERY.index(SHAPES) - 1], copy, monkeypatch)
    views = [
        str(name)
        for (name,) in postgres_place.execute(
            "SELECT c.relname FROM pg_class AS c WHERE c.relkind = 'v'"
            " AND c.relname LIKE 'vw\\_deletion%'"
        )
    ]
    assert len(views) > 5
    role = postgres_place.database
    postgres_place.execute(f"CREATE ROLE {role}")
    try:
        for view in views:
            postgres_place.execute(
                f"GRANT SELECT ON {view} TO {role}; CREATE VIEW my_{view} AS SELECT * FROM {view}"
            )
        postgres_place.ok("apply")
        for view in views:
            postgres_place.execute(f"SELECT count(*) FROM my_{view}")
            assert postgres_place.value(f"SELECT has_table_privilege('{role}', '{view}', 'SELECT')")
        assert "no findings" in postgres_place.ok("verify")
    finally:
        postgres_place.execute(f"DROP OWNED BY {role} CASCADE; DROP ROLE {role}")


def test_both_engines_have_the_same_migrations_and_an_earlier_release_to_upgrade_from() -> None:
    assert len({tuple(migrations.names(engine)) for engine in ENGINES}) == 1
    assert released() == EVERY[: len(released())]
    assert len(EVERY) == 1 or released()
