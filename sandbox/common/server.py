"""Run a sandbox server: as a command, in a process of its own for tests, or in a thread."""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal, cast

import uvicorn

from sandbox.common.app import SandboxApp, TransportProtocol
from sandbox.common.backend import POPULATIONS, Backend, Population, Seed
from sandbox.common.client import Control

System = Literal["framework360", "shopify"]
SYSTEMS: Mapping[System, str] = {"framework360": "sandbox.framework360", "shopify": "sandbox.shopify"}
HOST = "127.0.0.1"
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that answers.

    Args:
        url: base URL without a trailing slash, e.g. "http://127.0.0.1:40123".
        control: client of its control API.
        pid: its process id; the current process for a server in a thread.
    """

    url: str
    control: Control
    pid: int


def build_app(
    system: System, seed: Seed, latency_ms: float = 0.0, options: Mapping[str, Any] | None = None
) -> SandboxApp:
    """Build the application of one system; its package offers `build(seed, options) -> Backend`.

    Raises:
        ValueError: an unknown option, or a value it cannot take.
    """
    module = importlib.import_module(SYSTEMS[system])
    backend = cast(Backend, module.build(seed, dict(options or {})))
    return SandboxApp(backend, seed, latency_ms)


@contextmanager
def running(
    system: System,
    *,
    seed: int = 7,
    customers: int = 600,
    population: Population = "mixed",
    products: int = 60,
    variants_per_product: float = 3.0,
    orders: int = 0,
    latency_ms: float = 0.0,
    options: Mapping[str, Any] | None = None,
    port: int = 0,
    start_timeout: float = 120.0,
) -> Iterator[RunningServer]:
    """Run a server in a process of its own while the block runs; it also ends when this process dies.

    Args:
        system: which one.
        seed: seed of the data.
        customers: number of people generated for both systems together.
        population: in which system they are, see `backend.Seed`.
        products: number of products generated for both systems together.
        variants_per_product: their mean number of variants, about.
        orders: number of orders in Shopify.
        latency_ms: simulated network latency.
        options: start values of quirk switches; `reset` returns to them.
        port: loopback port, 0 for a free one.
        start_timeout: seconds to wait for the first answer.

    Raises:
        RuntimeError: the server ended before it answered; the text carries what it said.
    """
    command = [sys.executable, "-m", "sandbox", system, "--port", str(port), "--seed", str(seed)]
    command += ["--customers", str(customers), "--population", population, "--latency-ms", str(latency_ms)]
    command += ["--products", str(products), "--variants-per-product", str(variants_per_product)]
    command += ["--orders", str(orders)]
    for name, value in (options or {}).items():
        command += ["--option", f"{name}={json.dumps(value)}"]
    process = subprocess.Popen(
        [*command, "--until-stdin-closes"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    stdin, stdout = cast(IO[str], process.stdin), cast(IO[str], process.stdout)
    try:
        line = stdout.readline()
        if not line.startswith("http://"):
            raise RuntimeError(f"the {system} sandbox did not start: {line}{process.communicate(timeout=5)[0]}")
        control = Control(line.strip())
        control.ready(start_timeout)
        yield RunningServer(line.strip(), control, process.pid)
    finally:
        stdin.close()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        stdout.close()


@contextmanager
def running_in_thread(app: SandboxApp) -> Iterator[RunningServer]:
    """Run an application in a thread of this process: starts in milliseconds, but shares the interpreter."""
    server = uvicorn.Server(_config(app))
    listener = server.config.bind_socket()
    url = f"http://{HOST}:{listener.getsockname()[1]}"
    thread = threading.Thread(target=server.run, args=([listener],), name="sandbox", daemon=True)
    thread.start()
    control = Control(url)
    try:
        control.ready(10)
        yield RunningServer(url, control, os.getpid())
    finally:
        server.should_exit = True
        server.force_exit = True
        thread.join(timeout=5)
        listener.close()


def main() -> None:
    """Run one server until it is interrupted."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="A local Shopify or Framework360.")
    parser.add_argument("system", choices=sorted(SYSTEMS))
    parser.add_argument("--port", type=int, default=0, help="loopback port; 0 takes a free one (default)")
    parser.add_argument("--seed", type=int, default=7, help="same seed and customers: same people in both systems")
    parser.add_argument("--customers", type=int, default=600, help="people generated for both systems together")
    parser.add_argument("--population", choices=POPULATIONS, default="mixed", help="in which system they are")
    parser.add_argument("--products", type=int, default=60, help="products generated for both systems together")
    parser.add_argument("--variants-per-product", type=float, default=3.0, help="their mean, about; 1.6 to 10")
    parser.add_argument("--orders", type=int, default=0, help="orders in Shopify")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="simulated network latency of each request")
    parser.add_argument(
        "--option", action="append", default=[], metavar="NAME=VALUE", help="quirk switch, value as JSON; repeatable"
    )
    parser.add_argument("--until-stdin-closes", action="store_true", help="end when standard input does")
    arguments = parser.parse_args()
    seed = Seed(
        arguments.seed,
        arguments.customers,
        arguments.population,
        arguments.products,
        arguments.variants_per_product,
        arguments.orders,
    )
    try:
        app = build_app(arguments.system, seed, arguments.latency_ms, dict(map(_option, arguments.option)))
    except ValueError as problem:
        parser.error(str(problem))
    gc.freeze()  # the seed stays: without this every full collection walks through all of it
    server = uvicorn.Server(_config(app, arguments.port))
    listener = server.config.bind_socket()
    print(f"http://{HOST}:{listener.getsockname()[1]}", flush=True)
    if arguments.until_stdin_closes:
        threading.Thread(target=_end_with_stdin, args=(server,), daemon=True).start()
    server.run([listener])


def _config(app: SandboxApp, port: int = 0) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=HOST,
        port=port,
        http=TransportProtocol,
        loop="uvloop",
        ws="none",
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
        backlog=2048,
    )


def _option(text: str) -> tuple[str, Any]:
    name, separator, value = text.partition("=")
    if not separator:
        raise ValueError(f"--option takes NAME=VALUE, not {text!r}")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value


def _end_with_stdin(server: uvicorn.Server) -> None:
    sys.stdin.read()
    server.should_exit = True
    server.force_exit = True
