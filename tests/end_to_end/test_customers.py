"""Stories of customers, told with both real systems: what people do on either side, and what the other side shows."""

from __future__ import annotations

import pytest

from shopify_fw360.records import Entity, Outcome, System
from shopify_fw360.sync.run import Mode
from tests.end_to_end.world import INTO_SHOP, INTO_SITE

ADA = {
    "email": "ada.lovelace@example.com",
    "firstName": "Ada",
    "lastName": "Lovelace",
    "phone": "+393471234567",
    "tags": ["vip"],
    "addresses": [
        {"address1": "Via Garibaldi 1", "city": "Milano", "zip": "20121", "provinceCode": "MI", "countryCode": "IT"}
    ],
}
GRACE = {"email": "grace@example.it", "nome": "Grazia", "cognome": "Rossi", "telefono": "+393477654321"}


@pytest.fixture
def linked(empty_world):
    """Ada, known on both sides and in agreement."""
    shop_id = empty_world.shop.create(**ADA)
    empty_world.sync_both()
    return empty_world, shop_id, empty_world.counterpart(System.SHOPIFY, shop_id)


class TestFromTheShop:
    def test_a_new_customer_appears_complete_in_the_site(self, empty_world):
        shop_id = empty_world.shop.create(
            **ADA | {"addresses": [ADA["addresses"][0] | {"company": "Analitica S.r.l."}]},
            metafields=[
                {"namespace": "custom", "key": "piva", "type": "single_line_text_field", "value": "01234567897"}
            ],
        )
        report = empty_world.sync(INTO_SITE)
        assert report.outcomes == {Outcome.CREATED: 1}
        customer = empty_world.site.read(empty_world.counterpart(System.SHOPIFY, shop_id))
        billing = customer["dati_fatturazione"]
        assert (customer["nome"], customer["cognome"]) == ("Ada", "Lovelace")
        assert customer["email"].casefold() == "ada.lovelace@example.com"
        assert "+393471234567" in (customer["telefono_cellulare"], customer["telefono_casa"])
        assert (billing["comune"], billing["citta"], billing["cap"]) == ("Milano", "MI", "20121")
        assert (billing["ragione_sociale"], billing["piva"]) == ("Analitica S.r.l.", "01234567897")
        assert customer["tags"] == ["vip"]

    def test_a_customer_without_e_mail_is_parked_with_the_reason_and_the_others_arrive(self, empty_world):
        lost = empty_world.shop.create(firstName="Nur", lastName="Telefon", phone="+393471111111")
        found = empty_world.shop.create(**ADA)
        report = empty_world.sync(INTO_SITE)
        assert report.outcomes == {Outcome.CREATED: 1, Outcome.PARKED: 1}
        assert empty_world.parked(INTO_SITE) == {lost: "SYNC-201"}
        assert empty_world.counterpart(System.SHOPIFY, found)

    def test_a_parked_customer_arrives_once_the_cause_is_mended(self, empty_world):
        lost = empty_world.shop.create(firstName="Nur", lastName="Telefon", phone="+393471111111")
        empty_world.sync(INTO_SITE)
        empty_world.shop.update(lost, email="nur@example.com")
        assert empty_world.sync(INTO_SITE).outcomes == {Outcome.CREATED: 1}
        assert empty_world.parked(INTO_SITE) == {}

    def test_an_unchanged_parked_customer_is_not_tried_again(self, empty_world):
        empty_world.shop.create(firstName="Nur", lastName="Telefon", phone="+393471111111")
        empty_world.sync(INTO_SITE)
        assert empty_world.sync(INTO_SITE).finished == 0

    def test_a_customer_known_on_both_sides_is_linked_and_not_doubled(self, empty_world):
        shop_id = empty_world.shop.create(**ADA)
        site_id = empty_world.site.create(email="ADA.Lovelace@example.com", nome="Ada", cognome="Lovelace")
        report = empty_world.sync(INTO_SITE)
        assert report.outcomes == {Outcome.LINKED: 1}
        assert empty_world.counterpart(System.SHOPIFY, shop_id) == site_id
        assert len(empty_world.site.all()) == 1


