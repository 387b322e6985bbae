"""What is no store is refused in one line; what was made by migrations is what the schema says."""

import sqlite3

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from emotide.errors import StoreError
from emotide.store import Store
from emotide.store.connection import Connection
from emotide.store.migrate import _FOLDER, HEAD, statements
from emotide.store.schema import metadata


def test_a_bare_path_is_a_sqlite_file(tmp_path):
    store = Store.open(tmp_path / "town.db")
    assert store.url == f"sqlite:///{tmp_path}/town.db"
    with sqlite3.connect(tmp_path / "town.db") as file:
        assert file.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    file.close()


@pytest.mark.parametrize("url", ["mysql://host/db", "sqlite://", "sqlite:///:memory:", "http://[broken", "://"])
def test_other_urls_are_refused(url):
    with pytest.raises(StoreError, match="is no store URL"):
        Store.open(url)


def test_a_file_that_is_no_store(tmp_path):
    (tmp_path / "notes.txt").write_text("no database " * 1000)
    with pytest.raises(StoreError, match="file is not a database"):
        Store.open(tmp_path / "notes.txt")
    assert (tmp_path / "notes.txt").read_text() == "no database " * 1000


def test_a_database_of_something_else_is_left_alone(tmp_path):
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE posts (x)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="no Emotide store"):
        Store.open(path)
    assert path.read_bytes() == before


def test_folders_that_are_not_there(tmp_path):
    with pytest.raises(StoreError, match="its folder is missing"):
        Store.open(tmp_path / "nowhere" / "town.db")
    with pytest.raises(StoreError, match="a folder itself"):
        Store.open(tmp_path)
    with pytest.raises(StoreError, match="there is no store"):
        Store.open(tmp_path / "town.db", create=False)
    assert not list(tmp_path.iterdir())


def test_a_server_that_is_not_there_and_the_password_is_not_told():
    pytest.importorskip("adbc_driver_postgresql")
    with pytest.raises(StoreError, match="cannot be opened") as told:
        Store.open("postgresql://ana:secret@127.0.0.1:1/town")
    assert "secret" not in str(told.value)


def test_migrations_lead_to_the_schema(url):
    Store.open(url)
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": "emotide_version"})
        assert context.get_current_revision() == HEAD
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_head_is_the_last_migration():
    script = ScriptDirectory(_FOLDER)
    assert script.get_current_head() == HEAD
    assert any(sql.startswith("CREATE TABLE posts") for sql in statements(True, None))
    assert statements(True, HEAD) == []


def test_every_join_of_an_ingest_goes_by_a_whole_key(tmp_path, monkeypatch):
    """SQLite without statistics likes to walk a whole network for every row, which takes hours for a million posts."""
    plans = []
    execute = Connection.execute

    def explained(self, sql, parameters=()):
        if sql.startswith(("INSERT INTO interactions", "DELETE", "UPDATE posts")):
            plans.extend(row[-1] for row in self.rows(f"EXPLAIN QUERY PLAN {sql}", parameters))
        execute(self, sql, parameters)

    monkeypatch.setattr(Connection, "execute", explained)
    (tmp_path / "posts.csv").write_text("post_id,user_id,time,text,reply_to\np1,ana,5,hi @bo,\np2,bo,6,,p1\n")
    store = Store.open(tmp_path / "town.db")
    for _ in range(2):
        assert store.ingest(tmp_path).rejected == 0
    searches = [plan for plan in plans if plan.startswith("SEARCH")]
    assert len(searches) > 5
    assert not [plan for plan in searches if plan.count("=?") != 2]
    assert not [plan for plan in plans if plan.startswith(("SCAN p", "SCAN t", "SCAN child", "SCAN u"))]
