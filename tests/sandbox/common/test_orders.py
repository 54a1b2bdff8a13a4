import itertools
import random
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.common.catalogue import catalogue
from sandbox.common.money import NOTHING, Bag, Currencies, digits_of, total
from sandbox.common.order_codec import dump_book, load_book
from sandbox.common.order_ledger import agreements, expected
from sandbox.common.order_stories import Story
from sandbox.common.order_totals import Totals
from sandbox.common.order_troubles import GIANTS, TROUBLES
from sandbox.common.orders import iter_orders, orders
from sandbox.common.people import EPOCH, people

PEOPLE = [person for person in people(7, 120) if person.in_shopify]
PRODUCTS = [product for product in catalogue(7, 60) if product.in_shopify]
END = int(EPOCH.timestamp()) * 1_000_000
seeds = st.integers(0, 10**9)


@pytest.fixture(scope="module")
def sold():
    return orders(7, 400, PEOPLE, PRODUCTS)


@pytest.fixture(scope="module")
def by_trouble(sold):
    return {order.trouble: order for order in sold if order.trouble}


def sides(bag):
    return bag.shop, bag.shown


def one_of(draw_seed, index):
    """Return one order of any seed and kind without telling those before it."""
    return Story(random.Random(f"orders-{draw_seed}-{index}"), index, PEOPLE, PRODUCTS).told()


any_order = st.builds(one_of, seeds, st.integers(0, 2 * len(TROUBLES) + 60))


def test_the_same_seed_gives_the_same_orders():
    assert orders(7, 60, PEOPLE, PRODUCTS) == orders(7, 60, PEOPLE, PRODUCTS)
    assert orders(7, 60, PEOPLE, PRODUCTS) != orders(8, 60, PEOPLE, PRODUCTS)


def test_more_orders_begin_with_fewer(sold):
    assert orders(7, 120, PEOPLE, PRODUCTS) == sold[:120]


def test_orders_come_one_at_a_time():
    assert next(iter_orders(7, 10**9, PEOPLE, PRODUCTS)).index == 0


@pytest.mark.parametrize("seed", range(4))
def test_other_seeds_tell_orders_of_every_kind_too(seed):
    told = orders(seed, 2 * len(TROUBLES), PEOPLE, PRODUCTS)
    assert {order.trouble for order in told} == {"", *TROUBLES}


def test_orders_need_neither_people_nor_products():
    alone = orders(7, 2 * len(TROUBLES))
    assert all(order.person is None and not order.goods for order in alone)


def test_every_trouble_and_giant_is_there(sold):
    assert {order.trouble for order in sold} == {"", *TROUBLES, *GIANTS.values()}


def test_the_giants_are_giant(by_trouble):
    assert len(by_trouble["giant"].book.lines) > 250
    assert len(by_trouble["many_refunds"].book.refunds) == 60


def test_some_orders_are_older_than_sixty_days(sold):
    old = [order for order in sold if END - order.book.created > 60 * 86_400 * 1_000_000]
    assert 0.15 < len(old) / len(sold) < 0.35


def test_nothing_is_newer_than_the_end_of_the_seed(sold):
    for order in sold:
        moments = [order.updated, *(entry.at for entry in (*order.book.transactions, *order.book.refunds))]
        assert order.book.created <= max(moments) <= END


def test_every_payment_state_occurs(sold):
    states = {Totals(order.book).financial_status(END) for order in sold}
    assert states == {
        "AUTHORIZED", "EXPIRED", "PAID", "PARTIALLY_PAID", "PARTIALLY_REFUNDED", "PENDING", "REFUNDED", "VOIDED",
    }  # fmt: skip


def test_the_usual_fulfilment_states_occur(sold):
    states = {Totals(order.book).fulfillment_status() for order in sold}
    assert states == {
        "FULFILLED", "PARTIALLY_FULFILLED", "UNFULFILLED", "ON_HOLD", "SCHEDULED", "IN_PROGRESS",
        "FULFILLMENT_NOT_REQUIRED",
    }  # fmt: skip


def test_the_return_states_occur(sold):
    states = {Totals(order.book).return_status() for order in sold}
    assert states == {"NO_RETURN", "RETURN_REQUESTED", "IN_PROGRESS", "RETURNED", "RETURN_FAILED"}


