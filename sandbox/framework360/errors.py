"""The refusal every operation may raise."""

from __future__ import annotations


class RefusedError(Exception):
    """A call that fails by the rules of the site.

    Args:
        code: error code of the contract.
        detail: text after the message, e.g. the field.
    """

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
