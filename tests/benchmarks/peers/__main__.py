"""``make bench-peers``: other tools that read a shop, and ours, on one sandbox in one run.

Prints two tables: extraction plus durable staging of all products, and what becomes of them when a fault strikes.
Each tool lives in a folder of its own below ``.peers``, as ``requirements-peers.txt`` names it.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import psutil
import requests

from sandbox.common.server import RunningServer, running
from tests.benchmarks.peers.shim import TOKEN, VERSION

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
FOLDER = ROOT / ".peers"
LIMIT = float(os.environ.get("PEERS_LIMIT", "300"))
"""Seconds after which a run is ended."""

GENEROUS = {"bucket_size": 1_000_000, "restore_rate": 1_000_000, "media_seconds": 0, "bulk_seconds": 0}
"""The shop's limits would measure the shop."""


@dataclass(frozen=True)
class Tool:
    """One contestant.

    Args:
        name: as the table shows it.
        package: line of ``requirements-peers.txt`` that makes its environment; None for ours.
        script: beside this file.
        by_file: it reads the file of a bulk operation.
        staged: gives the ids of the products that are on disk after a run, whatever their form.
        arguments: further ones of the script.
    """

    name: str
    package: str | None
    script: str
    staged: Callable[[Path], Iterator[str]]
    by_file: bool = False
    arguments: Sequence[str] = ()

    def command(self) -> list[str]:
        python = sys.executable if self.package is None else str(FOLDER / self.package / "bin" / "python")
        return [python, str(HERE / self.script)]


def _messages(record: Callable[[Mapping[str, Any]], Any]) -> Callable[[Path], Iterator[str]]:
    """Read the ids out of a file of JSON lines; a torn last line is no record."""

    def ids(folder: Path) -> Iterator[str]:
        for text in (folder / "stdout").read_bytes().splitlines():
            try:
                found = record(json.loads(text))
            except (ValueError, KeyError, TypeError):
                continue
            if found is not None:
                yield _number(found)

    return ids


def _loaded(folder: Path) -> Iterator[str]:
    # dlt believes a load only when its row in _dlt_loads is there.
    shop = folder / "files" / "shop"
    loads = {name for path in shop.glob("_dlt_loads/*") for name in re.findall(r"\d+\.\d+", path.name)}
    for path in shop.glob("products/*.jsonl*"):
        if path.name.partition(".jsonl")[0].rpartition(".")[0] in loads:
            content = path.read_bytes()
            lines = gzip.decompress(content) if path.suffix == ".gz" else content
            yield from (_number(json.loads(line)["id"]) for line in lines.splitlines())


def _queued(folder: Path) -> Iterator[str]:
    path = folder / "store.db"
    if path.exists():
        with sqlite3.connect(path) as database:
            yield from (_number(row[0]) for row in database.execute("SELECT source_id FROM staged_change"))


def _number(record_id: Any) -> str:
    return str(record_id).rpartition("/")[2]


TOOLS = (
    Tool(
        "airbyte-source-shopify 4.3.0",
        "airbyte-source-shopify",
        "airbyte.py",
        _messages(lambda line: line["record"]["data"]["id"] if line["type"] == "RECORD" else None),
        by_file=True,
    ),
    Tool(
        "tap-shopify 3.13.0",
        "tap-shopify",
        "tap.py",
        _messages(lambda line: line["record"]["id"] if line["type"] == "RECORD" else None),
    ),
    Tool("lib-shopify-graphql 2.1.2", "lib-shopify-graphql", "lib.py", _messages(lambda line: line["id"])),
    Tool("dlt 1.31.0", "dlt", "with_dlt.py", _loaded),
    Tool("this project, pages", None, "ours.py", _queued, arguments=("scan",)),
    Tool("this project, bulk file", None, "ours.py", _queued, by_file=True, arguments=("export",)),
)


