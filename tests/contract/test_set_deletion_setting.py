"""set_deletion_setting: every setting has a default, a range and a description."""

import pytest

from tests.database import Database

DEFAULTS: dict[str, str | None] = {
    "batch_rows": "5000",
    "batch_ms": "250",
    "jobs_per_run": "500",
    "run_seconds": "20",
    "slice_ms": "1000",
    "tick_seconds": "10",
    "workers": "1",
    "lock_timeout_ms": "2000",
    "max_attempts": "5",
    "backoff_seconds": "10",
    "backoff_max_seconds": "3600",
    "pause_ms": "0",
    "unindexed_limit_rows": "100000",
    "max_rows": None,
    "history_days": "90",
    "preview_rows": "1000000",
    "recompile": "true",
    "max_pending": None,
    "paused_reason": None,
}
# A session of MySQL cannot choose when its commits reach the disk.
POSTGRES_DEFAULTS: dict[str, str | None] = {"synchronous_batches": "false"}


def setting(db: Database, name: str) -> str | None:
    found: str | None = db.value(
        "SELECT COALESCE(setting_value, default_value) FROM deletion_settings"
        " WHERE setting_name = %s",
        name,
    )
    return found


def test_settings_have_the_defaults_of_the_design(db: Database) -> None:
    found = db.rows("SELECT setting_name, default_value, setting_value FROM deletion_settings")
    expected = DEFAULTS | (POSTGRES_DEFAULTS if db.engine == "postgres" else {})
    assert {name: default for name, default, _ in found} == expected
    assert {value for *_, value in found} == {None}
    assert db.count("deletion_settings", "description IS NULL OR description = ''") == 0


def test_a_setting_is_set_and_goes_back_to_its_default(db: Database) -> None:
    db.set_deletion_setting("batch_rows", 1000)
    assert setting(db, "batch_rows") == "1000"
    db.set_deletion_setting("batch_rows", None)
    assert setting(db, "batch_rows") == "5000"


def test_the_ends_of_a_range_belong_to_it(db: Database) -> None:
    ranges = db.rows(
        "SELECT setting_name, min_value, max_value FROM deletion_settings"
        " WHERE kind = 'integer' ORDER BY setting_name"
    )
    assert {name for name, *_ in ranges} == DEFAULTS.keys() - {"recompile", "paused_reason"}
    for name, low, high in ranges:
        assert low is not None, name
        db.set_deletion_setting(name, low)
        assert setting(db, name) == str(low)
        with db.error("JD002", "set_deletion_setting: "):
            db.set_deletion_setting(name, int(low) - 1)
        if high is not None:
            db.set_deletion_setting(name, high)
            with db.error("JD002", "set_deletion_setting: "):
                db.set_deletion_setting(name, int(high) + 1)


@pytest.mark.parametrize("name", ["batch_rows", "jobs_per_run", "max_attempts", "max_rows"])
@pytest.mark.parametrize(
    "value", ["", "ten", "1.5", "1e3", "10 rows", "0x10", "99999999999999999999"]
)
def test_what_is_no_whole_number_is_refused(db: Database, name: str, value: str) -> None:
    with db.error("JD002", "set_deletion_setting: ") as raised:
        db.set_deletion_setting(name, value)
    assert name in raised.message


def test_a_switch_takes_true_and_false(db: Database) -> None:
    for value in ("false", "true"):
        db.set_deletion_setting("recompile", value)
        assert setting(db, "recompile") == value
    for value in ("maybe", "", "2"):
        with db.error("JD002", "set_deletion_setting: "):
            db.set_deletion_setting("recompile", value)


def test_the_reason_of_a_pause_is_set_by_its_verb_alone(db: Database) -> None:
    with db.error("JD002", "pause_deletions"):
        db.set_deletion_setting("paused_reason", "because")
    with db.error("JD002", "set_deletion_setting: "):
        db.set_deletion_setting("paused_reason", None)


@pytest.mark.parametrize("name", ["", "nothing", "BATCH_ROWS", "batch_rows ", None])
def test_an_unknown_setting_is_refused(db: Database, name: str | None) -> None:
    with db.error("JD002", "set_deletion_setting: "):
        db.set_deletion_setting(name, 10)
