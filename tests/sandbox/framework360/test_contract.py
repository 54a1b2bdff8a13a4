import timeit

import orjson
import pytest

from sandbox.common.backend import ApiRequest
from sandbox.framework360.contract import document, operations
from sandbox.framework360.functions import FUNCTIONS
from sandbox.framework360.server import CALLS

ADA = {"nome": "Ada", "cognome": "Rossi", "email": "ada@example.com", "password": "x"}


def refused(site):
    return [(entry["operation"], entry["where"]) for entry in site.control.refused()]


@pytest.mark.parametrize(
    ("path", "body", "code", "where"),
    [
        ("/customers/registration", {**ADA, "firstname": "Ada"}, "invalid_field", "body"),
        ("/customers/registration", {"nome": "Ada"}, "missing_parameter", "body"),
        ("/customers/registration", {**ADA, "marketing_active": 1}, "invalid_field", "body.marketing_active"),
        ("/customers/registration", {**ADA, "nome": "A"}, "invalid_field", "body.nome"),
        ("/customers/registration", {**ADA, "email": "nobody"}, "invalid_field", "body.email"),
        ("/customers/registration", {**ADA, "nome": None}, "invalid_field", "body.nome"),
        ("/customers/registration", {**ADA, "nome": "None"}, "invalid_field", "body.nome"),
        ("/customers/registration", {**ADA, "extraFields": {"a": "null"}}, "invalid_field", "body.extraFields.a"),
        ("/customers/registration", {**ADA, "tags": [["a"]]}, "invalid_field", "body.tags"),
        ("/customers/update", {"nome": "Ada"}, "missing_parameter", "body"),
        ("/customers/update", {"id": "12x"}, "invalid_field", "body.id"),
        ("/customers/update", {"id": "1001", "tags": "vip"}, "invalid_field", "body.tags"),
        ("/customers/delete", {}, "missing_parameter", "body"),
        ("/customers/search", {}, "missing_parameter", "body"),
        (
            "/customers/history/create",
            {"customer_id": 1, "title": "a", "content": "b", "date": "1.2.2026"},
            "invalid_field",
            "body.date",
        ),
    ],
)
def test_a_body_that_breaks_the_contract_is_refused_and_recorded(site, path, body, code, where):
    answer = site.post(path, body)
    assert (answer["status"], answer["error"]) == (0, code)
    assert [found for _, found in refused(site)] == [where]


@pytest.mark.parametrize(
    ("path", "query", "code"),
    [
        ("/customers/list", {"pagina": "1"}, "invalid_field"),
        ("/orders/list", {"page": "first"}, "invalid_field"),
        ("/orders/list", {"order": "desc"}, "invalid_field"),
        ("/orders/get", {}, "missing_parameter"),
        ("/check", {"verbose": "1"}, "invalid_field"),
    ],
)
def test_a_query_that_breaks_the_contract_is_refused_and_recorded(site, path, query, code):
    assert site.get(path, **query)["error"] == code
    assert len(refused(site)) == 1


def test_a_post_with_a_query_it_does_not_take_is_refused(site):
    answer = site.raw("POST", "/customers/registration", json=ADA, params={"debug": "1"}).json()
    assert answer["error"] == "invalid_field"


def test_a_form_under_a_json_content_type_is_refused(site):
    answer = site.raw("POST", "/customers/registration", data="nome=Ada", headers={"Content-Type": "application/json"})
    assert answer.json()["error"] == "invalid_field"
    assert refused(site) == [("customersRegistration", "body")]


def test_another_content_type_is_refused(site):
    answer = site.raw("POST", "/customers/registration", data="nome=Ada", headers={"Content-Type": "text/plain"})
    assert answer.json()["error"] == "invalid_field"


def test_an_unknown_call_is_recorded(site):
    site.raw("GET", "/customers/everything")
    assert refused(site) == [("unknown", "GET /m/api/customers/everything")]


def test_a_request_that_keeps_the_contract_is_not_recorded(site):
    site.register()
    site.get("/customers/list", page="1", limit="100")
    site.get("/orders/list", page=1, customer=1001, **{"statuses[]": ["3", "5"]})
    assert refused(site) == []


@pytest.mark.parametrize("name", sorted(operations()))
def test_every_example_of_the_document_keeps_it(name):
    contract = operations()[name]
    operation = document()["paths"][contract.path][contract.method.lower()]
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    for example in content.get("examples", {}).values():
        contract.body(example["value"])


def test_every_operation_of_the_document_is_served():
    assert set(CALLS) == set(operations())


@pytest.mark.parametrize("name", sorted(CALLS))
def test_every_operation_needs_a_function_a_key_can_have(name):
    assert CALLS[name].function in {None, *FUNCTIONS}
    assert (CALLS[name].function is None) == (name == "check")


def test_a_request_is_checked_in_less_than_a_millisecond():
    billing = {"ragione_sociale": "Rossi S.r.l.", "piva": "01234567890", "sdi": "ABC1234", "cod_univoco": "ABC1234"}
    body = orjson.dumps({**ADA, "tags": ["a", "b"], "marketing_list": [3], "dati_fatturazione": billing})
    request = ApiRequest("POST", "", b"", {"content-type": "application/json"}, body, "")
    contract = operations()["customersRegistration"]
    assert min(timeit.repeat(lambda: contract.read(request), number=20, repeat=5)) / 20 < 0.001
