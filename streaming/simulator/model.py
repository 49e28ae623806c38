"""The simulated model: what each call gets, and how long it takes."""

import asyncio
import math
import time
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

from streaming.model.server import full_name
from streaming.simulator import answers, protocol
from streaming.simulator.calls import Call, CallLog
from streaming.simulator.corpus import Corpus
from streaming.simulator.draw import generator
from streaming.simulator.faults import Fault, Faults, Quality, fault_of, grade_of, retry_after_s
from streaming.simulator.protocol import Answer, Dialect, Request, RequestRefused, Timing
from streaming.simulator.slots import QueueFull, Slots
from streaming.simulator.stats import Askings, Stats, prompt_key
from streaming.simulator.wire import Wire

JSON = "application/json; charset=utf-8"
NDJSON = "application/x-ndjson"
STREAM_PIECES = 10
USUAL_WORDS = 40
WORDS_OF_UNKNOWN = 25

BUSY = "server busy, please try again.  maximum pending requests exceeded"
RUNNER_DIED = "an error was encountered while running the model: unexpected EOF"
USAGE_LIMIT = "you (simulated) have reached your session usage limit, please wait or upgrade to continue"

# Faults that are answered at once, without a slot: status and error.
_AT_ONCE = {
    Fault.OVERLOAD_503: (503, BUSY),
    Fault.OVERLOAD_429: (429, "too many requests"),
    Fault.OVERLOAD_429_SECONDS: (429, "too many requests"),
    Fault.OVERLOAD_429_DATE: (429, "too many requests"),
    Fault.QUOTA_402: (402, "payment required"),
    Fault.QUOTA_429: (429, USAGE_LIMIT),
    Fault.QUOTA_429_BARE: (429, USAGE_LIMIT),
    Fault.REFUSED_400: (400, "this prompt is refused (simulated)"),
}
_WITH_SECONDS = {Fault.OVERLOAD_429_SECONDS, Fault.QUOTA_402, Fault.QUOTA_429}


@dataclass(frozen=True)
class Character:
    """What the simulator is: its models, its luck, its pace. `latency_s`: the median of a call with an answer of usual length."""

    model: str
    other_model: str
    seed: int
    slots: int
    latency_s: float
    spread: float


