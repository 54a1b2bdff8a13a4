"""The store: one durable queue, links, journal, ledger and tokens, in a database of its own."""

from shopify_fw360.store.alerts import Alert
from shopify_fw360.store.audit import AuditEntry
from shopify_fw360.store.budget import LockedState
from shopify_fw360.store.database import Store, Transaction
from shopify_fw360.store.delivery import Probe
from shopify_fw360.store.event_tasks import OpenTask
from shopify_fw360.store.events import Told, TopicCounts
from shopify_fw360.store.exports import StoredExport
from shopify_fw360.store.journal import JournalEntry
from shopify_fw360.store.ledger import Certificate, Run
from shopify_fw360.store.link_children import LinkChild
from shopify_fw360.store.listing import ListedRecord, ListQuery
from shopify_fw360.store.oauth_states import Started
from shopify_fw360.store.overview import Lane
from shopify_fw360.store.pairings import Pairing
from shopify_fw360.store.plans import Plan, PlanEntry
from shopify_fw360.store.presence import Disconnection
from shopify_fw360.store.privacy import PrivacyDocument, PrivacyRequest
from shopify_fw360.store.queue_views import QueueCounts, QueuedChange
from shopify_fw360.store.staging import StageCounts
from shopify_fw360.store.subscriptions import Subscription
from shopify_fw360.store.tokens import TokenVault

__all__ = [
    "Alert",
    "AuditEntry",
    "Certificate",
    "Disconnection",
    "JournalEntry",
    "Lane",
    "LinkChild",
    "ListQuery",
    "ListedRecord",
    "LockedState",
    "OpenTask",
    "Pairing",
    "Plan",
    "PlanEntry",
    "PrivacyDocument",
    "PrivacyRequest",
    "Probe",
    "QueueCounts",
    "QueuedChange",
    "Run",
    "StageCounts",
    "Started",
    "Store",
    "StoredExport",
    "Subscription",
    "TokenVault",
    "Told",
    "TopicCounts",
    "Transaction",
]