@dataclass(frozen=True)
class Fault:
    """What is made to go wrong.

    Args:
        name: as the table shows it.
        rule: of the sandbox, without its place; None for none.
        lasting: it strikes every request from the second on, not only the second.
        at_file: for tools that read a file, it strikes the download.
        options: of the sandbox.
        files_only: it can happen to a bulk file only.
    """

    name: str
    rule: Mapping[str, Any] | None = None
    lasting: bool = False
    at_file: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    files_only: bool = False

    def prepare(self, shop: RunningServer, *, by_file: bool) -> None:
        shop.control.clear_faults()
        shop.control.set_options(**GENEROUS, bulk_short=0.0)
        shop.control.set_options(**self.options)
        if self.rule is None:
            return
        at_file = by_file and self.at_file
        place = {"path_prefix": "/bulk/" if at_file else "/admin/api/"}
        times = {} if self.lasting else {"times": 1}
        shop.control.add_faults([{**self.rule, **times, "match": place, "skip": 0 if at_file else 1}])


FAULTS = (
    Fault("502", {"kind": "http_status", "params": {"status": 502}}),
    Fault("THROTTLED", {"kind": "throttle"}),
    Fault("reset", {"kind": "reset"}),
    Fault("hang of 40 s", {"kind": "hang", "params": {"seconds": 40}}),
    Fault("cut body", {"kind": "truncate"}, at_file=True),
    Fault("short but valid file", options={"bulk_short": 0.2}, files_only=True),
    Fault("502 from then on", {"kind": "http_status", "params": {"status": 502}}, lasting=True),
)


@dataclass(frozen=True)
class Outcome:
    """What a run came to.

    Args:
        code: exit status, None if it was ended after ``LIMIT``.
        seconds: from the first request to the end.
        cpu: processor time of the tool, its start included.
        shop_cpu: processor time of the sandbox.
        peak: memory of the largest process, MB.
        found: ids of the products that are on disk.
    """

    code: int | None
    seconds: float
    cpu: float
    shop_cpu: float
    peak: float
    found: frozenset[str]

    def verdict(self, truth: frozenset[str]) -> str:
        missing = len(truth - self.found)
        if self.code is None:
            return f"had not ended after {LIMIT:.0f} s, {len(truth) - missing} of {len(truth)} on disk"
        if self.code == 0:
            return f"recovers ({self.seconds:.0f} s)" if not missing else f"**loses {missing} silently**"
        return f"fails loudly, {len(truth) - missing} of {len(truth)} on disk"


def run(tool: Tool, shop: RunningServer) -> Outcome:
    folder = Path(tempfile.mkdtemp(prefix="peer-"))
    environment = {
        **os.environ,
        "PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}" if tool.package is None else "",
        "NO_PROXY": "*",
        "DLT_DATA_DIR": str(folder),
        "RUNTIME__DLTHUB_TELEMETRY": "false",
    }
    before, began = _cpu(shop.pid), time.monotonic()
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
        process = subprocess.Popen(
            [*tool.command(), shop.url, str(folder), *tool.arguments],
            stdout=out,
            stderr=err,
            env=environment,
            cwd=folder,
            start_new_session=True,
        )
        ends = time.monotonic() + LIMIT
        code: int | None = None
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                code = os.waitstatus_to_exitcode(status)
                break
            if time.monotonic() > ends:
                os.killpg(process.pid, signal.SIGKILL)
                _, _, usage = os.wait4(process.pid, 0)
                break
            time.sleep(0.02)
        process.returncode = code if code is not None else -signal.SIGKILL
        ended = time.monotonic()
        os.fsync(out.fileno())
    first = re.search(r"^FIRST ([\d.]+)$", (folder / "stderr").read_text(errors="replace"), re.MULTILINE)
    outcome = Outcome(
        code,
        ended - (float(first[1]) if first else began),
        usage.ru_utime + usage.ru_stime,
        _cpu(shop.pid) - before,
        usage.ru_maxrss / 1024,
        frozenset(tool.staged(folder)),
    )
    if outcome.code != 0 and os.environ.get("PEERS_SHOW"):
        for name in ("stdout", "stderr"):
            print((folder / name).read_text(errors="replace")[-1_500:], file=sys.stderr)
    shutil.rmtree(folder)
    return outcome


