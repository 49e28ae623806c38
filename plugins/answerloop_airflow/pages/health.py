"""What is found of the loop's health. Plain values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

UP, NOT_READY, DOWN = "up", "not ready", "down"


@dataclass(frozen=True)
class Component:
    """`state`: UP, NOT_READY or DOWN. `says`: what it says of itself; `act`: what a person does about it, `command`: with what."""

    name: str
    state: str
    says: str = ""
    act: str = ""
    command: str = ""


@dataclass(frozen=True)
class Checkpoint:
    """The newest completed checkpoint of the score job; `bytes` of state, `number` of them completed."""

    age_s: float
    took_ms: float
    bytes: int
    number: int
    path: str


@dataclass(frozen=True)
class Health:
    """What was found."""

    components: Sequence[Component]
    checkpoint: Checkpoint | None

    @property
    def gate(self) -> str | None:
        """Why the gate before the model is closed; empty while it is open, None where the model consumer does not say."""
        consumer = next((each for each in self.components if each.name == "llm_consumer_service"), None)
        if consumer is None or consumer.state == DOWN:
            return None
        return consumer.says if consumer.says.startswith("model: ") else ""


def checkpoint(found: Mapping[str, Any], now_s: float) -> Checkpoint | None:
    """The newest completed one of Flink's list."""
    newest = found["latest"]["completed"]
    if newest is None:
        return None
    return Checkpoint(
        age_s=max(now_s - newest["latest_ack_timestamp"] / 1000, 0),
        took_ms=newest["end_to_end_duration"],
        bytes=newest["state_size"],
        number=found["counts"]["completed"],
        path=newest["external_path"],
    )
