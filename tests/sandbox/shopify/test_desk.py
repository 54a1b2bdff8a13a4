"""The admin page for a person at the shop."""

import pytest

FORM = {
    "firstName": "Ada",
    "lastName": "Byron",
    "email": "ada@example.com",
    "phone": "+393471234567",
    "note": "line one\nline two",
    "address.address1": "Via 1",
    "address.city": "Milano",
    "address.zip": "20121",
    "address.provinceCode": "MI",
    "address.countryCode": "it",
    "address.company": "Byron S.r.l.",
    "tags": "vip, b2b",
    "emailConsent": "SUBSCRIBED",
    "smsConsent": "NOT_SUBSCRIBED",
    "custom.piva": "12345678903",
}
READ = (
    "firstName email note tags defaultEmailAddress { marketingState } defaultAddress { city company countryCodeV2 }"
    ' piva: metafield(namespace: "custom", key: "piva") { value }'
)


def submit(shop, path, form):
    return shop.session.post(shop.url + path, data=form, headers={"Origin": shop.url}, allow_redirects=False, timeout=5)


@pytest.fixture
def ada(shop):
    answer = submit(shop, "/people/new", FORM)
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"].split("/")[2].split("?")[0]


def read(shop, number, selection=READ):
    return shop.customer(f"gid://shopify/Customer/{number}", selection)


def test_a_person_creates_a_customer(shop, ada):
    assert read(shop, ada) == {
        "firstName": "Ada",
        "email": "ada@example.com",
        "note": "line one\nline two",
        "tags": ["b2b", "vip"],
        "defaultEmailAddress": {"marketingState": "SUBSCRIBED"},
        "defaultAddress": {"city": "Milano", "company": "Byron S.r.l.", "countryCodeV2": "IT"},
        "piva": {"value": "12345678903"},
    }


def test_a_person_edits_a_customer(shop, ada):
    form = {**FORM, "firstName": "Eve", "address.city": "Roma", "custom.piva": "", "emailConsent": "UNSUBSCRIBED"}
    assert submit(shop, f"/people/{ada}", form).status_code == 303
    changed = read(shop, ada)
    assert (changed["firstName"], changed["defaultAddress"]["city"], changed["piva"]) == ("Eve", "Roma", None)
    assert changed["defaultEmailAddress"] == {"marketingState": "UNSUBSCRIBED"}


def test_saving_an_untouched_form_changes_nothing(shop, ada):
    shop.control.set_options(webhook_deliver=False)
    submit(shop, f"/people/{ada}", FORM)
    submit(shop, "/people/new", {"firstName": "Later"})
    query = "{ customers(last: 2, sortKey: UPDATED_AT) { nodes { legacyResourceId } } }"
    assert shop.data(query)["customers"]["nodes"][0] == {"legacyResourceId": ada}


def test_a_person_deletes_a_customer(shop, ada):
    submit(shop, f"/people/{ada}/delete", {})
    assert read(shop, ada, "id") is None


def test_a_wrong_form_says_what_is_wrong_and_stores_nothing(shop, ada):
    answer = submit(shop, f"/people/{ada}", {**FORM, "email": "nonsense", "firstName": "Eve"})
    assert answer.status_code == 422
    assert "Email is invalid" in answer.text
    assert read(shop, ada, "firstName") == {"firstName": "Ada"}


def test_the_list_is_searched_with_the_search_syntax(shop, ada):
    page = shop.session.get(f"{shop.url}/", params={"q": "email:'ada@example.com'"}, timeout=5).text
    assert "Ada Byron" in page
    assert page.count("/people/70") == 1


def test_markup_in_names_is_shown_as_text(shop):
    shop.create(firstName="<script>alert(1)</script>", email="x@example.com")
    page = shop.session.get(f"{shop.url}/", params={"q": "email:'x@example.com'"}, timeout=5).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_a_form_of_another_site_is_refused(shop, ada):
    answer = shop.session.post(
        f"{shop.url}/people/{ada}",
        data=FORM,
        headers={"Origin": "http://evil.example"},
        allow_redirects=False,
        timeout=5,
    )
    assert answer.status_code == 403
