"""From the file of a bulk operation to staged rows: speed, and memory whatever the size of the file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

pytestmark = [pytest.mark.bench, pytest.mark.timeout(3600)]

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}"}
LARGEST_GROWTH = 150.0


@contextmanager
def host(folder, products, first):
    """A shop whose bulk operation over so many products has just ended."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.bulk_host", str(folder), str(products), str(first)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=ENVIRONMENT,
    )
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


def staged(folder, products, first, store_url):
    folder.mkdir()
    spool = folder / "spool"
    spool.mkdir()
    with host(folder, products, first) as shop:
        done = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.bulk_worker", shop, store_url, str(spool)],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=ENVIRONMENT,
        )
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("database", ["postgresql", "sqlite"])
def test_a_catalogue_by_bulk_file(tmp_path, request, database):
    """BENCH_PRODUCTS in the environment sets the number of products, each with 3 variants and an image."""
    products = int(os.environ.get("BENCH_PRODUCTS", "50000"))
    file = f"sqlite:///{tmp_path / 'store.db'}"
    url = file if database == "sqlite" else request.getfixturevalue("postgres_url")
    grown = []
    for count, first in ((products // 5, 0), (products, products)):
        done = staged(tmp_path / str(count), count, first, url)
        growth = done["peak"] - done["idle"]
        grown.append(growth)
        print(
            f"\n{database}: {done['staged']} of {count} products staged in {done['seconds']:.1f} s"
            f" ({done['staged'] / done['seconds']:.0f}/s, {done['cpu']:.1f} s of processor time),"
            f" {growth:.0f} MB above the idle process",
            flush=True,
        )
        assert growth < LARGEST_GROWTH
    assert grown[1] - grown[0] < 30
