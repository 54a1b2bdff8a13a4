"""Orders through money proof and mapping in a process of its own, which tells the memory it held.

    python -m tests.benchmarks.order_memory COUNT

Its output is a JSON list: the highest memory (MB) while each tenth of the orders was worked on.
"""

from __future__ import annotations

import json
import sys

from shopify_fw360.mapping.engine import transform
from tests.benchmarks.test_orders import order_mapping, proven, raw_orders
from tests.benchmarks.worker import resident

BATCH = 100


def main() -> None:
    count = int(sys.argv[1])
    mapping = order_mapping()
    peaks = [0.0] * 10
    batch = []
    for number, raw in enumerate(raw_orders(count)):
        batch.append(proven(raw))
        if len(batch) == BATCH:
            transform(mapping, batch)
            batch = []
            tenth = number * 10 // count
            peaks[tenth] = max(peaks[tenth], resident())
    print(json.dumps(peaks))


if __name__ == "__main__":
    main()
