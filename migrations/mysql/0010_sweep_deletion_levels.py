"""Sweep deletion levels: the SQL stands in the folder."""

from yoyo import step

from deletion_jobs.steps import apply_of, rollback_of

__transactional__ = False
step(apply_of(__file__), rollback_of(__file__))
