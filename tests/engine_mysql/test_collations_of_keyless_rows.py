"""Rows without a key are found by variables of the session, which keep what they held before."""

from tests.database import Database

COLLATIONS = (
    "utf8mb4_0900_ai_ci",
    "utf8mb4_unicode_ci",
    "latin1_swedish_ci",
    "utf8mb4_bin",
    "utf8mb4_0900_as_cs",
    "utf8mb3_general_ci",
)


def test_one_session_works_plans_whose_keys_have_different_collations(mysql: Database) -> None:
    db = mysql
    for number, collation in enumerate(COLLATIONS):
        text = f"VARCHAR(20) CHARACTER SET {collation.split('_')[0]} COLLATE {collation}"
        db.execute(f"CREATE TABLE parent_{number} (code {text} PRIMARY KEY)")
        db.execute(
            f"CREATE TABLE child_{number} (n INT, code {text}, KEY (code), FOREIGN KEY (code)"
            f" REFERENCES parent_{number} (code) ON DELETE CASCADE)"
        )
        db.insert(f"parent_{number}", [("a",), ("b",)])
        db.insert(f"child_{number}", [(1, "a"), (1, "a"), (2, "b")])
        for table in (f"parent_{number}", f"child_{number}"):
            db.grant_to_owner(table)
        db.register_deletion_target(f"parent_{number}")

    for key in ("a", "b"):
        for number in range(len(COLLATIONS)):
            job = db.delete(f"parent_{number}", key)
            assert (job.status, job.error) == ("done", None), COLLATIONS[number]
            assert db.receipts(job.id)[f"child_{number}", "delete"] == {"a": 2, "b": 1}[key]