@settings(deadline=None)
@given(any_order)
def test_the_sums_of_an_order_are_those_of_its_agreements(order):
    totals, wanted = Totals(order.book), order.expected
    assert totals.original.price == wanted.original
    assert totals.total.price == wanted.total
    assert totals.current.price == wanted.current
    assert totals.total.tax == wanted.tax
    assert totals.total.discounts == wanted.discounts
    assert totals.total.shipping_net == wanted.shipping
    assert totals.total.tips == wanted.tips
    assert totals.total.duties == wanted.duties
    assert totals.total.fees == wanted.fees
    assert totals.current.tax == wanted.current_tax
    assert (totals.received, totals.refunded) == (wanted.received, wanted.refunded)


@settings(deadline=None)
@given(any_order)
def test_the_terms_of_an_order_sum_to_its_price(order):
    for sums in (Totals(order.book).original, Totals(order.book).total):
        price = sums.gross - sums.discounts + sums.shipping + sums.duties + sums.fees + sums.tips
        assert sums.price == (price if order.book.taxes_included else price + sums.tax)


@settings(deadline=None)
@given(any_order)
def test_taxes_are_those_of_the_law_rounded_half_up(order):
    book = order.book
    priced = [(entry.net, entry.taxes) for entry in (*book.lines, *book.shipping)]
    priced += [(fee.price, fee.taxes) for fee in book.fees]
    for net, taxes in priced:
        rates = sum((Fraction(entry.rate) for entry in taxes), Fraction(0))
        for entry in taxes:
            share = Fraction(entry.rate) / (1 + rates) if book.taxes_included else Fraction(entry.rate)
            for price, amount, currency in zip(
                sides(net), sides(entry.amount), (book.currencies.shop, book.currencies.shown), strict=True
            ):
                assert amount == half_up(Fraction(price) * share, digits_of(currency))


def half_up(value, digits):
    scaled = value * 10**digits
    cents = (abs(scaled) + Fraction(1, 2)).__floor__()
    return Decimal(cents if scaled >= 0 else -cents).scaleb(-digits)


@settings(deadline=None)
@given(any_order)
def test_a_discount_over_all_lines_takes_exactly_what_it_says(order):
    book = order.book
    money = book.currencies
    for index, wanted in enumerate(book.discounts):
        if not wanted.whole_order:
            continue
        lines = [line for line in book.lines if line.edit is None and not line.tip and not line.gift_card]
        base = total(
            line.gross - total(part.amount for part in line.allocations if part.discount < index) for line in lines
        )
        taken = total(part.amount for line in lines for part in line.allocations if part.discount == index)
        if wanted.percentage is not None:
            assert taken == money.percent(base, wanted.percentage)
        else:
            assert sides(taken) == tuple(map(min, sides(wanted.amount), sides(base)))


@settings(deadline=None)
@given(any_order)
def test_no_line_costs_less_than_nothing(order):
    for line in (*order.book.lines, *order.book.shipping):
        assert min(sides(line.net)) >= 0


@settings(deadline=None)
@given(any_order)
def test_amounts_have_no_more_digits_than_their_currency(order):
    money = order.book.currencies
    bags = [line.net for line in order.book.lines] + [entry.amount for entry in order.book.transactions]
    bags += [tax.amount for line in order.book.lines for tax in line.taxes]
    for bag in bags:
        for amount, currency in zip(sides(bag), (money.shop, money.shown), strict=True):
            assert amount == amount.quantize(Decimal(1).scaleb(-digits_of(currency)), ROUND_HALF_UP)


@settings(deadline=None)
@given(any_order)
def test_money_given_back_is_money_received(order):
    totals = Totals(order.book)
    assert min(sides(totals.received - totals.refunded)) >= 0
    for refund in order.book.refunds:
        moved = [entry for entry in order.book.transactions if entry.refund == refund.num]
        assert all(entry.kind == "REFUND" and entry.parent is not None for entry in moved)


@settings(deadline=None)
@given(any_order)
def test_no_more_units_leave_or_come_back_than_were_sold(order):
    book = order.book
    gone, sent, left = book.gone(), book.sent(), book.to_send()
    for line in book.lines:
        assert 0 <= gone[line.num] <= line.quantity
        assert 0 <= sent[line.num] <= line.quantity
        assert sent[line.num] + left[line.num] <= line.quantity


