"""The file of a bulk operation arrives whole, whatever happens on the way, and never as another one."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from shopify_fw360.errors import SHOPIFY_BULK, SHOPIFY_UNAVAILABLE, SyncError
from shopify_fw360.shopify.bulk_download import Download, Patience
from tests.shopify.bulk_host import hosting

CONTENT = bytes(range(256)) * 4_000
ROOT = Path(__file__).parents[2]


def fetch(host, path, tries=3, **operation):
    Download(
        host.address,
        lambda: host.operation(**operation),
        path,
        Patience(tries=tries, wait=0.01, read_timeout=5, sleep=lambda _: None),
    ).run()
    return path.read_bytes()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file.jsonl"


def refused(host, path, **how):
    with pytest.raises(SyncError) as caught:
        fetch(host, path, **how)
    return caught.value


def test_a_file_is_fetched_at_once(path):
    with hosting(CONTENT) as host:
        assert fetch(host, path) == CONTENT
        assert host.served == [""]


def test_a_body_that_ends_early_is_gone_on_with_where_it_ended(path):
    with hosting(CONTENT, cut=[100_000, 200_000]) as host:
        assert fetch(host, path) == CONTENT
        assert host.served == ["", "bytes=100000-", "bytes=300000-"]


def test_a_reset_in_the_middle_costs_nothing_that_had_arrived(path):
    with hosting(CONTENT, reset=[500_000]) as host:
        assert fetch(host, path) == CONTENT
        assert len(host.served) == 2


def test_progress_makes_patience_new(path):
    with hosting(CONTENT, cut=[1_000] * 10) as host:
        assert fetch(host, path, tries=2) == CONTENT


def test_an_expired_address_is_asked_for_anew_and_the_download_goes_on(path):
    with hosting(CONTENT, cut=[100_000]) as host:
        asked = []

        def look():
            asked.append(host.path)
            operation = host.operation()
            # The address dies with its first use; the shop gives another one.
            host.expired.add("/first")
            host.path = "/second"
            return operation

        host.cut.clear()
        path.write_bytes(CONTENT[:100_000])
        Download(host.address, look, path, Patience(sleep=lambda _: None)).run()
        assert path.read_bytes() == CONTENT
        assert asked == ["/first", "/second"]
        assert host.served == ["bytes=100000-", "bytes=100000-"]


def test_a_host_that_does_not_go_on_sends_the_file_anew(path):
    with hosting(CONTENT, cut=[100_000], ranges=False) as host:
        assert fetch(host, path) == CONTENT


def test_a_host_that_never_answers_stops_the_task_and_keeps_what_has_arrived(path):
    with hosting(CONTENT, cut=[100_000, 0, 0, 0]) as host:
        error = refused(host, path)
    assert error.code is SHOPIFY_UNAVAILABLE
    assert path.stat().st_size == 100_000


def test_a_file_of_another_size_than_announced_is_not_taken(path):
    with hosting(CONTENT) as host:
        assert refused(host, path, size=len(CONTENT) + 1).code is SHOPIFY_BULK


def test_an_operation_whose_file_is_gone_is_of_no_use(path):
    with hosting(CONTENT) as host:
        assert refused(host, path, url=None).code is SHOPIFY_BULK


def test_no_file_is_taken_from_a_host_without_tls(path):
    with hosting(CONTENT) as host:
        error = refused(host, path, url="http://files.example.com/secret?signature=abc")
    assert (error.code, error.rule) == (SHOPIFY_BULK, "https")


def test_the_signed_address_is_in_no_message(path):
    with hosting(CONTENT, cut=[0, 0, 0]) as host:
        host.path = "/file?signature=abc"
        error = refused(host, path)
    assert "signature" not in str(error)


def test_a_download_killed_in_the_middle_is_gone_on_with_by_the_next_process(path):
    big = CONTENT * 20
    with hosting(big) as host:
        code = (
            "import sys; from pathlib import Path\n"
            "from tests.shopify.bulk_host import Host\n"
            "from shopify_fw360.shopify import bulk_download\n"
            "bulk_download.BLOCK = 50_000\n"
            "import time\n"
            "host = Host(b'', url=sys.argv[1])\n"
            "print('started', flush=True)\n"
            "open_ = Path.open\n"
            "def slow_open(self, *a):\n"
            "    file = open_(self, *a); write = file.write\n"
            "    class Slowly:\n"
            "        def __enter__(s): return s\n"
            "        def __exit__(s, *_): file.close()\n"
            "        def write(s, block): write(block); file.flush(); time.sleep(0.02)\n"
            "    return Slowly()\n"
            "Path.open = slow_open\n"
            "look = lambda: host.operation(size=int(sys.argv[3]))\n"
            "bulk_download.Download(host.address, look, Path(sys.argv[2])).run()\n"
        )
        environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}"}
        process = subprocess.Popen(
            [sys.executable, "-c", code, host.url, str(path), str(len(big))],
            stdout=subprocess.PIPE,
            env=environment,
            cwd=ROOT,
        )
        process.stdout.readline()
        while not path.exists() or path.stat().st_size < 200_000:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        had = path.stat().st_size
        assert 0 < had < len(big)
        host.served.clear()
        assert fetch(host, path) == big
        assert host.served == [f"bytes={had}-"]
