"""A key that the engine would convert or fold to that of a row names no row."""

import pytest

from tests.contract.schemas import insert_job
from tests.database import Database


@pytest.mark.parametrize(
    ("kind", "key", "spelled", "error"),
    [
        ("bigint", 1, "01", "is not spelled as its type prints it"),
        ("bigint", 1, "1.0", "does not parse"),
        # Jobs tell these apart; the collation of the column does not.
        ("varchar", "abc", "ABC", "is spelled otherwise in the table"),
        ("varchar", "straße", "strasse", "is spelled otherwise in the table"),
    ],
)
def test_a_key_that_only_compares_equal_to_that_of_a_row_fails_and_the_row_stays(
    mysql: Database, kind: str, key: object, spelled: str, error: str
) -> None:
    mysql.table("root", f"id {kind}", rows=[(key,)])
    mysql.register_deletion_target("root")
    job_id = insert_job(mysql, "root", spelled, hard_delete=True)
    mysql.run()
    job = mysql.job(job_id)
    assert (job.status, job.error) == ("failed", f"JD002: the key {error} ({spelled})")
    assert mysql.receipts(job_id) == {}
    assert mysql.column("SELECT id FROM root") == [key]
