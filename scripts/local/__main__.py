"""Entry point of `python -m scripts.local`; the Makefile's targets call it."""

from __future__ import annotations

import argparse
import sys

import requests

from scripts.local.errors import LocalError
from scripts.local.plan import ROOT, USERS, Plan
from scripts.local.runtime import Runtime


def main() -> int:
    """Run one command and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m scripts.local", description="The local runtime, on loopback only.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, about in (
        ("start", "start PostgreSQL, both sandboxes and Airflow"),
        ("demo", "start, then sync everything twice"),
    ):
        command = commands.add_parser(name, help=about)
        command.add_argument("--seed", type=int, default=7, help="seed of the sandboxes' people")
        command.add_argument("--customers", type=int, default=600, help="people in both sandboxes together")
        command.add_argument("--products", type=int, default=120, help="products in both sandboxes together")
        command.add_argument("--orders", type=int, default=80, help="orders in the sandbox shop")
    kill = commands.add_parser("kill", help="kill parts of the running Airflow during imports, and tell what happened")
    kill.add_argument("parts", nargs="*", help="worker, scheduler, triggerer, dag-processor, api-server, postgres")
    kill.add_argument("--records", type=int, default=80, help="new customers per part")
    latency = commands.add_parser("latency", help="measure how long changes take from one system to the other")
    latency.add_argument("--rate", type=float, default=5.0, help="changes per second")
    latency.add_argument("--seconds", type=float, default=300.0, help="for how long")
    latency.add_argument("--cold", type=int, default=3, help="changes before, that find the consumer asleep")
    latency.add_argument("--points", type=float, default=100.0, help="cost points the shop's plan restores per second")
    latency.add_argument("--entity", choices=("customer", "product", "order"), help="change only these")
    soak = commands.add_parser(
        "soak", help="change things on both sides while everything fails now and then, then compare"
    )
    soak.add_argument("--rate", type=float, default=10.0, help="changes per second")
    soak.add_argument("--seconds", type=float, default=3600.0, help="for how long")
    commands.add_parser("stop", help="stop everything")
    commands.add_parser("status", help="show what runs, the addresses and the logins")
    commands.add_parser("clean", help="stop everything and delete .run with all data")
    arguments = parser.parse_args()
    if arguments.command in {"stop", "status", "clean", "kill", "latency", "soak"} and not (ROOT / ".run").exists():
        print("nothing was ever started here")
        return 0
    try:
        _run(arguments)
    except (LocalError, requests.RequestException) as problem:
        print(f"\n{arguments.command} failed: {problem}", file=sys.stderr)
        if arguments.command in {"start", "demo"}:
            print(f"All logs: {ROOT / '.run' / 'logs'}. What still runs: `make status`.", file=sys.stderr)
        return 1
    return 0


def _run(arguments: argparse.Namespace) -> None:
    plan = Plan.load()
    match arguments.command:
        case "stop":
            Runtime(plan).stop()
            print("stopped")
        case "clean":
            Runtime(plan).clean()
            print("stopped, and .run is gone")
        case "status":
            _show(Runtime(plan))
        case "kill":
            from scripts.local import killing

            killing.run(Runtime(plan), arguments.parts or killing.PARTS, arguments.records)
        case "latency":
            from scripts.local import latency

            latency.run(
                Runtime(plan),
                arguments.rate,
                arguments.seconds,
                arguments.cold,
                points=arguments.points,
                entity=arguments.entity,
            )
        case "soak":
            from scripts.local import soak

            soak.run(Runtime(plan), arguments.rate, arguments.seconds)
        case command:
            runtime = Runtime(
                plan,
                seed=arguments.seed,
                customers=arguments.customers,
                products=arguments.products,
                orders=arguments.orders,
            )
            print("Starting on loopback:")
            runtime.start()
            if command == "demo":
                # Only here: stopping must not depend on the project's packages.
                from scripts.local import demo

                print("Syncing:")
                demo.run(runtime)
            _show(runtime)


def _show(runtime: Runtime) -> None:
    parts = runtime.status()
    print()
    for part in parts:
        print(f"  {part.name:<14} {'running' if part.running else 'stopped':<8} {part.address:<24} {part.log}")
    if not all(part.running for part in parts):
        return
    logins = runtime.plan.secrets.logins()
    print(f"\n  Airflow       {runtime.plan.airflow_url}")
    for user, role in USERS.items():
        print(f"                user {user:<9} password {logins[user]}   (role {role})")
    print(f"  Shopify       {runtime.plan.shopify_url}   (sandbox: edit, buy and refund as people would)")
    print(f"  Framework360  {runtime.plan.framework360_url}   (sandbox)")
    print("\n  It keeps running in the background: `make status`, `make stop`.")


if __name__ == "__main__":
    sys.exit(main())
