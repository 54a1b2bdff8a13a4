"""How close the client comes to what the site's latency allows."""

import time

import pytest

LATENCY = 0.030
IN_FLIGHT = 8


@pytest.mark.bench
def test_fetching_is_bound_by_the_sites_latency(site, record_property):
    customers = site.customers(limits={"in_flight": IN_FLIGHT})
    ids = [str(number) for number in range(1001, 1001 + site.control.state()["records"]["customers"])]
    site.control.set_latency(LATENCY * 1000)
    customers.fetch(ids[:IN_FLIGHT])
    started = time.monotonic()
    assert len(customers.fetch(ids)) == len(ids)
    share = (len(ids) / (time.monotonic() - started)) / (IN_FLIGHT / LATENCY)
    record_property("share_of_latency_bound", share)
    assert share > 0.8, f"{share:.1%} of the latency bound"
