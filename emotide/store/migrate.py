"""A store is brought to this version's schema when it is opened: Alembic writes the SQL, the store executes it.

(Alembic's own connection would be a second SQLite library in the process, see connection.py.)
"""

from io import StringIO
from pathlib import Path

from emotide.errors import StoreError
from emotide.store.connection import Connection

HEAD = "0006"  # the last revision in migrations/versions
VERSION_TABLE = "emotide_version"
_FOLDER = Path(__file__).parent / "migrations"


def migrate(connection: Connection, create: bool) -> None:
    """Create the tables, or bring older ones up to date, in one transaction.

    Raises:
        StoreError: nothing is there and `create` is false, something else is there, or a newer version's store.
    """
    if _revision(connection) == HEAD:
        return
    connection.commit()
    connection.lock()
    revision = _revision(connection)  # another process may have been faster
    if revision == HEAD:
        return
    if revision is None:
        _refuse_strangers(connection, create)
    for statement in statements(connection.sqlite, revision):
        connection.execute(statement)
    connection.commit()


def statements(sqlite: bool, revision: str | None, target: str = "head") -> list[str]:
    """The SQL that leads from a revision (None: nothing) to another.

    Raises:
        StoreError: this version does not know the revision.
    """
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory
    from alembic.util.exc import CommandError

    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.set_main_option("path_separator", "os")
    script = ScriptDirectory.from_config(config)
    try:
        if revision is not None:
            script.get_revision(revision)
    except CommandError:
        raise StoreError(
            f"the store was written by a newer Emotide (revision {revision}): install that version"
        ) from None
    sql = StringIO()
    environment = EnvironmentContext(
        config,
        script,
        fn=lambda current, context: script._upgrade_revs(target, revision),  # type: ignore[arg-type]
        as_sql=True,
        starting_rev=revision,
        destination_rev=target,
    )
    with environment:
        environment.configure(
            dialect_name="sqlite" if sqlite else "postgresql",
            output_buffer=sql,
            version_table=VERSION_TABLE,
            transactional_ddl=False,
        )
        environment.run_migrations()
    lines = [line for line in sql.getvalue().splitlines() if line.strip() and not line.startswith("--")]
    return [statement.strip() for statement in "\n".join(lines).split(";") if statement.strip()]


def _revision(connection: Connection) -> str | None:
    there = (
        f"SELECT count(*) FROM sqlite_master WHERE name = '{VERSION_TABLE}'"
        if connection.sqlite
        else f"SELECT count(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = '{VERSION_TABLE}'"
    )
    if not connection.number(there):
        return None
    found = connection.rows(f"SELECT version_num FROM {VERSION_TABLE}")
    return str(found[0][0]) if found else None


def _refuse_strangers(connection: Connection, create: bool) -> None:
    """Nothing may be made where `create` is false, nor in a SQLite file that belongs to something else."""
    if not create:
        raise StoreError(f"the store {connection.name} holds no Emotide log: ingest one first")
    if connection.sqlite and connection.number("SELECT count(*) FROM sqlite_master"):
        raise StoreError(f"{connection.name} is a SQLite file, but no Emotide store: name another file")
