"""Options of the connection: the assumption register, checked before anything runs."""

import pytest

from shopify_fw360.errors import CONNECTION_INVALID, SyncError
from shopify_fw360.framework360 import wire
from shopify_fw360.framework360.options import SiteOptions


@pytest.mark.parametrize("extra", [None, "", "  ", "{}", {}])
def test_no_extra_means_the_defaults_of_the_contract(extra):
    options = SiteOptions.parse(extra)
    assert options.limits.requests_per_second == 2
    assert options.limits.in_flight == 1
    assert options.paging.size == 100
    assert options.site.timezone == "Europe/Rome"
    assert options.customers.update_billing == "both"
    assert options.readback.tries == 2
    assert not options.customers.allow_registration_upsert


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        ({"limit": {}}, "limit: this option does not exist"),
        ({"limits": {"in_fligth": 2}}, "limits.in_fligth: this option does not exist"),
        ({"limits": {"tries": 0}}, "limits.tries"),
        ({"site": {"timezone": "Rome"}}, "IANA"),
        ({"errors": {"table": {"Boh": "no_such_code"}}}, "no_such_code"),
        ({"encoding": {"calls": {"customers/updaet": "form"}}}, "customers/updaet"),
        ({"capabilities": {"teleport": "on"}}, "capabilities.teleport"),
        ({"customers": {"update_billing": "sideways"}}, "customers.update_billing"),
        ("{", "not JSON"),
        ("[]", "extra"),
    ],
)
def test_a_wrong_option_is_named(extra, says):
    with pytest.raises(SyncError, match="SYNC-106") as caught:
        SiteOptions.parse(extra)
    assert caught.value.code is CONNECTION_INVALID
    assert says in str(caught.value)


def test_one_call_can_be_encoded_differently():
    options = SiteOptions.parse({"encoding": {"calls": {"customers/update": "form"}}})
    assert options.encoding.of(wire.CUSTOMERS_UPDATE) == "form"
    assert options.encoding.of(wire.CUSTOMERS_REGISTRATION) == "json"
