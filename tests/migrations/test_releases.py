"""An installation of every earlier release, with work in it, goes on under the present code."""

from collections.abc import Iterator
from typing import Any

import pytest

from deletion_jobs import migrations, sources
from deletion_jobs.sources import ENGINES
from tests.database import Database, Home, MySQL, Postgres, Reference
from tests.migrations.places import Place
from tests.migrations.trees import Tree

TREE = sources.root()
EVERY = migrations.names("mysql")
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
            self.session.execute("CALL deletion_claim(NULL, NULL, @run_id, @token, @job_count)")
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

    def until_it_has_deleted(self) -> None:
        """Step until rows are gone, and the frames of the others are stored."""
        while not self.session.receipts(self.job_id):
            assert self.step() == "more"
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
    assert plans(db)[-1] not in before
    # The target has had its key ever since it was registered, under whatever name it is now.
    db.execute("ALTER TABLE customer RENAME COLUMN id TO no")
    db.register_deletion_target("customer")
    db.retry_deletion(stopped)
    db.run()
    assert (db.status(stopped), db.receipts(stopped)) == ("done", WHOLE)
    assert "no findings" in place.ok("verify")


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


def test_both_engines_have_the_same_migrations_and_an_earlier_release_to_upgrade_from() -> None:
    assert len({tuple(migrations.names(engine)) for engine in ENGINES}) == 1
    assert released() == EVERY[: len(released())]
    assert len(EVERY) == 1 or released()
