"""Operations of the group "payments"."""

from __future__ import annotations

from typing import Any

from sandbox.common.backend import ApiResponse
from sandbox.framework360.calls import Call, Context
from sandbox.framework360.lookups import MAIN_TAX, PAYMENTS, TAXES


def _list(context: Context, _: dict[str, Any]) -> ApiResponse:
    answers, ids = context.answers, context.lookups.payment_ids
    return answers.success(
        [{"id": ids[key], "nome": entry.nome, "active": answers.flag(entry.active)} for key, entry in PAYMENTS.items()]
    )


def _taxes(context: Context, _: dict[str, Any]) -> ApiResponse:
    answers, ids = context.answers, context.lookups.tax_ids
    return answers.success(
        [
            {
                "id": ids[key],
                "nome": entry.nome,
                "aliquota": float(entry.rate),
                "default": answers.flag(key == MAIN_TAX),
            }
            for key, entry in TAXES.items()
        ]
    )


CALLS = {
    "paymentsList": Call("read_payment", _list),
    "paymentsTaxes": Call("read_tax", _taxes),
}