class TestFromTheSite:
    def test_a_new_customer_appears_in_the_shop_with_its_external_id(self, empty_world):
        site_id = empty_world.site.create(**GRACE, tags=["grossista"])
        assert empty_world.sync(INTO_SHOP).outcomes == {Outcome.CREATED: 1}
        customer = empty_world.shop.read(empty_world.counterpart(System.FRAMEWORK360, site_id))
        assert (customer["firstName"], customer["lastName"]) == ("Grazia", "Rossi")
        assert customer["defaultEmailAddress"]["emailAddress"] == "grace@example.it"
        assert customer["defaultPhoneNumber"]["phoneNumber"] == "+393477654321"
        assert customer["tags"] == ["grossista"]
        assert customer["fw360_id"]["value"] == site_id

    def test_a_customer_deleted_in_the_site_loses_its_link_and_stays_in_the_shop(self, linked):
        world, shop_id, site_id = linked
        world.site.delete(site_id)
        world.sync(INTO_SHOP)
        assert world.link_of(System.FRAMEWORK360, site_id) is not None, "one scan is not enough to believe a deletion"
        report = world.sync(INTO_SHOP)
        assert report.outcomes == {Outcome.UNLINKED: 1}
        assert world.link_of(System.FRAMEWORK360, site_id) is None
        assert world.shop.read(shop_id)["firstName"] == "Ada"

    def test_a_customer_deleted_in_the_site_is_not_registered_again_by_the_next_change(self, linked):
        world, shop_id, site_id = linked
        world.site.delete(site_id)
        world.sync(INTO_SHOP)
        world.sync(INTO_SHOP)
        world.shop.update(shop_id, note="still here")
        world.sync(INTO_SITE, Mode.FULL)
        assert world.site.all() == []


class TestPlaceholders:
    """A person without a name in the shop has one in the site that means nothing."""

    @pytest.fixture
    def nameless(self, empty_world):
        customer = empty_world.shop.create(firstName="-", lastName=".", email="ada@example.com")
        empty_world.sync_both()
        return customer

    def test_a_name_filled_in_at_the_site_reaches_the_shop(self, empty_world, nameless):
        site_id = empty_world.counterpart(System.SHOPIFY, nameless)
        assert empty_world.site.read(site_id)["cognome"] == "Non indicato"
        empty_world.site.update(site_id, nome="Ada", cognome="Neri")
        empty_world.sync_both()
        after = empty_world.shop.read(nameless)
        assert (after["firstName"], after["lastName"]) == ("Ada", "Neri")

    def test_a_name_filled_in_at_the_shop_reaches_the_site(self, empty_world, nameless):
        empty_world.shop.update(nameless, firstName="Ada", lastName="Neri")
        empty_world.sync_both()
        after = empty_world.site.read(empty_world.counterpart(System.SHOPIFY, nameless))
        assert (after["nome"], after["cognome"]) == ("Ada", "Neri")

    def test_nothing_travels_back_as_long_as_nobody_fills_it_in(self, empty_world, nameless):
        with empty_world.counting_writes() as writes:
            empty_world.sync_both()
        assert writes == {"shopify": 0, "framework360": 0}
        assert empty_world.shop.read(nameless)["lastName"] == "."


