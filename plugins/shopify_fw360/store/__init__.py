"""The store: one durable queue, links, journal, ledger and tokens, in a database of its own."""

from shopify_fw360.store.budget import LockedState
from shopify_fw360.store.database import Store, Transaction
from shopify_fw360.store.journal import JournalEntry
from shopify_fw360.store.ledger import Certificate, Run
from shopify_fw360.store.link_children import LinkChild
from shopify_fw360.store.queue_views import QueueCounts, QueuedChange
from shopify_fw360.store.staging import StageCounts
from shopify_fw360.store.tokens import TokenVault

__all__ = [
    "Certificate",
    "JournalEntry",
    "LinkChild",
    "LockedState",
    "QueueCounts",
    "QueuedChange",
    "Run",
    "StageCounts",
    "Store",
    "TokenVault",
    "Transaction",
]
