"""What a database driver's error means, in one sentence that says what to do.

Two kinds come out. StorageError: the database is away, full, locked or wrong; the same write may succeed later.
RecordRefused: the database is well and these very values do not fit; trying again is of no use. Neither ever holds a
password, an SQL statement or a value: drivers quote values, and the values are people's numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL, exc

from acd.errors import AcdError, RecordRefused, StorageError

_SQLITE = {
    "SQLITE_FULL": "The disk that holds {where} is full: free some space.",
    "SQLITE_READONLY": "{where} is read-only: give the daemon's user the right to write the file and its directory.",
    "SQLITE_PERM": "{where} may not be opened: give the daemon's user the right to read and write it.",
    "SQLITE_CANTOPEN": (
        "{where} cannot be opened: the directory must exist and the daemon's user must be allowed to write in it."
    ),
    "SQLITE_BUSY": "{where} is locked by another program: end it, or wait until it is done.",
    "SQLITE_LOCKED": "{where} is locked by another program: end it, or wait until it is done.",
    "SQLITE_NOTADB": "{where} is no SQLite database: set `database` to another file.",
    "SQLITE_CORRUPT": "{where} is damaged: restore it from a backup, or move it away to begin a new one.",
    "SQLITE_IOERR": "The disk that holds {where} fails to read or write: see the system's log.",
}

_POSTGRES = {
    "28": "{where} refuses the user `{user}`: check the user, the password and the server's pg_hba.conf.",
    "3D": "{where} does not exist on the server: create it (`createdb -O {user} {database}`) or correct `database`.",
    "42501": "The user `{user}` lacks rights in {where}: make it the owner of the database or grant it the tables.",
    "42P01": "{where} lacks a table of ours: run `acd db upgrade`.",
    "42703": "{where} lacks a column of ours: run `acd db upgrade`.",
    "42P07": "{where} holds tables of another program under our names: give the daemon a database of its own.",
    "3F": "{where} has no schema the user `{user}` may use: check the user's search_path.",
    "25006": "{where} is read-only (a standby?): set `database` to the primary server.",
    "53100": "The disk of {where} is full: free some space on the database server.",
    "53300": "{where} has no connection left for us: raise the server's max_connections.",
    "53": "{where} is out of resources: see the server's log.",
    "55P03": "{where} is locked by another program: wait until it is done.",
    "57014": "{where} took too long to answer: see what else the server is doing.",
    "57P": "{where} is starting up or shutting down: wait until the server is back.",
    "08": "The connection to {where} broke: see whether the server is running.",
}
_REFUSED = (
    *("SQLITE_CONSTRAINT", "SQLITE_TOOBIG", "SQLITE_MISMATCH", "SQLITE_RANGE"),
    *("22", "23", "54"),  # PostgreSQL: wrong data, violated constraint, beyond the server's limits
)

_UNREACHABLE = "{where} cannot be reached: see whether the server is running there and the address is right."
_TOO_SLOW = "{where} did not answer in time: see whether the server is overloaded."
_POOL_EMPTY = "All our connections to {where} are in use: something asks too much of it at once."
_OTHER = "{where} failed ({kind}): see the database's own log."


@contextmanager
def translated(url: URL) -> Iterator[None]:
    """Let database failures out as StorageError or RecordRefused; everything else passes as it is."""
    try:
        yield
    except Exception as error:
        meant = explain(error, url)
        if meant is None:
            raise
        raise meant from error


def explain(error: Exception, url: URL) -> AcdError | None:
    """What this error means for the database at `url`; None when it is none of the database's."""
    match error:
        case AcdError():
            meant: AcdError | None = error
        case exc.DBAPIError():
            meant = _from_driver(error.orig or error, url)
        case _ if _sqlstate(error) is not None:  # asyncpg's own, raised while connecting
            meant = _from_driver(error, url)
        case exc.StatementError() | UnicodeError() | OverflowError():
            meant = _refused(error)
        case _:
            sentence = _sentence_for(error)
            meant = StorageError(_fill(sentence, url, type(error).__name__)) if sentence else None
    return meant


def _sentence_for(error: Exception) -> str | None:
    """For what comes from this side of the driver: the pool, the network, SQLAlchemy."""
    match error:
        case exc.TimeoutError():
            return _POOL_EMPTY
        case TimeoutError():
            return _TOO_SLOW
        case OSError():
            return _UNREACHABLE
        case exc.SQLAlchemyError():
            return _OTHER
    return None


def place(url: URL) -> str:
    """The database in words for the middle of a sentence, without a password."""
    if url.get_backend_name() == "sqlite":
        return f"the database {url.database}"
    port = f":{url.port}" if url.port else ""
    return f"the database `{url.database or url.username}` on {url.host or 'the local server'}{port}"


def _from_driver(error: BaseException, url: URL) -> AcdError:
    state = _sqlstate(error)
    code = str(getattr(error, "sqlite_errorname", "")) if state is None else state
    sentences = _SQLITE if state is None else _POSTGRES
    if code.startswith(_REFUSED):
        return _refused(error, code)
    matching = [beginning for beginning in sentences if code.startswith(beginning)]
    if matching:
        return StorageError(_fill(sentences[max(matching, key=len)], url))
    if isinstance(error.__cause__, OSError | TimeoutError):
        return StorageError(_fill(_UNREACHABLE, url))
    return StorageError(_fill(_OTHER, url, " ".join(filter(None, (type(error).__name__, code)))))


def _sqlstate(error: BaseException) -> str | None:
    state = getattr(error, "sqlstate", None)
    return state if isinstance(state, str) else None


def _refused(error: BaseException, code: str = "") -> RecordRefused:
    kind = " ".join(filter(None, (type(error).__name__, code)))
    return RecordRefused(f"A value does not fit into the database ({kind}).")


def _fill(sentence: str, url: URL, kind: str = "") -> str:
    filled = sentence.format(
        where=place(url), user=url.username or "of the system", database=url.database or url.username, kind=kind
    )
    return filled[0].upper() + filled[1:]