class TestBothAtOnce:
    def test_a_name_changed_in_the_shop_and_a_phone_changed_in_the_site_both_survive(self, linked):
        world, shop_id, site_id = linked
        world.shop.update(shop_id, firstName="Augusta")
        world.site.update(site_id, telefono="+393479999999")
        world.sync_both()
        in_shop, in_site = world.shop.read(shop_id), world.site.read(site_id)
        assert in_shop["firstName"] == in_site["nome"] == "Augusta"
        assert in_shop["defaultPhoneNumber"]["phoneNumber"] == "+393479999999"
        assert "+393479999999" in (in_site["telefono_cellulare"], in_site["telefono_casa"])

    def test_the_order_of_the_two_runs_makes_no_difference(self, linked):
        world, shop_id, site_id = linked
        world.shop.update(shop_id, firstName="Augusta")
        world.site.update(site_id, telefono="+393479999999")
        world.sync(INTO_SHOP)
        world.sync(INTO_SITE)
        assert world.site.read(site_id)["nome"] == "Augusta"
        assert world.shop.read(shop_id)["defaultPhoneNumber"]["phoneNumber"] == "+393479999999"

    @pytest.mark.parametrize("first", [INTO_SITE, INTO_SHOP])
    def test_when_both_change_the_same_field_the_policy_decides_and_the_journal_says_why(self, linked, first):
        world, shop_id, site_id = linked
        policy = world.pair.mapping(INTO_SITE).fields["nome"].merge
        world.shop.update(shop_id, firstName="Augusta")
        world.site.update(site_id, nome="Adele")
        world.sync(first)
        world.sync(first.reverse)
        winner = "Augusta" if policy == "shopify" else "Adele"
        assert world.shop.read(shop_id)["firstName"] == winner
        assert world.site.read(site_id)["nome"] == winner
        with world.store.read() as tx:
            story = tx.story(Entity.CUSTOMER, {System.SHOPIFY: shop_id, System.FRAMEWORK360: site_id})
        assert any("policy" in reason for entry in story for reason in entry.reasons.values())


class TestConsent:
    def consents(self, world, shop_id, site_id):
        state = world.shop.read(shop_id)["defaultEmailAddress"]["marketingState"]
        return state == "SUBSCRIBED", bool(int(world.site.read(site_id)["marketing_active"]))

    def test_an_opt_in_in_the_shop_reaches_the_site(self, linked):
        world, shop_id, site_id = linked
        world.shop.set_consent(shop_id, "SUBSCRIBED")
        world.sync_both()
        assert self.consents(world, shop_id, site_id) == (True, True)

    def test_an_opt_in_in_the_site_reaches_the_shop_with_its_level(self, linked):
        world, shop_id, site_id = linked
        world.site.update(site_id, marketing_active=True)
        world.sync_both()
        assert self.consents(world, shop_id, site_id) == (True, True)
        assert world.shop.read(shop_id)["defaultEmailAddress"]["marketingOptInLevel"] == "SINGLE_OPT_IN"

    @pytest.mark.parametrize("side", ["shop", "site"])
    def test_an_opt_out_on_one_side_reaches_the_other(self, linked, side):
        world, shop_id, site_id = linked
        world.shop.set_consent(shop_id, "SUBSCRIBED")
        world.sync_both()
        if side == "shop":
            world.shop.set_consent(shop_id, "UNSUBSCRIBED")
        else:
            world.site.update(site_id, marketing_active=False)
        world.sync_both()
        assert self.consents(world, shop_id, site_id) == (False, False)

    def test_on_the_first_meeting_the_refusal_wins(self, empty_world):
        shop_id = empty_world.shop.create(**ADA)
        empty_world.shop.set_consent(shop_id, "SUBSCRIBED")
        site_id = empty_world.site.create(email=ADA["email"], nome="Ada", cognome="Lovelace", marketing_active=False)
        empty_world.sync_both()
        empty_world.sync_both()
        assert self.consents(empty_world, shop_id, site_id) == (False, False)


