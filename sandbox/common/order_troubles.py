"""What makes orders hard, and which order is hard in which way."""

from __future__ import annotations

TROUBLES = (
    "net_prices", "mixed_rates", "two_sales_taxes", "tax_exempt", "marketplace_tax",
    "presentment_usd", "presentment_gbp", "presentment_chf", "presentment_jpy",
    "code_percent_order", "code_fixed_order", "code_each_line", "automatic_lines", "automatic_order", "manual_each",
    "manual_order", "script_lines", "stacked_discounts", "free_order", "free_shipping", "shipping_discount",
    "two_shipments_charged", "custom_line", "service_only", "deleted_product", "gift_card_line", "tip", "tip_only",
    "duties", "additional_fee", "cash_rounding",
    "gift_card_payment", "split_payment", "authorized", "authorization_expired", "captured", "captured_in_part",
    "voided", "failed_then_paid", "bank_pending", "bank_paid", "cod_pending", "cod_paid", "unknown_gateway",
    "bogus_test",
    "partly_fulfilled", "several_parcels", "parcel_cancelled", "on_hold", "scheduled", "in_progress",
    "removed_line", "added_line", "reduced_line", "edited_in_part_paid",
    "refund_line", "refund_units", "refund_shipping", "refund_less", "refund_more", "refund_money_only",
    "refund_without_money", "refund_all", "refund_pending", "refund_twice",
    "return_requested", "return_open", "return_closed", "return_declined", "exchange",
    "cancelled_customer", "cancelled_declined", "cancelled_fraud", "cancelled_inventory", "cancelled_other",
    "cancelled_staff",
    "company_buyer", "guest", "no_email", "phone_only", "no_address", "hostile_texts", "archived", "zero_price",
    "nothing_stated",
)  # fmt: skip
"""Every trouble once in 2 * len(TROUBLES) orders."""
GIANT_CYCLE = 400
GIANTS = {200: "giant", 210: "many_refunds"}
"""Position in a run of GIANT_CYCLE orders to what is huge: 300 lines, or 60 refunds."""


def trouble_of(index: int) -> str:
    """Return what makes an order hard: a giant, one of TROUBLES for odd numbers, "" for an ordinary one."""
    if index % 2:
        return TROUBLES[(index // 2) % len(TROUBLES)]
    return GIANTS.get(index % GIANT_CYCLE, "")
