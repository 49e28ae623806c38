"""A model server of another kind, as anybody would add one: this file, and a line where servers are entered."""

from types import TracebackType
from typing import Self

from streaming.errors import Unreachable
from streaming.model.server import Failure, NoReply, Reply, Success
from streaming.settings import Settings

ADDRESS = "parrot://cage"


class Parrot:
    """Repeats what it is asked, speaks no HTTP, and is busy, mute or away where a question says so."""

    address = ADDRESS
    install_command = ""

    def __init__(self) -> None:
        self.entered = self.left = 0

    @classmethod
    def configured(cls, settings: Settings) -> Self:
        return cls()

    async def __aenter__(self) -> Self:
        self.entered += 1
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.left += 1

    async def generate(self, model: str, question_text: str, retry_count: int) -> Reply | NoReply:
        if "busy" in question_text:
            return Reply(ADDRESS, 503, {"retry-after": "4"}, says="it chews")
        if "late" in question_text:
            return NoReply(Failure.DEADLINE, "asleep")
        if "mute" in question_text:
            return Reply(ADDRESS, 200, {}, says="it opens its beak and says nothing")
        if "unknown model" in question_text:
            return Reply(ADDRESS, 404, {}, says=f"no such bird: {model}")
        return Reply(ADDRESS, 200, {}, Success(f"{question_text}\0", model, False, -1, None, None, None))

    async def probe(self, model: str) -> Reply | NoReply:
        return await self.generate(model, "ping", 0)

    async def models(self, deadline_s: float) -> frozenset[str]:
        return frozenset({"grey"})

    async def greeting(self, deadline_s: float) -> str:
        return "simulated parrot"

    async def version(self, deadline_s: float) -> str:
        raise Unreachable("a parrot has no version")
