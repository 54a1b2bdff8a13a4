"""The connection test, capabilities, look-ups and missing rights."""

import pytest

from shopify_fw360 import errors
from shopify_fw360.errors import SyncError
from shopify_fw360.framework360 import lookups, wire
from shopify_fw360.framework360.wire import Capability


def test_a_healthy_site_has_nothing_to_warn_of(site):
    result = site.client().check()
    assert result.site == "sandbox.framework360.example"
    assert "createcustomer" in result.functions
    assert (result.currency, result.timezone, result.prices_include_tax) == ("EUR", "Europe/Rome", True)
    assert result.vendor_plugin_active is False
    assert result.warnings == ()


def test_a_site_may_keep_its_functions_to_itself(site):
    site.quirk(check_lists_functions=False)
    result = site.client().check()
    assert result.functions is None
    assert result.warnings == ()


@pytest.mark.parametrize("denied_as", ["envelope", "http"])
def test_a_wrong_key_stops_everything(site, denied_as):
    site.quirk(denied_as=denied_as)
    with pytest.raises(SyncError) as caught:
        site.client(key="wrong").check()
    assert caught.value.code is errors.FW360_KEY
    assert caught.value.reaction is errors.Reaction.STOP_ALL


def test_the_vendors_own_plugin_stops_us(site):
    site.quirk(shopify_plugin_active=True)
    with pytest.raises(SyncError, match="SYNC-411"):
        site.client().check()


def test_the_vendors_own_plugin_can_be_accepted(site):
    site.quirk(shopify_plugin_active=True)
    result = site.client(site={"allow_vendor_plugin": True}).check()
    assert result.vendor_plugin_active is True
    assert any("plugin is active" in warning for warning in result.warnings)


def test_missing_functions_are_named_before_anything_fails(site):
    site.quirk(keys={"sandbox-key": ["updatecustomer", "read_plugin"]})
    result = site.client().check()
    assert result.vendor_plugin_active is None
    assert any("tick the function updatecustomer" in warning for warning in result.warnings)
    assert any("read_plugin" in warning for warning in result.warnings)


def test_another_time_zone_is_pointed_out(site):
    site.quirk(timezone="Europe/Lisbon")
    assert any("Europe/Lisbon" in warning for warning in site.client().check().warnings)


def test_options_win_over_what_the_site_says(site):
    result = site.client(site={"currency": "CHF", "prices_include_tax": False}).check()
    assert (result.currency, result.prices_include_tax) == ("CHF", False)


@pytest.mark.parametrize("denied_as", ["envelope", "http"])
@pytest.mark.parametrize("style", ["code", "nested"])
@pytest.mark.parametrize(
    ("call", "function"),
    [
        (wire.CUSTOMERS_LIST, "read_customer"),
        (wire.CUSTOMERS_REGISTRATION, "createcustomer"),
        (wire.ORDERS_LIST, "read_order"),
    ],
)
def test_a_missing_right_names_its_function(site, denied_as, style, call, function):
    site.quirk(keys={"sandbox-key": [function]}, denied_as=denied_as, error_style=style)
    with pytest.raises(SyncError, match=f"tick the function {function}") as caught:
        site.client().call(call)
    assert caught.value.code is errors.FW360_PERMISSION


# Capabilities --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("style", ["html", "envelope"])
def test_a_probe_finds_out_what_a_site_lacks(site, style):
    site.quirk(capabilities_off=["marketing_lists"], unknown_endpoint=style)
    client = site.client()
    assert not client.capabilities.standing(Capability.MARKETING_LISTS).on
    site.forget_calls()
    with pytest.raises(SyncError, match="marketing_lists is off: the site has no call marketing/lists") as caught:
        client.call(wire.MARKETING_LISTS)
    assert caught.value.code is errors.FW360_OFF
    assert site.control.metrics()["requests"] == 0


def test_a_probe_is_made_once(site):
    client = site.client()
    site.forget_calls()
    for _ in range(3):
        assert client.capabilities.standing(Capability.MARKETING_LISTS).on
    assert site.calls("marketingLists") == 1


def test_a_probe_without_an_answer_decides_nothing(site):
    client = site.client(limits={"tries": 1})
    site.control.add_fault("http_status", match={"operation": "marketingLists"}, times=1)
    with pytest.raises(SyncError, match="SYNC-408"):
        client.capabilities.standing(Capability.MARKETING_LISTS)
    assert client.capabilities.standing(Capability.MARKETING_LISTS).on


def test_a_capability_that_is_switched_off_is_never_called(site):
    client = site.client(capabilities={"marketing_lists": "off"})
    site.forget_calls()
    with pytest.raises(SyncError, match="switched off"):
        client.call(wire.MARKETING_LISTS)
    assert site.control.metrics()["requests"] == 0


def test_a_capability_that_is_switched_on_is_not_probed(site):
    client = site.client(capabilities={"marketing_lists": "on"})
    site.forget_calls()
    client.call(wire.MARKETING_LISTS)
    assert site.calls("marketingLists") == 1


def test_a_refused_call_turns_its_capability_off(site):
    client = site.client(capabilities={"marketing_lists": "on"})
    site.quirk(keys={"sandbox-key": ["read_list"]})
    with pytest.raises(SyncError, match="SYNC-402"):
        client.call(wire.MARKETING_LISTS)
    assert "tick the function read_list" in client.capabilities.standing(Capability.MARKETING_LISTS).reason


def test_what_cannot_be_probed_without_writing_is_off(site):
    standing = site.client(capabilities={"orders_update": "probe"}).capabilities.standing(Capability.ORDERS_UPDATE)
    assert not standing.on
    assert "cannot be probed" in standing.reason


# Look-ups ------------------------------------------------------------------------------------------------------------


def test_marketing_lists_have_names(site):
    assert lookups.marketing_lists(site.client())["3"] == "Newsletter"


def test_marketing_lists_can_be_given_by_hand(site):
    site.quirk(capabilities_off=["marketing_lists"])
    assert lookups.marketing_lists(site.client(marketing={"lists": {"3": "Novità"}})) == {"3": "Novità"}


def test_tags_come_as_texts_or_objects(site):
    plain = lookups.marketing_tags(site.client())
    site.quirk(tags_as="object")
    assert lookups.marketing_tags(site.client()) == plain
    assert "vip" in {tag.casefold() for tag in plain}


def test_sources_have_names(site):
    assert lookups.customer_sources(site.client())["6"] == "API"
