"""Every call of the simulator that ended is written down, where a file is named."""

import json
from pathlib import Path

import httpx
import pytest

from streaming.simulator.app import create_app
from streaming.simulator.faults import Faults
from streaming.simulator.model import Character
from tests.unit.simulator.test_app import Known


@pytest.mark.parametrize(("faults", "outcome"), [(Faults(), "answered"), (Faults(overload_503=1), "overload_503")], ids=["answer", "503"])
async def test_a_call_is_written_down_with_what_it_gave(tmp_path: Path, faults: Faults, outcome: str) -> None:
    file = tmp_path / "calls.jsonl"
    app = create_app(Character("llama3.2:1b", "llama3.2:3b", 1, 4, 0.0, 0.0), Known(), faults, calls=file)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://simulator") as client:
        reply = await client.post("/api/generate", json={"model": "llama3.2:1b", "prompt": "What is one plus one?", "stream": False})
    (call,) = map(json.loads, file.read_text().splitlines())
    assert (call["prompt"], call["outcome"], call["answer"]) == ("What is one plus one?", outcome, reply.json().get("response"))
    assert call["begun_at"] <= call["ended_at"]
