"""All sales against all orders, by day and currency: `python -m tests.end_to_end.tie_out 5000` prints the sums."""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path

from sandbox.common.server import running
from shopify_fw360.records import PROBLEM, Outcome, System, Window
from shopify_fw360.store import Store
from shopify_fw360.sync.drain import DrainReport
from shopify_fw360.sync.run import Mode, certify
from tests.end_to_end.order_world import BOOKING, Till, cents
from tests.end_to_end.world import World

Sums = dict[tuple[str, str], tuple[int, Decimal]]


def open_shop(shopify, framework360, store: Store, orders: int) -> Till:
    """A shop with seeded orders of every kind, and an empty site."""
    shopify.control.reset(seed=7, customers=max(60, orders // 4), products=40, population="mixed", orders=orders)
    framework360.control.reset(seed=7, customers=0, population="mixed")
    shopify.control.set_options(bucket_size=10_000_000, restore_rate=1_000_000)
    world = World(shopify, framework360, store)
    world.onboard()
    world.configure(customers={"placeholder_email_domain": "no-mail.example"})
    return Till(world)


def sums_of_orders(till: Till) -> tuple[Sums, int, set[str]]:
    """Add up the orders by the day they were placed and the currency; also their number, and who is parked."""
    gateway = till.world.pair.gateway(System.SHOPIFY, BOOKING.entity)
    parked = set(till.parked())
    found: dict[tuple[str, str], list[Decimal]] = defaultdict(list)
    number = 0
    for page in gateway.scan(Window()):
        for record in page.records:
            number += 1
            if record.id in parked or PROBLEM in record.raw or record.raw["test"]:
                continue
            sale = record.raw["sale"]
            found[sale["date"][:10], sale["currency"]].append(Decimal(sale["total"]))
    return {key: (len(totals), sum(totals, Decimal(0))) for key, totals in found.items()}, number, parked


def sums_of_sales(till: Till) -> Sums:
    """Add up the sales; the note tells the day of the order, since a site dates a sale by itself."""
    found: dict[tuple[str, str], list[Decimal]] = defaultdict(list)
    for sale in till.sales():
        placed = next(line for line in sale["note"].splitlines() if line.startswith("Data dell'ordine: "))
        found[placed.split()[2], sale["currency"]].append(cents(sale["total"]))
    return {key: (len(totals), sum(totals, Decimal(0))) for key, totals in found.items()}


def print_tie_out(orders: Sums, sales: Sums) -> None:
    """Print one line per day and currency, and the whole."""
    print(f"{'day':<12}{'currency':<10}{'orders':>8}{'sum':>16}{'sales':>8}{'sum':>16}{'gap':>8}")
    for key in sorted(orders.keys() | sales.keys()):
        (count, total), (booked, sold) = orders.get(key, (0, Decimal(0))), sales.get(key, (0, Decimal(0)))
        print(f"{key[0]:<12}{key[1]:<10}{count:>8}{total:>16}{booked:>8}{sold:>16}{sold - total:>8}")
    whole, sold = (sum(total for _, total in sums.values()) for sums in (orders, sales))
    print(
        f"{'all':<22}{sum(n for n, _ in orders.values()):>8}{whole:>16}{sum(n for n, _ in sales.values()):>8}{sold:>16}"
    )


def book_all(till: Till) -> DrainReport:
    """Book everything as the DAG's task does: orders that wait for their buyer come again a moment later."""
    world = till.world
    run_id = world.stage(BOOKING, Mode.FULL)
    report = world.drain(BOOKING, run_id)
    for _ in range(60):
        with world.store.read() as tx:
            left = tx.pending(BOOKING, run_id)
        if not left.pending + left.waiting:
            break
        time.sleep(1)
        report += world.drain(BOOKING, run_id)
    certify(world.pair, run_id)
    return report


def tie_out(till: Till) -> tuple[Sums, Sums]:
    """Book everything, compare the sums, and check that a second run writes nothing."""
    report = book_all(till)
    orders, number, parked = sums_of_orders(till)
    sales = sums_of_sales(till)
    reasons = till.parked()
    with till.world.store.read() as tx:
        why = Counter((row.error_code, row.error_field) for row in tx.parked(BOOKING, limit=number))
    print(f"{number} orders: {dict(report.outcomes)}; parked: {dict(why)}")
    assert sum(report.outcomes.values()) == number, "every order has an outcome"
    assert report.outcomes[Outcome.CREATED] == sum(count for count, _ in sales.values())
    assert len(parked) == report.outcomes.get(Outcome.PARKED, 0)
    assert all(reasons.values()), "every parked order has a reason"
    with till.nothing_written():
        till.world.sync(BOOKING, Mode.FULL)
    return orders, sales


def main() -> None:
    """Run the tie-out of as many orders as the command line says."""
    with running("shopify") as shopify, running("framework360") as framework360, tempfile.TemporaryDirectory() as place:
        store = Store.open(f"sqlite:///{Path(place) / 'store.db'}")
        store.upgrade()
        orders, sales = tie_out(open_shop(shopify, framework360, store, int(sys.argv[1])))
        print_tie_out(orders, sales)
        store.close()
    if orders != sales:
        raise SystemExit("the sums differ")


if __name__ == "__main__":
    main()
