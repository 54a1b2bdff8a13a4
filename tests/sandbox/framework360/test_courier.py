import asyncio

import httpx
import pytest

from sandbox.framework360 import courier
from sandbox.framework360.courier import Courier, Webhook


@pytest.fixture
def hook():
    return Webhook(1, "http://127.0.0.1:9/hook", frozenset({"order.created"}), "", None, "")


def test_the_queue_is_bounded_and_counts_what_it_loses(monkeypatch, hook):
    monkeypatch.setattr(courier, "MOST_WAITING", 3)

    async def never(request):
        await asyncio.sleep(60)
        return httpx.Response(200)

    async def story():
        async with httpx.AsyncClient(transport=httpx.MockTransport(never)) as client:
            sender = Courier(7, client)
            sender.webhooks[hook.id] = hook
            for _ in range(5):
                sender.send("order.created", "2026-01-01 00:00:00", "site.example", lambda _: {"id": 1})
            await asyncio.sleep(0)
            state = sender.state()
            sender.close()
            for _ in range(50):  # a cancelled task ends step by step
                await asyncio.sleep(0)
            return state, sender.state()

    state, after = asyncio.run(story())
    assert (state["waiting"], state["overflowed"]) == (3, 2)
    assert after["waiting"] == 0