class SimulatedModel:
    """Answers one request at a time, many at once."""

    def __init__(self, character: Character, corpus: Corpus, faults: Faults, quality: Quality, calls: CallLog) -> None:
        self.character = character
        self.models = [full_name(character.model), full_name(character.other_model)]
        self.quality = quality
        self.slots = Slots(character.slots)
        self.stats = Stats()
        self._corpus = corpus
        self._calls = calls
        self._askings = Askings()
        self._faults = faults
        self._open: set[Wire] = set()

    @property
    def faults(self) -> Faults:
        """The faults that are played now."""
        return self._faults

    def play(self, faults: Faults) -> None:
        """Play these faults from now on; going down resets what is under way too."""
        self._faults = faults
        if faults.down:
            for wire in self._open:
                wire.abort()

    def forget(self) -> None:
        """Start over: no prompt was asked yet, nothing counted."""
        in_flight = self.stats.in_flight
        self._askings, self.stats = Askings(), Stats()
        self.stats.in_flight = in_flight

    async def answer(self, wire: Wire, body: bytes, dialect: Dialect) -> None:
        """Answer one request, or break it as the faults say. Cancelled when the client leaves, which frees the slot."""
        stats = self.stats
        stats.begin()
        self._open.add(wire)
        outcome = "client_left"
        call = Call()
        try:
            if self._faults.down:
                outcome = "down"
                await wire.reset()
            else:
                outcome = await self._outcome(wire, body, dialect, call)
        finally:
            self._open.discard(wire)
            stats.end(outcome)
            self._calls.ended(call, outcome)

    async def _outcome(self, wire: Wire, body: bytes, dialect: Dialect, call: Call) -> str:
        try:
            request = dialect.read(body)
            model = self._installed(request.model)
        except RequestRefused as refused:
            await _error(dialect, wire, refused.status, str(refused))
            return f"refused_{refused.status}"
        if not request.prompt:
            await self._speak(dialect, wire, request, model, Answer("", "load", 0), Timing(0, 0))
            return "loaded"
        call.prompt, call.model = request.prompt, model
        prompt = prompt_key(request.prompt, model, self.models[0])
        before = self._askings.ask(prompt)
        fault = fault_of(self._faults, self.character.seed, prompt, before)
        if fault in _AT_ONCE:
            status, error = _AT_ONCE[fault]
            await _error(dialect, wire, status, error, self._retry_after(fault, prompt, before))
            return fault.value
        if fault is Fault.MODEL_MISSING:
            await _error(dialect, wire, 404, f"model '{request.model}' not found")
            return fault.value
        answer = await self._say(request, prompt, before)
        try:
            outcome = await self._work(dialect, wire, request, model, answer, fault, self._latency_s(answer, prompt, before))
            if fault is None:
                call.answer = answer.text
            return outcome
        except QueueFull:
            await _error(dialect, wire, 503, BUSY)
            return "queue_full"

    async def _work(
        self, dialect: Dialect, wire: Wire, request: Request, model: str, answer: Answer, fault: Fault | None, latency_s: float
    ) -> str:
        arrived = time.monotonic_ns()
        async with self.slots.slot(self._faults.queue_limit):
            begun = time.monotonic_ns()
            if fault is Fault.HANG:
                await asyncio.Event().wait()
            if request.stream:
                await self._stream(dialect, wire, request, model, answer, fault, Timing(begun - arrived, int(latency_s * 1e9)))
                return fault.value if fault else "answered"
            await asyncio.sleep(latency_s)
            timing = Timing(begun - arrived, time.monotonic_ns() - begun)
        match fault:
            case Fault.ERROR_500:
                await _error(dialect, wire, 500, RUNNER_DIED)
            case Fault.TRUNCATED:
                reply = _line(dialect.final(request, model, answer, timing, _now(), answer.text))
                await wire.start(200, {"content-length": str(len(reply))}, JSON)
                await wire.piece(reply[: len(reply) // 2])
                await wire.cut_off()
            case Fault.DONE_FALSE:
                await wire.reply(200, _line(dialect.part(request, model, _now(), answer.text)), {}, JSON)
            case Fault.EMPTY:
                await self._speak(dialect, wire, request, model, Answer("", "stop", answer.prompt_tokens), timing)
            case _:
                await self._speak(dialect, wire, request, model, answer, timing)
        return fault.value if fault else "answered"

    async def _speak(self, dialect: Dialect, wire: Wire, request: Request, model: str, answer: Answer, timing: Timing) -> None:
        reply = _line(dialect.final(request, model, answer, timing, _now(), answer.text))
        await wire.reply(200, reply, {}, NDJSON if request.stream else JSON)

    async def _stream(
        self, dialect: Dialect, wire: Wire, request: Request, model: str, answer: Answer, fault: Fault | None, timing: Timing
    ) -> None:
        """Word by word over the call's time; faults strike after the first half."""
        words = answer.text.split(" ")
        size = max(math.ceil(len(words) / STREAM_PIECES), 1)
        starts = range(0, 0 if fault is Fault.EMPTY else len(words), size)
        last = len(starts) // 2 if fault in (Fault.TRUNCATED, Fault.ERROR_500, Fault.DONE_FALSE) else len(starts)
        await wire.start(200, {}, NDJSON)
        for start in starts[:last]:
            await asyncio.sleep(timing.worked_ns / 1e9 / len(starts))
            said = [(" " if start + index else "") + word for index, word in enumerate(words[start : start + size])]
            await wire.piece(protocol.lines([dialect.part(request, model, _now(), text) for text in said]))
        match fault:
            case Fault.TRUNCATED:
                await wire.cut_off()
            case Fault.ERROR_500:
                await wire.piece(dialect.error(500, RUNNER_DIED) + b"\n", more=False)
            case Fault.DONE_FALSE:
                await wire.piece(b"", more=False)
            case _:
                await wire.piece(_line(dialect.final(request, model, answer, timing, _now(), "")) + b"\n", more=False)

    async def _say(self, request: Request, prompt: str, before: int) -> Answer:
        """The answer of this asking: from the reference, as good as the draw says; invented where there is no reference."""
        rng = generator(self.character.seed, "text", prompt, before)
        reference = await self._corpus.reference(request.prompt)
        if reference is None:
            self.stats.grades["invented"] += 1
            text, truncated = answers.cut(answers.unrelated(WORDS_OF_UNKNOWN, rng), request.num_predict)
        else:
            grade = grade_of(self.quality, self.character.seed, prompt, before)
            self.stats.grades[grade] += 1
            if grade == "good":
                text, truncated = answers.good(reference, request.num_predict, rng)
            else:
                spoilt = answers.middling(reference, rng) if grade == "middling" else answers.poor(reference, rng)
                text, truncated = answers.cut(spoilt, request.num_predict)
        context = [zlib.crc32(word.encode(errors="replace")) % 128_256 for word in (request.prompt + " " + text).split()]
        return Answer(text, "length" if truncated else "stop", protocol.token_count(request.prompt), context)

    def _latency_s(self, answer: Answer, prompt: str, before: int) -> float:
        """Log-normal about the median, longer for longer answers; without spread, the median for all."""
        luck = generator(self.character.seed, "latency", prompt, before).gauss(0, 1)
        length = math.log(max(len(answer.text.split()), 1) / USUAL_WORDS)
        return self.character.latency_s * math.exp(self.character.spread * (luck + length))

    def _retry_after(self, fault: Fault, prompt: str, before: int) -> dict[str, str]:
        seconds = retry_after_s(self._faults, self.character.seed, prompt, before)
        if fault in _WITH_SECONDS:
            return {"retry-after": str(seconds)}
        if fault is Fault.OVERLOAD_429_DATE:
            # A date has whole seconds: the next one keeps the promise.
            return {"retry-after": format_datetime(_now().replace(microsecond=0) + timedelta(seconds=seconds + 1), usegmt=True)}
        return {}

    def _installed(self, name: str) -> str:
        if full_name(name) not in self.models:
            raise RequestRefused(404, f"model '{name}' not found")
        return full_name(name)


async def _error(dialect: Dialect, wire: Wire, status: int, error: str, headers: dict[str, str] | None = None) -> None:
    await wire.reply(status, dialect.error(status, error), headers or {}, JSON)


def _line(reply: dict[str, object]) -> bytes:
    return protocol.lines([reply])[:-1]


def _now() -> datetime:
    return datetime.now(UTC)
