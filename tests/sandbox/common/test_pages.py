import re

import pytest
import requests


def post(server, path, data, origin=None):
    headers = {"Origin": origin or server.url}
    return requests.post(server.url + path, data=data, headers=headers, timeout=5, allow_redirects=False)


def get(server, path):
    return requests.get(server.url + path, timeout=5)


@pytest.fixture
def record(server):
    answer = post(
        server, "/people/new", {"nome": "Ada", "cognome": "Rossi", "email": "ada@example.com", "lists": ["3", "5"]}
    )
    assert answer.status_code == 303
    return re.search(r"/people/(\d+)", answer.headers["Location"])[1]


def test_a_created_person_is_found_by_the_search(server, record):
    page = get(server, "/?q=ada@example").text
    assert f'href="/people/{record}"' in page
    assert "(1)" in page


def test_the_list_has_pages(server):
    server.control.reset(customers=120, population="framework360")
    assert get(server, "/").text.count("<tr>") == 51
    assert get(server, "/?page=3").text.count("<tr>") == 21
    assert get(server, "/?page=nonsense").status_code == 200


def test_an_edit_is_stored_and_unticked_boxes_are_cleared(server, record):
    before = get(server, f"/people/{record}").text
    assert 'value="3" checked' in before
    assert post(server, f"/people/{record}", {"nome": "Ada", "cognome": "Lovelace", "lists": ["5"]}).status_code == 303
    after = get(server, f"/people/{record}").text
    assert "Lovelace" in after
    assert 'value="3" checked' not in after
    assert 'value="5" checked' in after


def test_a_deleted_person_is_gone(server, record):
    assert post(server, f"/people/{record}/delete", {}).status_code == 303
    assert get(server, f"/people/{record}").status_code == 404


def test_a_form_that_cannot_be_stored_comes_back_with_the_reason(server):
    answer = post(server, "/people/new", {"telefono": "+39 347 0000000"})
    assert answer.status_code == 422
    assert "Give a name or an e-mail." in answer.text
    assert "+39 347 0000000" in answer.text


def test_markup_in_data_is_shown_as_text(server):
    post(server, "/people/new", {"nome": '<script>alert("x")</script>', "tags": "<img src=x>"})
    page = get(server, "/?q=script").text
    assert "<script>" not in page
    assert "<img" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize("origin", ["http://evil.example", "null"])
def test_a_form_from_another_site_is_refused(server, record, origin):
    assert post(server, f"/people/{record}/delete", {}, origin).status_code == 403
    assert get(server, f"/people/{record}").status_code == 200


def test_a_form_without_any_origin_is_refused(server):
    assert requests.post(f"{server.url}/people/new", data={"nome": "Ada"}, timeout=5).status_code == 403
