"""Whatever the OpenAPI document allows or forbids: the API answers as the document says, and never breaks."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode

from streaming.storage import stuck
from streaming.storage.api import create_app
from tests.integration.storage_bench import DEADLINE_S, Storage, storage

pytestmark = pytest.mark.integration

EXAMPLES = 15

# What refuses bad input; 413 too, where a text is so long that its body is refused before it is read.
REFUSALS = ["400", "401", "404", "405", "409", "413", "415", "422"]
CONFIG = schemathesis.Config.from_dict({"checks": {"negative_data_rejection": {"expected-statuses": REFUSALS}}})

OPERATIONS = [
    ("POST", "/questions"),
    ("GET", "/questions/{id}"),
    ("GET", "/questions/{id}/timeline"),
    ("POST", "/questions/{id}/replay"),
    ("POST", "/maintenance/requeue-stuck"),
    ("GET", "/runs/{run_id}"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
]


@pytest.fixture(scope="module")
def bench() -> Iterator[Storage]:
    with storage() as made:
        yield made


@pytest.fixture(scope="module")
def address(bench: Storage) -> Iterator[str]:
    patch = pytest.MonkeyPatch()
    patch.setattr(stuck, "BETWEEN_SAMPLES_S", 0.01)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    app = create_app(bench.settings, bench.broker.producer(), bench.cluster)
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, access_log=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + DEADLINE_S
    while not server.started:
        assert time.monotonic() < deadline, "the server does not start"
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(DEADLINE_S)
    patch.undo()


def test_every_call_of_the_api_is_tried(address: str) -> None:
    documented = {
        (operation.ok().method.upper(), operation.ok().path)
        for operation in schemathesis.openapi.from_url(f"{address}/openapi.json").get_all_operations()
    }
    assert documented == set(OPERATIONS)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_the_api_answers_as_its_document_says(address: str, method: str, path: str, mode: GenerationMode) -> None:
    operation = schemathesis.openapi.from_url(f"{address}/openapi.json", config=CONFIG)[path][method]
    if mode is GenerationMode.NEGATIVE and not (operation.body or operation.path_parameters or operation.query):
        pytest.skip("takes no input that could be wrong")
    statuses: set[int] = set()

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def answers(case: schemathesis.Case) -> None:
        if isinstance(case.query.get("wait"), int | float) and case.query["wait"] > 0:
            case.query["wait"] = min(0.05, case.query["wait"])
        response = case.call(timeout=DEADLINE_S)
        statuses.add(response.status_code)
        case.validate_response(response, excluded_checks=[schemathesis.checks.CHECKS.get_one("positive_data_acceptance")])

    answers()
    assert not any(status >= 500 for status in statuses)
