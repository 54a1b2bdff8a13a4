"""The books of one order: what was sold, charged, paid, sent, returned and given back, exactly.

Everything an order's page shows in numbers follows from these facts (see `order_totals`); what a person or an app does
to an order adds facts (see `order_actions`) and changes none. Numbers (`num`) count within one order, from 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from sandbox.common.money import NOTHING, Bag, Currencies, total


@dataclass(slots=True)
class Tax:
    """One tax on a line, a charge, a duty or a fee; `channel_liable`: the sales channel pays it to the state."""

    title: str
    rate: Decimal
    amount: Bag
    channel_liable: bool = False


@dataclass(slots=True)
class Allocation:
    """What a discount (position in `Book.discounts`) takes off a line or a shipping charge."""

    discount: int
    amount: Bag


@dataclass(slots=True)
class Discount:
    """One discount as it was meant.

    Args:
        kind: "code", "automatic", "manual" or "script".
        title: the code, or what the buyer read.
        target: "LINE_ITEM" or "SHIPPING_LINE".
        selection: "ALL", "ENTITLED" or "EXPLICIT".
        method: "ACROSS" (one amount spread over the lines) or "EACH" (taken off every line or unit).
        percentage: of the price; None for a fixed amount.
        amount: fixed amount; None for a percentage.
    """

    kind: str
    title: str
    target: str = "LINE_ITEM"
    selection: str = "ALL"
    method: str = "ACROSS"
    percentage: Decimal | None = None
    amount: Bag | None = None

    @property
    def whole_order(self) -> bool:
        """Tell whether it is an order-level discount in Shopify's sense: on all lines, spread over them."""
        return self.target == "LINE_ITEM" and self.selection == "ALL" and self.method == "ACROSS"


@dataclass(slots=True)
class Duty:
    """Import duty on all units of a line."""

    num: int
    price: Bag
    origin: str
    harmonized_code: str
    taxes: list[Tax] = field(default_factory=list)


@dataclass(slots=True)
class Line:
    """One line: `quantity` and all amounts are of every unit ever ordered, those removed or returned included.

    Args:
        num: number within the order.
        title, variant_title, sku, vendor: as sold; empty for what there was not.
        product, variant: what was sold; None for a custom line, and for goods deleted since.
        quantity: units ordered.
        unit: price of one unit before discounts.
        ships: needs shipping.
        taxable: taxes may be charged.
        gift_card: a gift card is sold.
        tip: no goods but a tip.
        grams: weight of one unit.
        attributes: (key, value) pairs the buyer chose, e.g. an engraving.
        allocations, taxes, duty: what is taken off and added for all units.
        edit: number of the edit that added the line; None for a line of the first hour.
    """

    num: int
    title: str
    quantity: int
    unit: Bag
    variant_title: str = ""
    sku: str = ""
    vendor: str = ""
    product: int | None = None
    variant: int | None = None
    ships: bool = True
    taxable: bool = True
    gift_card: bool = False
    tip: bool = False
    grams: int = 0
    attributes: list[tuple[str, str]] = field(default_factory=list)
    allocations: list[Allocation] = field(default_factory=list)
    taxes: list[Tax] = field(default_factory=list)
    duty: Duty | None = None
    edit: int | None = None

    @property
    def gross(self) -> Bag:
        """Price of all units before discounts."""
        return self.unit if self.quantity == 1 else self.unit.times(self.quantity)

    @property
    def net(self) -> Bag:
        """Price of all units after every discount."""
        if not self.allocations:
            return self.gross
        return self.gross - total(allocation.amount for allocation in self.allocations)

    @property
    def fulfillable(self) -> bool:
        """Tell whether it can be sent at all; a tip cannot."""
        return not self.tip


@dataclass(slots=True)
class Shipping:
    """One shipping charge."""

    num: int
    title: str
    code: str
    price: Bag
    source: str = "shopify"
    carrier: str = ""
    allocations: list[Allocation] = field(default_factory=list)
    taxes: list[Tax] = field(default_factory=list)

    @property
    def net(self) -> Bag:
        """Price after discounts."""
        return self.price - total(allocation.amount for allocation in self.allocations)


@dataclass(slots=True)
class Fee:
    """An additional fee, e.g. for the handling of cash on delivery."""

    num: int
    name: str
    price: Bag
    taxes: list[Tax] = field(default_factory=list)


@dataclass(slots=True)
class Transaction:
    """One payment step, see `OrderTransactionKind` and `OrderTransactionStatus` for the words.

    Args:
        num: number within the order.
        kind: "SALE", "AUTHORIZATION", "CAPTURE", "VOID" or "REFUND".
        status: "SUCCESS", "PENDING", "FAILURE" or "ERROR".
        gateway: name of the gateway, e.g. "shopify_payments" or "Bonifico bancario".
        amount: without the rounding of cash.
        at: microseconds since 1970.
        parent: number of the transaction it follows.
        refund: number of the refund it belongs to.
        test: made in test mode.
        error: code of a failure.
        rounding: what was paid more (or less) because coins do not go down to the cent.
        fee: what the gateway keeps, in the shop's currency.
        expires: when an authorization ends.
    """

    num: int
    kind: str
    status: str
    gateway: str
    amount: Bag
    at: int
    parent: int | None = None
    refund: int | None = None
    test: bool = False
    error: str = ""
    rounding: Bag = NOTHING
    fee: Decimal | None = None
    expires: int | None = None


