"""A log of every call that ended, a line of JSON each: what the model was asked and what it gave."""

import json
import os
import time
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Call:
    """A call under way; `answer` is set once the whole of it was sent."""

    prompt: str = ""
    model: str = ""
    answer: str | None = None
    begun_at: float = field(default_factory=time.time)


class CallLog:
    """Appends to a file; each line is written at once, so that none is torn when the process is killed."""

    def __init__(self, path: Path | None) -> None:
        self._file = None if path is None else os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def ended(self, call: Call, outcome: str) -> None:
        """Write a call down; nothing without a file."""
        if self._file is None:
            return
        line = {
            "prompt": call.prompt,
            "model": call.model,
            "begun_at": call.begun_at,
            "ended_at": time.time(),
            "outcome": outcome,
            "answer": call.answer,
        }
        os.write(self._file, json.dumps(line).encode() + b"\n")
