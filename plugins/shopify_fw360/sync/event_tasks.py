"""What events ask for beyond reading one record again: done by the consumer of the queue, never by the receiver."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

from shopify_fw360.errors import SHOPIFY_GRANT, SHOPIFY_TOKEN, Reaction, SyncError
from shopify_fw360.records import Change, Entity, EventTask, Flow, Operation, Origin, System
from shopify_fw360.store import OpenTask, Transaction
from shopify_fw360.sync.pair import Pair
from shopify_fw360.sync.undoing import carry_out

log = logging.getLogger(__name__)

AT_ONCE: Final = 100
LEASE: Final = timedelta(minutes=5)
MOST_ATTEMPTS: Final = 8

_CUSTOMERS: Final = Flow(Entity.CUSTOMER, System.SHOPIFY)
_PRODUCTS: Final = Flow(Entity.PRODUCT, System.SHOPIFY)
_ALERT: Final = "app.uninstalled"


def do_event_tasks(pair: Pair) -> int:
    """Do the tasks that are due; one that fails is put off and never keeps the others waiting.

    Args:
        pair: the two systems and the store.

    Returns:
        Number of tasks done.
    """
    with pair.store.begin() as tx:
        tasks = tx.claim_event_tasks(AT_ONCE, LEASE)
    done = 0
    for kind in EventTask:
        chosen = [task for task in tasks if task.task is kind]
        if not chosen:
            continue
        # Stock moves by the hundred, and one request finds the products of all of them; so do records of an undone run.
        for group in [chosen] if kind in (EventTask.STOCK, EventTask.UNDO) else [[task] for task in chosen]:
            done += _do(pair, kind, group)
    return done


def _do(pair: Pair, kind: EventTask, tasks: Sequence[OpenTask]) -> int:
    try:
        note = _WORK[kind](pair, tasks)
    except SyncError as error:
        _failed(pair, kind, tasks, error)
        return 0
    with pair.store.begin() as tx:
        tx.finish_event_tasks(tasks, note)
    log.info("%s: %s", kind.value, note)
    return len(tasks)


def _failed(pair: Pair, kind: EventTask, tasks: Sequence[OpenTask], error: SyncError) -> None:
    attempts = max(task.attempts for task in tasks) + 1
    with pair.store.begin() as tx:
        if error.reaction is Reaction.RETRY and attempts < MOST_ATTEMPTS:
            tx.postpone_event_tasks(tasks, pair.clock() + timedelta(seconds=5 * 2**attempts), str(error))
        else:
            tx.finish_event_tasks(tasks, f"given up: {error}")
            tx.raise_alert(f"event_task.{kind.value}", f"An event could not be dealt with. {error}")
    log.warning("%s: attempt %d: %s", kind.value, attempts, error)


def _study(_pair: Pair, _tasks: Sequence[OpenTask]) -> str:
    return "not understood; its shape is kept for study"


def _bulk(pair: Pair, tasks: Sequence[OpenTask]) -> str:
    with pair.store.begin() as tx:
        ours = [tx.export_ended(str(task.data["operation"])) for task in tasks]
    return "an import waits for it" if any(ours) else "no import waits for it"


def _scopes(pair: Pair, _tasks: Sequence[OpenTask]) -> str:
    with pair.store.begin() as tx:
        tx.raise_alert("app.scopes", "The app's scopes were changed. Run onboard_shop to see whether any is missing.")
    return "an alert asks for a look at the scopes"


def _stock(pair: Pair, tasks: Sequence[OpenTask]) -> str:
    """Stage the products whose stock has moved."""
    if pair.shop is None:
        return "nobody counts stock here"
    items = {task.event_key: str(task.data["inventory_item"]) for task in tasks}
    products = pair.shop.products_of(list(items.values()))
    with pair.store.begin() as tx:
        tx.stage([_hint(_PRODUCTS, product) for product in dict.fromkeys(products.values())])
        for key, item in items.items():
            if item in products:
                tx.name_record(key, Entity.PRODUCT, products[item])
    return f"{len(products)} of {len(set(items.values()))} inventory items belong to products, which were staged"


def _merge(pair: Pair, tasks: Sequence[OpenTask]) -> str:
    """Let the link of the customer that was merged away follow to the one that was kept."""
    notes = []
    for task in tasks:
        kept, gone = str(task.data["kept"]), str(task.data["deleted"])
        # The topic is not signed and a merge may fail, so the shop itself must say which of them is left.
        there = pair.gateway(System.SHOPIFY, Entity.CUSTOMER).fetch([kept, gone])
        with pair.store.begin() as tx:
            if kept in there and gone not in there:
                notes.append(_follow(tx, kept, gone))
            else:
                notes.append("the shop does not show a completed merge")
            tx.stage([_hint(_CUSTOMERS, kept), _hint(_CUSTOMERS, gone)])
    return "; ".join(notes)


def _follow(tx: Transaction, kept: str, gone: str) -> str:
    links = tx.links(Entity.CUSTOMER, System.SHOPIFY, [kept, gone])
    old, new = links.get(gone), links.get(kept)
    if old is None or old.framework360_id is None:
        return "the merged customer had no counterpart"
    if new is not None and new.framework360_id is not None:
        # Two counterparts remain in Framework360; which of them to keep there is for a person to decide.
        tx.raise_alert(
            f"merge.{old.framework360_id}",
            f"Shopify merged two customers. Their counterparts {old.framework360_id} and {new.framework360_id} are "
            "still two in Framework360: merge them there too, if you wish.",
        )
        return f"both had a counterpart; {old.framework360_id} is unlinked"
    if new is not None:
        tx.delete_link(new)
    tx.save_link(replace(old, shopify_id=kept))
    return f"{old.framework360_id} is linked to the customer that was kept"


def _uninstalled(pair: Pair, tasks: Sequence[OpenTask]) -> str:
    """Believe that the app is gone once the shop refuses its token; a late message about an older installation lies."""
    if pair.shop is None:
        return "no shop is connected"
    try:
        pair.shop.ask()
    except SyncError as error:
        if error.code not in (SHOPIFY_TOKEN, SHOPIFY_GRANT):
            raise
    else:
        return "the shop still lets us in, so this was about an earlier installation"
    told = max((task.triggered_at or task.received_at for task in tasks), default=pair.clock())
    with pair.store.begin() as tx:
        tx.disconnect(pair.shop.key, "the app was uninstalled")
        tx.raise_alert(
            _ALERT,
            f"The app was uninstalled from {pair.shop.key} ({told:%Y-%m-%d %H:%M} UTC). All flows wait. "
            "Connect the shop again if it should be synchronised.",
        )
    pair.shop.forget()
    return "the shop does not let us in any more; its tokens were dropped and all flows wait"


def _undo(pair: Pair, tasks: Sequence[OpenTask]) -> str:
    """Put back what a person wants undone."""
    return carry_out(pair, tasks, MOST_ATTEMPTS)


def shop_is_back(tx: Transaction) -> bool:
    """Note that the shop lets us in; call it after any successful check. False if nothing else was known."""
    tx.end_alert(_ALERT)
    return tx.reconnect()


def _hint(flow: Flow, source_id: str) -> Change:
    return Change(flow, source_id, Operation.UPSERT, Origin.WEBHOOK)


_WORK: Final = {
    EventTask.STOCK: _stock,
    EventTask.CUSTOMER_MERGE: _merge,
    EventTask.APP_UNINSTALLED: _uninstalled,
    EventTask.SCOPES_CHANGED: _scopes,
    EventTask.BULK_FINISHED: _bulk,
    EventTask.STUDY: _study,
    EventTask.UNDO: _undo,
}
