"""The catalog of a fresh installation is the one that verify compares with."""

from deletion_jobs import catalog, database, sources
from tests.migrations.places import Place


def test_a_fresh_installation_looks_as_the_catalog_says(place: Place) -> None:
    place.ok("apply", "--no-users-key")
    with database.connect(place.url) as session:
        found, notes = catalog.read(session)
    assert notes == []
    written = sources.locate(catalog.path(place.engine)).read_text(encoding="utf-8")
    assert catalog.written(found) == written, (
        "deletion-jobs migrations snapshot --url .. writes the catalog of a fresh installation"
    )


def test_the_catalog_speaks_of_every_object_of_the_files(place: Place) -> None:
    names = {name.split("(")[0].split(".")[0] for _, name in catalog.expected(place.engine)}
    missing = set(catalog.names(place.engine)) - names
    assert missing == set()
