"""A root that was not there when its job began, and is made again while the job runs."""

from tests.contract.schemas import ids, shop
from tests.contract.steps import Steps
from tests.database import Database


def test_a_root_that_was_missing_and_comes_back_stays_with_all_below_it(mysql: Database) -> None:
    shop(mysql)
    job_id = mysql.enqueue_deletion("customer", 4)
    steps = Steps(mysql)
    steps.claim()
    while not mysql.count("deletion_receipts"):
        assert steps.step() == "more"
    mysql.observer.insert("customer", [(4, "again")])
    mysql.observer.insert("invoice", [(41, 4)])
    mysql.observer.insert("line", [(411, 41)])
    steps.finish()
    assert (mysql.status(job_id), ids(mysql, "customer")) == ("done", [1, 2, 3, 4])
    assert (mysql.count("invoice"), mysql.count("line")) == (10, 19)
    assert mysql.receipts(job_id) == {("customer", "root_not_found"): 0}
