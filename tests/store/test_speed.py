"""How fast the store is; the numbers are for people, only the work itself is checked."""

import sys
import time
from datetime import UTC, datetime

import pytest

from shopify_fw360.records import Link
from shopify_fw360.store import StageCounts
from tests.store.make import FORTH, change, claim, ended

pytestmark = pytest.mark.bench

ROWS, PAGE = 10_000, 250
RAW = {f"field{number}": f"a value of field {number}" for number in range(40)}


def rate(title, url, count, work):
    began = time.perf_counter()
    result = work()
    per_second = count / (time.perf_counter() - began)
    sys.stdout.write(f"\n{url.partition(':')[0]:20} {title:30} {per_second:8.0f} rows/s")
    return result


def test_staging_and_draining(store, url):
    changes = [
        change(
            f"gid://shopify/Customer/{n}", raw=RAW, read_at=datetime.now(UTC), fingerprint=f"f{n}", match_key=f"k{n}"
        )
        for n in range(ROWS)
    ]

    def stage_pages():
        counts = StageCounts()
        for start in range(0, ROWS, PAGE):
            with store.begin() as tx:
                counts += tx.stage(changes[start : start + PAGE])
        return counts

    def drain():
        ended_rows = 0
        for _ in range(20):
            claims = claim(store, 100)
            with store.begin() as tx:
                for held in tx.hold(claims, "worker"):
                    tx.save_link(Link(FORTH.entity, held.change.source_id, f"9{held.row_id}", base={FORTH.name: {}}))
                    ended_rows += tx.complete(held, "worker", ended(held, after=RAW))
        return ended_rows

    assert rate("stage new records", url, ROWS, stage_pages) == StageCounts(ROWS)
    assert rate("stage waiting records again", url, ROWS, stage_pages) == StageCounts(ROWS, ROWS)
    assert rate("claim, link, journal, complete", url, 2_000, drain) == 2_000
