"""A page of the site that waits in the queue while the other direction writes to its records reverts no edit."""

from __future__ import annotations

import time

from tests.end_to_end.world import INTO_SHOP, INTO_SITE


def test_an_edit_carried_over_meanwhile_is_not_reverted_even_if_the_site_had_more_to_tell(empty_world):
    world = empty_world
    customer = world.shop.create(email="ada@example.com", firstName="Ada", lastName="Before")
    world.sync(INTO_SITE)
    time.sleep(1.1)  # the site's times have whole seconds
    world.shop.update(customer, lastName="After")
    # Its first run: the number and sum of the sales still wait to be carried into the shop.
    run_id = world.stage(INTO_SHOP)
    world.sync(INTO_SITE)
    world.drain(INTO_SHOP, run_id)
    assert world.shop.read(customer)["lastName"] == "After"