@settings(deadline=None)
@given(any_order)
def test_books_survive_their_document(order):
    assert load_book(dump_book(order.book)) == order.book
    assert expected(load_book(dump_book(order.book))) == order.expected


def test_a_cancelled_order_is_worth_nothing(sold):
    cancelled = [order for order in sold if order.book.cancelled]
    assert len({order.cancel_reason for order in cancelled}) == 6
    assert all(Totals(order.book).current.price == NOTHING for order in cancelled)
    assert all(Totals(order.book).current.tax == NOTHING for order in cancelled)


def test_what_was_refunded_completely_is_worth_nothing(by_trouble):
    totals = Totals(by_trouble["refund_all"].book)
    assert totals.current.price == NOTHING
    assert totals.refunded == totals.received


def test_units_given_back_one_by_one_sum_to_the_line(by_trouble):
    book = by_trouble["many_refunds"].book
    line = book.lines[0]
    assert total(part.subtotal for part in book.refund_lines(line.num)) == line.net
    assert total(part.tax for part in book.refund_lines(line.num)) == total(tax.amount for tax in line.taxes)


def test_a_free_order_has_no_payment(by_trouble):
    book = by_trouble["free_order"].book
    assert Totals(book).total.price == NOTHING
    assert book.transactions == []


def test_cash_is_rounded_to_five_cents(by_trouble):
    [payment] = by_trouble["cash_rounding"].book.transactions
    assert (payment.amount + payment.rounding).shop % Decimal("0.05") == 0


def test_a_pending_refund_changes_nothing_yet(by_trouble):
    book = by_trouble["refund_pending"].book
    totals = Totals(book)
    assert totals.refunded == NOTHING
    assert totals.current.price == totals.total.price
    assert {entry.reason for refund in book.refunds for entry in refund.adjustments} == {"PENDING_REFUND_DISCREPANCY"}


def test_a_removed_line_stays_with_nothing_left(by_trouble):
    book = by_trouble["removed_line"].book
    assert book.gone()[book.lines[0].num] == book.lines[0].quantity
    assert book.edits


def test_an_exchange_is_a_return_with_another_line(by_trouble):
    book = by_trouble["exchange"].book
    [back] = book.returns
    assert [book.line(num).edit for num in back.exchange] == [book.edits[0].num]
    assert {"ORDER", "ORDER_EDIT", "REFUND", "RETURN"} == {entry.reason for entry in agreements(book)}


def test_mixed_orders_carry_several_rates(by_trouble):
    rates = {tax.rate for line in by_trouble["mixed_rates"].book.lines for tax in line.taxes}
    assert rates == {Decimal("0.22"), Decimal("0.10"), Decimal("0.04")}


@given(
    amount=st.integers(0, 10**7),
    weights=st.lists(st.integers(0, 10**6), min_size=1, max_size=30),
)
def test_a_spread_amount_is_complete_and_fair(amount, weights):
    whole = Bag(Decimal(amount).scaleb(-2), Decimal(amount).scaleb(-2))
    bags = [Bag(Decimal(weight).scaleb(-2), Decimal(weight).scaleb(-2)) for weight in weights]
    shares = Currencies().spread(whole, bags)
    if any(weights):
        assert total(shares) == whole
    for share, weight in zip(shares, weights, strict=True):
        fair = Fraction(amount) * weight / sum(weights) / 100 if any(weights) else 0
        assert abs(Fraction(share.shop) - fair) < Fraction(1, 100)


@given(
    amount=st.integers(-(10**6), 10**7),
    quantity=st.integers(1, 60),
    cuts=st.lists(st.integers(0, 60), max_size=6),
)
def test_units_always_sum_to_the_whole(amount, quantity, cuts):
    money = Currencies("EUR", "JPY")
    whole = Bag(Decimal(amount).scaleb(-2), Decimal(amount))
    marks = [0, *sorted(min(cut, quantity) for cut in cuts), quantity]
    parts = [money.units(whole, quantity, low, high - low) for low, high in itertools.pairwise(marks)]
    assert total(parts) == whole
