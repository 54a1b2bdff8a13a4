import fastjsonschema
import pytest
import requests

from sandbox.common.backend import Seed
from sandbox.common.server import build_app, running_in_thread
from sandbox.framework360.contract import PREFIX, answer_check, operations


class Site:
    """Calls the API as a client would, and checks every answer against the contract."""

    def __init__(self, server):
        self.url = server.url
        self.control = server.control
        self.session = requests.Session()
        self._ids = {(contract.method, contract.path): name for name, contract in operations().items()}

    def get(self, path, key="sandbox-key", **query):
        return self.call("GET", path, key, params=query)

    def post(self, path, body, key="sandbox-key"):
        return self.call("POST", path, key, json=body)

    def form(self, path, body):
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.call("POST", path, "sandbox-key", data=body.encode(), headers=headers)

    def raw(self, method, path, key="sandbox-key", headers=None, **arguments):
        headers = {"X-Fw360-Key": key, **(headers or {})}
        return self.session.request(method, self.url + PREFIX + path, timeout=5, headers=headers, **arguments)

    def call(self, method, path, key, **arguments):
        answer = self.raw(method, path, key, **arguments).json()
        try:
            answer_check(self._ids[method, path])(answer)
        except fastjsonschema.JsonSchemaValueException as problem:
            raise AssertionError(f"{method} {path} answers against the contract: {problem.message}") from problem
        return answer

    def register(self, **fields):
        person = {"nome": "Ada", "cognome": "Rossi", "email": "ada@example.com", "password": "s3cret", **fields}
        return self.post("/customers/registration", person)

    def created(self, **fields):
        answer = self.register(**fields)
        assert answer["status"] == 1, answer
        return str(answer["data"]["id"])

    def customer(self, customer_id):
        return self.get("/customers/get", id=customer_id)["data"]

    def count(self):
        return self.control.state()["records"]["customers"]


@pytest.fixture(scope="session")
def _server():
    with running_in_thread(build_app("framework360", Seed(customers=120))) as server:
        yield server


@pytest.fixture
def site(_server):
    _server.control.reset(seed=7, customers=120, population="mixed")
    return Site(_server)