@dataclass(slots=True)
class RefundLine:
    """Units given back: `tax` is contained in `subtotal` when prices include tax; `sent`: they had been fulfilled."""

    num: int
    line: int
    quantity: int
    subtotal: Bag
    taxes: list[Tax]
    restock: str
    sent: bool

    @property
    def tax(self) -> Bag:
        """All taxes of the units."""
        return total(tax.amount for tax in self.taxes)


@dataclass(slots=True)
class RefundShipping:
    """Shipping given back, all or part of it."""

    num: int
    shipping: int
    subtotal: Bag
    taxes: list[Tax]

    @property
    def tax(self) -> Bag:
        """All taxes of the part."""
        return total(tax.amount for tax in self.taxes)


@dataclass(slots=True)
class Adjustment:
    """How much less (positive) or more (negative) than the goods are worth was given back."""

    num: int
    amount: Bag
    reason: str


@dataclass(slots=True)
class Refund:
    """One refund; `edit` and `back` are the numbers of the edit or return it belongs to.

    `duties` are (line, amount) pairs, `fees` (fee, amount) pairs.
    """

    num: int
    at: int
    note: str = ""
    lines: list[RefundLine] = field(default_factory=list)
    shipping: list[RefundShipping] = field(default_factory=list)
    adjustments: list[Adjustment] = field(default_factory=list)
    duties: list[tuple[int, Bag]] = field(default_factory=list)
    fees: list[tuple[int, Bag]] = field(default_factory=list)
    edit: int | None = None
    back: int | None = None


@dataclass(slots=True)
class Tracking:
    """Where a parcel is: courier, number, address of its page."""

    company: str
    number: str
    url: str


@dataclass(slots=True)
class Fulfillment:
    """One shipment: `lines` are (number of its own, line, quantity)."""

    num: int
    at: int
    updated: int
    lines: list[tuple[int, int, int]]
    tracking: list[Tracking] = field(default_factory=list)
    status: str = "SUCCESS"
    display: str = "FULFILLED"
    delivered: int | None = None
    location: int | None = None
    service: str = "manual"


@dataclass(slots=True)
class Return:
    """One return: `lines` are (number of its own, number of the fulfilment's line, quantity, reason).

    `status`: "REQUESTED", "OPEN", "CLOSED", "DECLINED" or "CANCELED"; `exchange`: lines sent instead.
    """

    num: int
    at: int
    status: str
    lines: list[tuple[int, int, int, str]]
    exchange: list[int] = field(default_factory=list)
    closed: int | None = None
    note: str = ""


@dataclass(slots=True)
class Edit:
    """One committed edit; the lines it added and the refund of what it removed carry its number."""

    num: int
    at: int
    note: str = ""


@dataclass(slots=True)
class Book:
    """The books of one order.

    Args:
        currencies: of all amounts.
        taxes_included: prices include tax.
        created: microseconds since 1970.
        last: the last number given away.
        waiting: why nothing is sent: "ON_HOLD", "SCHEDULED", "IN_PROGRESS", "REQUEST_DECLINED" or "".
        cancelled: when it was cancelled.
    """

    currencies: Currencies
    taxes_included: bool
    created: int
    lines: list[Line] = field(default_factory=list)
    shipping: list[Shipping] = field(default_factory=list)
    discounts: list[Discount] = field(default_factory=list)
    fees: list[Fee] = field(default_factory=list)
    transactions: list[Transaction] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    fulfillments: list[Fulfillment] = field(default_factory=list)
    returns: list[Return] = field(default_factory=list)
    edits: list[Edit] = field(default_factory=list)
    last: int = 0
    waiting: str = ""
    cancelled: int | None = None

    def number(self) -> int:
        """Return the next number of this order."""
        self.last += 1
        return self.last

    def line(self, num: int) -> Line:
        """Return a line by its number."""
        return next(line for line in self.lines if line.num == num)

    def refund_lines(self, num: int) -> Iterator[RefundLine]:
        """Yield what was given back or removed of a line, in order."""
        for refund in self.refunds:
            for gone in refund.lines:
                if gone.line == num:
                    yield gone

    def gone(self) -> dict[int, int]:
        """Return how many units of each line were removed or given back."""
        counts = {line.num: 0 for line in self.lines}
        for refund in self.refunds:
            for part in refund.lines:
                counts[part.line] += part.quantity
        return counts

    def sent(self) -> dict[int, int]:
        """Return how many units of each line were fulfilled."""
        counts = {line.num: 0 for line in self.lines}
        for shipment in self.fulfillments:
            if shipment.status == "SUCCESS":
                for _, line, quantity in shipment.lines:
                    counts[line] += quantity
        return counts

    def to_send(self) -> dict[int, int]:
        """Return how many units of each line are still to be fulfilled."""
        counts = {line.num: line.quantity if line.fulfillable else 0 for line in self.lines}
        for num, quantity in self.sent().items():
            counts[num] -= quantity
        for refund in self.refunds:
            for part in refund.lines:
                if not part.sent:
                    counts[part.line] -= part.quantity
        return {num: max(0, quantity) for num, quantity in counts.items()}

    def shipping_back(self, num: int) -> Bag:
        """Return how much of a shipping charge was given back, without added tax."""
        return total(part.subtotal for refund in self.refunds for part in refund.shipping if part.shipping == num)