def install(tools: Sequence[Tool]) -> None:
    """Make the environments that are missing."""
    lines = (ROOT / "requirements-peers.txt").read_text().splitlines()
    wanted = {line.partition("==")[0]: line for line in lines if line and not line.startswith("#")}
    uv = str(Path(sys.executable).parent / "uv")
    for package in {tool.package for tool in tools if tool.package}:
        place = FOLDER / package
        if not (place / "complete").exists():
            shutil.rmtree(place, ignore_errors=True)
            subprocess.run([uv, "venv", "-q", "--python", sys.executable, str(place)], check=True)
            python = str(place / "bin" / "python")
            subprocess.run([uv, "pip", "install", "-q", "--python", python, wanted[package]], check=True)
            (place / "complete").touch()


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-peers", description=__doc__)
    parser.add_argument("--products", type=int, default=2_000)
    parser.add_argument("--products-with-faults", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="part of a tool's name")
    parser.add_argument("--no-speed", action="store_true")
    parser.add_argument("--no-faults", action="store_true")
    asked = parser.parse_args()
    tools = [tool for tool in TOOLS if asked.only in tool.name]
    install(tools)
    if not asked.no_speed:
        measure_speed(tools, asked.products, asked.rounds)
    if not asked.no_faults:
        measure_faults(tools, asked.products_with_faults)


def measure_speed(tools: Sequence[Tool], products: int, rounds: int) -> None:
    with running("shopify", customers=0, products=products, population="shopify", options=GENEROUS) as shop:
        truth = _truth(shop)
        print(f"\n{len(truth)} products; medians of {rounds} rounds; load {os.getloadavg()[0]:.0f}\n")
        print("| Tool | products/s | sandbox's part of the time | processor time of the tool | peak memory |")
        print("| --- | --- | --- | --- | --- |")
        results: dict[str, list[Outcome]] = {tool.name: [] for tool in tools}
        for _ in range(rounds):
            for tool in tools:
                results[tool.name].append(run(tool, shop))
        for name, outcomes in results.items():
            wrong = [outcome.verdict(truth) for outcome in outcomes if outcome.code != 0 or truth - outcome.found]
            seconds, cpu, shop_cpu, peak = (
                median(getattr(outcome, what) for outcome in outcomes)
                for what in ("seconds", "cpu", "shop_cpu", "peak")
            )
            note = f" ({'; '.join(wrong)})" if wrong else ""
            print(
                f"| {name} | {len(truth) / seconds:.0f}{note} | {shop_cpu:.1f} of {seconds:.1f} s | {cpu:.1f} s"
                f" | {peak:.0f} MB |",
                flush=True,
            )


def measure_faults(tools: Sequence[Tool], products: int) -> None:
    with running("shopify", customers=0, products=products, population="shopify", options=GENEROUS) as shop:
        truth = _truth(shop)
        print(f"\n{len(truth)} products\n")
        print(f"| Tool | {' | '.join(fault.name for fault in FAULTS)} |")
        print(f"| --- {'| --- ' * len(FAULTS)}|")
        for tool in tools:
            cells = []
            for fault in FAULTS:
                if fault.files_only and not tool.by_file:
                    cells.append("reads no file")
                    continue
                fault.prepare(shop, by_file=tool.by_file)
                cells.append(run(tool, shop).verdict(truth))
                print(f"  {tool.name}, {fault.name}: {cells[-1]}", file=sys.stderr, flush=True)
            print(f"| {tool.name} | {' | '.join(cells)} |", flush=True)


def _truth(shop: RunningServer) -> frozenset[str]:
    """Ids of all products, asked page by page while nothing goes wrong."""
    found: set[str] = set()
    after = None
    while True:
        page = "nodes { id } pageInfo { hasNextPage endCursor }"
        text = f"query Ids($after: String) {{ products(first: 250, after: $after) {{ {page} }} }}"
        answer = requests.post(
            f"{shop.url}/admin/api/{VERSION}/graphql.json",
            json={"query": text, "variables": {"after": after}},
            headers={"X-Shopify-Access-Token": TOKEN},
            timeout=30,
        )
        products = answer.json()["data"]["products"]
        found |= {_number(node["id"]) for node in products["nodes"]}
        if not products["pageInfo"]["hasNextPage"]:
            return frozenset(found)
        after = products["pageInfo"]["endCursor"]


def _cpu(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


if __name__ == "__main__":
    main()
