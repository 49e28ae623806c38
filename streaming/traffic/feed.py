"""What a generator has to send: its share of the run's requests, in order, each with its question, read a chunk ahead."""

import asyncio
from collections import deque
from collections.abc import Sequence
from itertools import islice
from uuid import UUID

import numpy as np

from streaming.datasets import corpus
from streaming.datasets.corpus import CorpusQuestion
from streaming.postgres.connect import connected
from streaming.traffic.plan import TrafficPlan
from streaming.traffic.popularity import question_indices

CHUNK = 500


class Feed:
    """Hands out (request number, question); memory holds one chunk of texts."""

    def __init__(self, database_url: str, dataset: str, requests: Sequence[tuple[int, UUID]]) -> None:
        self._database_url = database_url
        self._dataset = dataset
        self._left = iter(requests)
        self._ready: deque[tuple[int, CorpusQuestion]] = deque()
        self._reading = asyncio.Lock()

    async def next(self) -> tuple[int, CorpusQuestion] | None:
        """The next request, None after the last. May be called by many at once."""
        async with self._reading:
            if not self._ready:
                self._ready.extend(await asyncio.to_thread(self._read))
            return self._ready.popleft() if self._ready else None

    def _read(self) -> list[tuple[int, CorpusQuestion]]:
        chunk = list(islice(self._left, CHUNK))
        if not chunk:
            return []
        with connected(self._database_url) as database:
            questions = corpus.questions_of(database, self._dataset, {text_hash for _, text_hash in chunk})
        return [(number, questions[text_hash]) for number, text_hash in chunk]


def requests_of(database_url: str, plan: TrafficPlan, numbers: Sequence[int], rng: np.random.Generator) -> list[tuple[int, UUID]]:
    """Which question each of these requests asks. Blocks. Raises UserError for a dataset that is not loaded."""
    with connected(database_url) as database:
        indices = question_indices(plan, corpus.size(database, plan.dataset), rng)[numbers]
        hashes = corpus.hashes_at(database, plan.dataset, set(indices.tolist()))
    return [(number, hashes[index]) for number, index in zip(numbers, indices.tolist(), strict=True)]
