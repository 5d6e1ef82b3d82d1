"""The demo, as a newcomer sees it, on both engines."""

import io

import pytest
from rich.console import Console

from deletion_jobs import demo
from deletion_jobs.sources import Engine


def shown(engine: Engine) -> str:
    text = io.StringIO()
    demo.demo(engine, Console(file=text, highlight=False, soft_wrap=True, width=100))
    return text.getvalue()


@pytest.mark.parametrize("engine", ["postgres", "mysql"])
def test_demo_shows_plan_progress_receipts_a_blocked_job_and_the_status(engine):
    text = shown(engine)

    assert "├── orders  3,002 rows deleted  (orders_customer: goes too)" in text
    assert "├── reviews  2 rows set NULL  (reviews_customer: stays, set NULL)" in text
    assert "└── invoices  no row  (invoices_customer: blocks)" in text
    assert "43,953 of 43,953 rows" in text
    assert "Receipts: 41,291 rows deleted; counted in the tables: just as many are gone." in text
    assert text.count("JD006: 1 row of invoices behind invoices_customer") == 2
    assert "1,331" in text.partition("The queue at a glance")[2]
    assert "\x1b" not in text
