"""Apply, check and look into deletion-jobs, which itself runs inside the database."""

__version__ = "0.3.6"
