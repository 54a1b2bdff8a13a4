"""Reads an answer that may come in drops: the time-out of a socket starts anew with each of them."""

from __future__ import annotations

import time

import requests
import urllib3


def read_within(response: requests.Response, ends: float, limit: float) -> bytes:
    """Read the whole body of a streamed answer.

    Args:
        response: asked for with ``stream=True``.
        ends: by the monotonic clock, when it must have come.
        limit: how many seconds that were, for the message.

    Returns:
        The body, decompressed.

    Raises:
        requests.ReadTimeout: it did not come in time.
        requests.ConnectionError: it ended early or is garbled.
    """
    content = bytearray()
    try:
        while chunk := response.raw.read1(65_536, decode_content=True):
            content += chunk
            if time.monotonic() > ends:
                raise requests.ReadTimeout(f"no complete answer within {limit:.0f} s")
    except urllib3.exceptions.HTTPError as error:
        raise requests.ConnectionError(error) from error
    return bytes(content)
