import time

import pytest
import requests

from sandbox.common.server import running

HEADERS = {"X-Fw360-Key": "sandbox-key"}
ADA = {"nome": "Ada", "cognome": "Rossi", "email": "ada@example.com", "password": "x"}


def register(server, timeout=5.0):
    return requests.post(f"{server.url}/m/api/customers/registration", json=ADA, headers=HEADERS, timeout=timeout)


def customers(server):
    return server.control.state()["records"]["customers"]


def test_an_http_error_is_answered_instead_of_the_operation(server):
    server.control.add_fault("http_status", params={"status": 429, "retry_after": 3}, times=1)
    before = customers(server)
    answer = register(server)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "3")
    assert customers(server) == before
    assert register(server).json()["status"] == 1


def test_garbage_is_html_where_json_is_expected(server):
    server.control.add_fault("garbage")
    answer = register(server)
    assert answer.status_code == 200
    with pytest.raises(requests.exceptions.JSONDecodeError):
        answer.json()


def test_throttling_is_worded_by_the_system(server):
    server.control.add_fault("throttle", params={"status": 200})
    assert register(server).json()["error"] == "too_many_requests"


def test_a_reset_reaches_the_caller_as_a_tcp_reset(server):
    server.control.add_fault("reset")
    before = customers(server)
    with pytest.raises(requests.ConnectionError, match="reset by peer"):
        register(server)
    assert customers(server) == before


def test_a_hanging_request_ends_in_the_timeout_of_the_caller(server):
    server.control.add_fault("hang", params={"seconds": 1})
    before = customers(server)
    with pytest.raises(requests.ReadTimeout):
        register(server, timeout=0.1)
    assert customers(server) == before


def test_a_lost_answer_leaves_the_write_applied(server):
    server.control.add_fault("lost_answer", times=1)
    before = customers(server)
    with pytest.raises(requests.ConnectionError, match="reset by peer"):
        register(server)
    assert customers(server) == before + 1
    assert server.control.metrics()["writes"] == 1


def test_a_lost_answer_can_be_a_timeout(server):
    server.control.add_fault("lost_answer", params={"how": "timeout", "seconds": 1})
    before = customers(server)
    with pytest.raises(requests.ReadTimeout):
        register(server, timeout=0.3)
    assert customers(server) == before + 1


def test_a_write_can_be_applied_and_answered_with_500(server):
    server.control.add_fault("apply_then_500")
    before = customers(server)
    assert register(server).status_code == 500
    assert customers(server) == before + 1


def test_a_truncated_answer_is_shorter_than_it_claims(server):
    server.control.add_fault("truncate", match={"operation": "customersList"})
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        requests.get(f"{server.url}/m/api/customers/list", headers=HEADERS, timeout=5)


def test_a_slow_answer_is_right_and_late(server):
    server.control.add_fault("slow", params={"ms": 80})
    started = time.monotonic()
    assert register(server).json()["status"] == 1
    assert time.monotonic() - started >= 0.08


def test_latency_delays_every_request(server):
    server.control.set_latency(60)
    started = time.monotonic()
    register(server)
    assert time.monotonic() - started >= 0.06


def test_metrics_count_requests_writes_errors_and_faults(server):
    server.control.add_fault("http_status", match={"operation": "check"})
    register(server)
    requests.get(f"{server.url}/m/api/check", headers=HEADERS, timeout=5)
    metrics = server.control.metrics()
    assert (metrics["requests"], metrics["writes"], metrics["errors"], metrics["faults"]) == (2, 1, 1, 1)
    assert metrics["operations"]["customersRegistration"]["writes"] == 1
    assert metrics["in_flight"] == 0
    server.control.reset_metrics()
    assert server.control.metrics()["requests"] == 0


def test_metrics_survive_a_reset_while_a_request_is_in_flight(server):
    server.control.add_fault("hang", params={"seconds": 0.3})
    with pytest.raises(requests.ReadTimeout):
        register(server, timeout=0.05)
    server.control.reset_metrics()
    time.sleep(0.4)
    assert server.control.metrics()["in_flight"] == 0


def test_reset_forgets_data_faults_options_and_refusals(server):
    fresh = server.control.state()
    register(server)
    requests.get(f"{server.url}/m/api/nowhere", headers=HEADERS, timeout=5)
    server.control.add_fault("reset", match={"operation": "never"})
    server.control.set_options(page_cap=3)
    server.control.set_latency(5)
    server.control.reset()
    assert server.control.state() == fresh
    assert server.control.faults() == []
    assert server.control.options()["page_cap"] == 100
    assert server.control.refused() == []


def test_reset_can_choose_other_people(server):
    assert server.control.reset(customers=10, population="framework360")["records"]["customers"] == 10
    with pytest.raises(ValueError, match="population"):
        server.control.reset(population="nowhere")


def test_a_wrong_control_request_says_what_is_wrong(server):
    with pytest.raises(ValueError, match="unknown option 'page_capp'"):
        server.control.set_options(page_capp=3)
    with pytest.raises(ValueError, match="unknown kind of fault"):
        server.control.add_fault("explode")
    with pytest.raises(ValueError, match=r"There is no act .pay_order.; there is: back_office"):
        server.control.pay_order("#1001")


def test_a_server_runs_in_a_process_of_its_own_and_ends_with_the_block():
    with running("framework360", customers=20, options={"page_cap": 5}, latency_ms=1) as server:
        assert server.control.options()["page_cap"] == 5
        server.control.set_options(page_cap=7)
        server.control.reset()
        assert server.control.options()["page_cap"] == 5
    with pytest.raises(requests.ConnectionError):
        requests.get(server.url, timeout=5)


def test_a_server_with_a_wrong_option_does_not_start():
    with pytest.raises(RuntimeError, match="did not start"), running("framework360", options={"page_cap": "many"}):
        pass


def test_the_diary_tells_when_a_record_has_changed_and_nothing_twice(server):
    register(server)
    [*_, (number, at, what, record)] = server.control.changes()
    assert abs(at - time.time()) < 60
    assert what == "customer.created"
    assert record.isdecimal()
    assert server.control.changes(number) == []


def test_a_reset_clears_the_diary(server):
    register(server)
    server.control.reset()
    assert server.control.changes() == []


class TestBackOffice:
    def test_a_person_changes_a_record_while_the_api_is_down(self, server):
        customer = str(register(server).json()["data"]["id"])
        server.control.add_fault("http_status", params={"status": 503})
        server.control.back_office("customersUpdate", id=customer, customer_id=customer, cognome="Verdi")
        assert [entry[2] for entry in server.control.changes()][-1] == "customer.updated"
        server.control.clear_faults()
        found = requests.get(f"{server.url}/m/api/customers/get", params={"id": customer}, headers=HEADERS, timeout=5)
        assert found.json()["data"]["cognome"] == "Verdi"

    def test_products_too(self, server):
        server.control.reset(seed=7, customers=1, products=5)
        seen = server.control.changes()
        listed = requests.get(f"{server.url}/m/api/products/list", headers=HEADERS, timeout=5).json()["data"]
        server.control.back_office("productsUpdate", id=listed[0]["id"], nome="Maglia")
        assert [entry[2] for entry in server.control.changes()] == [*seen, "product.updated"]

    def test_what_is_refused_is_told(self, server):
        with pytest.raises(ValueError, match="not_found"):
            server.control.back_office("customersUpdate", id="9", customer_id="9", cognome="Verdi")