class TestTags:
    def test_tags_of_the_site_become_tags_of_the_shop_and_the_shop_s_own_survive(self, linked):
        world, shop_id, site_id = linked
        world.shop.update(shop_id, tags=["vip", "nur-shop"])
        world.site.update(site_id, tags=["vip", "grossista"])
        world.sync(INTO_SHOP)
        assert world.shop.read(shop_id)["tags"] == ["grossista", "nur-shop", "vip"]

    def test_a_tag_removed_in_the_site_leaves_the_shop(self, linked):
        world, shop_id, site_id = linked
        world.site.update(site_id, tags=[])
        world.sync_both()
        assert world.shop.read(shop_id)["tags"] == []

    @pytest.mark.parametrize("first", [INTO_SITE, INTO_SHOP])
    def test_where_the_sides_meet_for_the_first_time_each_gets_the_tags_of_the_other(self, empty_world, first):
        shop_id = empty_world.shop.create(**ADA | {"tags": ["vip", "gold"]})
        site_id = empty_world.site.create(email=ADA["email"], nome="Ada", cognome="Lovelace", tags=["news"])
        empty_world.sync(first)
        empty_world.sync(first.reverse)
        assert sorted(empty_world.shop.read(shop_id)["tags"]) == ["gold", "news", "vip"]
        assert sorted(empty_world.site.read(site_id)["tags"]) == ["gold", "news", "vip"]


class TestOutboundFilter:
    @pytest.fixture
    def populated(self, empty_world):
        lists = empty_world.site.call("GET", "marketing/lists")
        ids = {
            "on_list": empty_world.site.create(**GRACE, marketing_list=[lists[0]["id"]]),
            "tagged": empty_world.site.create(
                email="tagged@example.it", nome="Tina", cognome="Tag", tags=["Grossista"]
            ),
            "plain": empty_world.site.create(email="plain@example.it", nome="Piera", cognome="Piana"),
        }
        return empty_world, ids, str(lists[0]["id"])

    def sent(self, world, ids):
        world.sync(INTO_SHOP)
        links = {name: world.link_of(System.FRAMEWORK360, record) for name, record in ids.items()}
        return {name for name, link in links.items() if link is not None and link.shopify_id is not None}

    def test_all_customers_are_sent_by_default(self, populated):
        world, ids, _ = populated
        assert self.sent(world, ids) == {"on_list", "tagged", "plain"}

    def test_only_members_of_the_chosen_lists_are_sent(self, populated):
        world, ids, chosen = populated
        world.configure(customers={"outbound": {"mode": "lists", "lists": [chosen]}})
        assert self.sent(world, ids) == {"on_list"}
        assert world.link_of(System.FRAMEWORK360, ids["plain"]).status == "excluded"

    def test_only_bearers_of_the_chosen_tags_are_sent_whatever_the_case(self, populated):
        world, ids, _ = populated
        world.configure(customers={"outbound": {"mode": "tags", "tags": ["grossista"]}})
        assert self.sent(world, ids) == {"tagged"}

    def test_a_customer_who_enters_the_filter_is_sent(self, populated):
        world, ids, _ = populated
        world.configure(customers={"outbound": {"mode": "tags", "tags": ["grossista"]}})
        self.sent(world, ids)
        world.site.update(ids["plain"], tags=["grossista"])
        assert self.sent(world, ids) == {"tagged", "plain"}

    def test_a_customer_who_leaves_the_filter_is_marked_excluded_and_not_deleted(self, populated):
        world, ids, _ = populated
        world.configure(customers={"outbound": {"mode": "tags", "tags": ["grossista"]}})
        self.sent(world, ids)
        shop_id = world.counterpart(System.FRAMEWORK360, ids["tagged"])
        world.site.update(ids["tagged"], tags=[], nome="Verändert")
        world.sync(INTO_SHOP)
        assert world.link_of(System.FRAMEWORK360, ids["tagged"]).status == "excluded"
        assert world.shop.read(shop_id)["firstName"] == "Tina"

    def test_a_changed_filter_acts_on_customers_that_did_not_change(self, populated):
        world, ids, _ = populated
        world.configure(customers={"outbound": {"mode": "tags", "tags": ["grossista"]}})
        self.sent(world, ids)
        world.configure()
        assert self.sent(world, ids) == {"on_list", "tagged", "plain"}
