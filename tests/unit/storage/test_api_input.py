from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from pydantic import SecretStr

from streaming.errors import ConfigurationError, Unreachable
from streaming.settings import Settings
from streaming.storage.api import check_address, create_app
from streaming.storage.questions import Known, Overfull
from streaming.storage.repository import Claim
from streaming.storage.states import Pending


class FakeQuestions:
    """Says pending to everything, or raises what it is told to."""

    def __init__(self) -> None:
        self.asked: list[Claim] = []
        self.failure: Exception | None = None

    async def ask(self, claim: Claim) -> Known:
        if self.failure is not None:
            raise self.failure
        self.asked.append(claim)
        return Known(Pending(question_id=claim.question_id, submission_id=claim.submission_id, reference_hash=None), "database")

    async def read(self, question_id: UUID) -> Known | None:
        return None


class FakeModels:
    async def refusal(self, model: str) -> str | None:
        return "the model server has no such model" if model == "missing" else None


class FakeParts:
    def __init__(self) -> None:
        self.questions = FakeQuestions()
        self.models = FakeModels()


@pytest.fixture
def parts() -> FakeParts:
    return FakeParts()


@pytest.fixture
async def http(parts: FakeParts) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(Settings())
    app.state.parts = parts
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        yield client


async def test_a_question_gets_the_id_of_its_text_in_its_answer_set(http: httpx.AsyncClient, parts: FakeParts) -> None:
    reply = await http.post("/questions", json={"question_text": "  why is the SKY\nblue? "})
    assert reply.status_code == 202
    assert reply.json()["question_id"] == "966e6a2b-590c-549e-bf1b-d05965eb3afe"
    assert (parts.questions.asked[0].answer_set, parts.questions.asked[0].model) == ("default", None)


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("question_text", {}),
        ("question_text", {"question_text": None}),
        ("question_text", {"question_text": 7}),
        ("question_text", {"question_text": ""}),
        ("question_text", {"question_text": " \t\n\u3000"}),
        ("question_text", {"question_text": "x" * 8001}),
        ("question_text", {"question_text": "a\0b"}),
        ("original_answer", {"question_text": "q", "original_answer": "a\0b"}),
        ("answer_set", {"question_text": "q", "answer_set": ""}),
        ("answer_set", {"question_text": "q", "answer_set": " "}),
        ("answer_set", {"question_text": "q", "answer_set": "x" * 201}),
        ("answer_set", {"question_text": "q", "answer_set": "a\nb"}),
        ("answer_set", {"question_text": "q", "answer_set": None}),
        ("run_id", {"question_text": "q", "run_id": "x" * 201}),
        ("run_id", {"question_text": "q", "run_id": "a\0"}),
        ("model", {"question_text": "q", "model": "x" * 201}),
        ("model", {"question_text": "q", "model": "missing"}),
        ("anwser_set", {"question_text": "q", "anwser_set": "x"}),
    ],
)
async def test_bad_input_is_refused_by_the_name_of_its_field(
    http: httpx.AsyncClient, parts: FakeParts, field: str, body: dict[str, Any]
) -> None:
    reply = await http.post("/questions", json=body)
    assert reply.status_code == 422
    assert [problem["loc"][-1] for problem in reply.json()["detail"]] == [field]
    assert parts.questions.asked == []


@pytest.mark.parametrize(
    "raw",
    [
        rb'{"question_text": "\ud800"}',
        rb'{"question_text": NaN}',
        rb'{"question_text": "q", "original_answer": "\udfff x"}',
        b'{"question_text": "q"',
        b"\xff\xfe",
        b"[" * 50_000,
        b"",
        b"null",
        b"[]",
    ],
)
async def test_what_is_no_text_at_all_is_bad_input_and_no_crash(http: httpx.AsyncClient, raw: bytes) -> None:
    reply = await http.post("/questions", content=raw, headers={"Content-Type": "application/json"})
    assert reply.status_code == 422
    assert reply.json()["detail"][0]["loc"][0] == "body"


async def test_a_question_of_8000_characters_is_taken(http: httpx.AsyncClient) -> None:
    assert (await http.post("/questions", json={"question_text": "ß" * 8000})).status_code == 202


@pytest.mark.parametrize("wait", ["-1", "61", "nan", "inf", "soon"])
async def test_a_wait_is_0_to_60_seconds(http: httpx.AsyncClient, wait: str) -> None:
    reply = await http.get(f"/questions/{uuid4()}", params={"wait": wait})
    assert reply.status_code == 422
    assert reply.json()["detail"][0]["loc"] == ["query", "wait"]


async def test_an_unknown_question_is_404_and_a_bad_id_422(http: httpx.AsyncClient) -> None:
    assert (await http.get(f"/questions/{uuid4()}")).status_code == 404
    assert (await http.get("/questions/42")).status_code == 422


@pytest.mark.parametrize("failure", [Unreachable("PostgreSQL is away"), Overfull("too many"), ConfigurationError("provision")])
async def test_what_passes_is_503_with_retry_after(http: httpx.AsyncClient, parts: FakeParts, failure: Exception) -> None:
    parts.questions.failure = failure
    reply = await http.post("/questions", json={"question_text": "q"})
    assert reply.status_code == 503
    assert int(reply.headers["Retry-After"]) > 0
    assert reply.json()["detail"] == str(failure)


async def test_a_nul_in_a_run_id_is_bad_input(http: httpx.AsyncClient) -> None:
    assert (await http.get("/runs/a%00b")).status_code == 422


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org", ""])
def test_an_open_address_needs_a_token(host: str) -> None:
    with pytest.raises(ConfigurationError, match="ANSWERLOOP_API_TOKEN"):
        check_address(Settings().model_copy(update={"host": host}))
    check_address(Settings().model_copy(update={"host": host, "api_token": SecretStr("secret")}))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "::1", "localhost"])
def test_loopback_needs_none(host: str) -> None:
    check_address(Settings().model_copy(update={"host": host}))


@pytest.mark.parametrize("text", ["\u200b", " \u200d\ufeff\u2060 ", "\u3164", "\u2800\u00ad", "\u0301", "\u202e\u202c"])
async def test_a_question_without_anything_to_see_is_blank(http: httpx.AsyncClient, text: str) -> None:
    reply = await http.post("/questions", json={"question_text": text})
    assert reply.status_code == 422
    assert reply.json()["detail"][0]["loc"] == ["body", "question_text"]


@pytest.mark.parametrize("text", ["?", "¿", "水", "7", "😀", "a\u200b"])
async def test_a_question_of_any_script_is_one(http: httpx.AsyncClient, text: str) -> None:
    assert (await http.post("/questions", json={"question_text": text})).status_code == 202


@pytest.mark.parametrize(
    ("host", "status"), [("127.0.0.1:8000", 202), ("localhost", 202), ("[::1]:8000", 202), ("evil.example.org", 400), ("", 400)]
)
async def test_without_a_token_only_names_of_this_machine_are_answered(http: httpx.AsyncClient, host: str, status: int) -> None:
    reply = await http.post("/questions", json={"question_text": "why?"}, headers={"host": host})
    assert reply.status_code == status
