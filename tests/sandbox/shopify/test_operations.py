"""The example operations of the contract run as they stand."""

import pytest

CONSENT = {"marketingState": "SUBSCRIBED", "marketingOptInLevel": "SINGLE_OPT_IN"}
READS = {
    "01": {},
    "02": {},
    "03": {"search": "updated_at:>='2025-01-01T00:00:00Z'"},
    "05": {"identifier": {"emailAddress": "nobody@example.com"}},
}


@pytest.mark.parametrize("number", READS)
def test_a_read_runs_without_errors_and_reports_its_cost(shop, operation_text, number):
    answer = shop.answer(operation_text(number), READS[number])
    assert "errors" not in answer
    assert answer["extensions"]["cost"]["requestedQueryCost"] > 0


def test_the_incremental_read_delivers_whole_customers(shop, operation_text):
    page = shop.data(operation_text("03"), READS["03"])["customers"]
    changed = [node["updatedAt"] for node in page["nodes"]]
    assert changed == sorted(changed)
    assert all(node["legacyResourceId"] == node["id"].rsplit("/", 1)[1] for node in page["nodes"])
    assert any(node["defaultAddress"] and node["defaultAddress"]["country"] == "Italy" for node in page["nodes"])


def test_an_upsert_writes_what_a_lookup_reads(shop, operation_text):
    shop.define()
    custom_id = {"customId": {"namespace": "$app", "key": "crm_id", "value": "4711"}}
    payload = shop.upsert(custom_id, email="a@example.com", firstName="Ada", tags=["crm"])
    found = shop.data(operation_text("05"), {"identifier": custom_id})["customerByIdentifier"]
    assert found["id"] == payload["customer"]["id"]
    assert found["crmId"]["value"] == "4711"


def test_consent_by_mail_and_sms(shop, operation_text):
    gid = shop.create(email="a@example.com", phone="+393471234567")
    mail = {"email": {"customerId": gid, "emailMarketingConsent": CONSENT}}
    sms = {"sms": {"customerId": gid, "smsMarketingConsent": CONSENT}}
    by_mail = shop.data(operation_text("07"), mail, "CustomerEmailConsent")["customerEmailMarketingConsentUpdate"]
    by_sms = shop.data(operation_text("07"), sms, "CustomerSmsConsent")["customerSmsMarketingConsentUpdate"]
    assert by_mail["customer"]["defaultEmailAddress"]["marketingState"] == "SUBSCRIBED"
    assert by_sms["customer"]["defaultPhoneNumber"]["smsMarketingConsent"]["state"] == "SUBSCRIBED"


def test_tags_are_removed_and_added_in_order(shop, operation_text):
    gid = shop.create(email="a@example.com", tags=["crm:lead", "own"])
    payload = shop.data(operation_text("08"), {"id": gid, "add": ["crm:vip"], "remove": ["crm:lead"]})
    assert payload["added"]["node"]["tags"] == ["crm:vip", "own"]


def test_a_definition_is_created_and_read_back(shop, operation_text):
    shop.define()
    read = shop.data(operation_text("17"), {"ownerType": "CUSTOMER", "key": "crm_id"}, "DefinitionRead")
    [definition] = read["metafieldDefinitions"]["nodes"]
    assert definition["namespace"].startswith("app--")
    assert definition["capabilities"]["uniqueValues"]["enabled"] is True


def test_metafields_are_written(shop):
    gid = shop.create(email="a@example.com")
    entry = {"ownerId": gid, "namespace": "$app", "key": "balance", "type": "number_decimal", "value": "129.90"}
    [written] = shop.set_metafields(entry)["metafields"]
    assert written["value"] == "129.90"


def test_a_subscription_lives_and_ends(shop, operation_text):
    given = {"uri": "https://sync.example.com/hooks", "format": "JSON", "name": "sync-customers"}
    text = operation_text("19")
    created = shop.data(text, {"topic": "CUSTOMERS_UPDATE", "sub": given}, "WebhookCreate")
    gid = created["webhookSubscriptionCreate"]["webhookSubscription"]["id"]
    moved = {"id": gid, "sub": {"uri": "https://sync.example.com/other"}}
    shop.data(text, moved, "WebhookUpdate")
    [listed] = shop.data(text, {}, "WebhookList")["webhookSubscriptions"]["nodes"]
    assert listed["uri"] == "https://sync.example.com/other"
    shop.data(text, {"id": gid}, "WebhookDelete")
    assert shop.data(text, {}, "WebhookList")["webhookSubscriptions"]["nodes"] == []
