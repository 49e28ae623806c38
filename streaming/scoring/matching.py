"""BERTScore F1 of many pairs at once: the figures of `bert_score`, without its padding.

`bert_score` pads a batch of 64 to its longest text, which costs more than batching wins on real answers. Here texts of like length
share a batch, and a reference seen lately is not embedded again.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from bert_score.utils import sent_encode

from streaming.errors import UnscorablePair
from streaming.scoring.model import ScoringModel, autocast, fast_bfloat16
from streaming.scoring.packing import packed
from streaming.scoring.pair import Pair
from streaming.scoring.recent import Recent

# What fits a core's cache: 512 to 1,024 measured alike on two AVX2 cores in float32, 2,048 a tenth slower, 256 a third slower.
TOKENS_PER_BATCH = 1024


class Embedded(NamedTuple):
    """A text as the model sees it: unit vectors (tokens x width), and each token's share in the mean (0 for special tokens)."""

    vectors: torch.Tensor
    weights: torch.Tensor


class Matcher:
    """Matches the tokens of pairs with one model. Not safe for threads."""

    def __init__(self, model: ScoringModel, cache_bytes: int) -> None:
        self._network = model.network
        self._tokenizer = model.tokenizer
        self._special = torch.tensor([model.tokenizer.cls_token_id, model.tokenizer.sep_token_id])
        # bert_score cuts a text at the tokenizer's limit; some tokenizers do not know their model's.
        self._most_tokens: int | None = getattr(model.network.config, "max_position_embeddings", None)
        self._bfloat16 = fast_bfloat16()
        self._references: Recent[str, Embedded] = Recent(cache_bytes)

    def score(self, pairs: Sequence[Pair]) -> list[float | UnscorablePair]:
        """F1 of each pair, in order, or why that pair has none.

        Errors of the model or of memory are raised: they say nothing about a pair.
        """
        cached = {text: found for pair in pairs for text in pair if (found := self._references.get(text)) is not None}
        texts = {text for pair in pairs for text in pair if text not in cached}
        with torch.inference_mode():
            embedded = cached | self._embed(sorted(texts))
            for reference in {pair.reference for pair in pairs} - cached.keys():
                if isinstance(entry := embedded[reference], Embedded):
                    self._references.put(reference, entry, entry.vectors.nbytes + entry.weights.nbytes)
            return [_f1_or_reason(embedded[pair.answer], embedded[pair.reference]) for pair in pairs]

    def _embed(self, texts: Sequence[str]) -> dict[str, Embedded | UnscorablePair]:
        tokens = {text: self._tokens(text) for text in texts}
        embedded: dict[str, Embedded | UnscorablePair] = {
            text: reason for text, reason in tokens.items() if isinstance(reason, UnscorablePair)
        }
        good = [(text, ids) for text, ids in tokens.items() if not isinstance(ids, UnscorablePair)]
        for batch in packed([len(ids) for _, ids in good], TOKENS_PER_BATCH):
            chosen = [good[position] for position in batch]
            embedded.update(zip((text for text, _ in chosen), self._forward([ids for _, ids in chosen]), strict=True))
        return embedded

    def _tokens(self, text: str) -> list[int] | UnscorablePair:
        if not text.strip():
            return UnscorablePair("the text is blank")
        try:
            ids: list[int] = sent_encode(self._tokenizer, text)
        except (TypeError, ValueError, OverflowError) as err:
            return UnscorablePair(f"the tokenizer refuses the text: {err}")
        if not set(ids) - set(self._special.tolist()):
            return UnscorablePair("the text has no token that the model knows")
        if self._most_tokens is not None and len(ids) > self._most_tokens:
            return UnscorablePair(f"the text has {len(ids)} tokens, the model takes {self._most_tokens}")
        return ids

    def _forward(self, batch: Sequence[list[int]]) -> list[Embedded | UnscorablePair]:
        """The embeddings of texts, given as token ids; halves the batch to find a text that the model cannot look up."""
        lengths = torch.tensor([len(ids) for ids in batch])
        ids = torch.nn.utils.rnn.pad_sequence(
            [torch.tensor(each) for each in batch], batch_first=True, padding_value=self._tokenizer.pad_token_id
        )
        mask = torch.arange(ids.shape[1]) < lengths.unsqueeze(1)
        try:
            with autocast(enabled=self._bfloat16):
                output = self._network(ids, attention_mask=mask.long())[0].float()
        except IndexError as err:
            if len(batch) == 1:
                return [UnscorablePair(f"the model cannot look the text up: {err}")]
            half = len(batch) // 2
            return self._forward(batch[:half]) + self._forward(batch[half:])
        output = torch.nn.functional.normalize(output, dim=-1)
        weights = (~torch.isin(ids, self._special) & mask).float()
        weights = weights / weights.sum(dim=1, keepdim=True)
        return [
            Embedded(vectors[:length].half(), weight[:length].clone())
            for vectors, weight, length in zip(output, weights, lengths.tolist(), strict=True)
        ]


def _f1_or_reason(answer: Embedded | UnscorablePair, reference: Embedded | UnscorablePair) -> float | UnscorablePair:
    if isinstance(answer, UnscorablePair):
        return UnscorablePair(f"answer: {answer}")
    if isinstance(reference, UnscorablePair):
        return UnscorablePair(f"reference: {reference}")
    return f1(answer, reference)


def f1(answer: Embedded, reference: Embedded) -> float:
    """Greedy matching: every token's best cosine on the other side, averaged over the tokens that are not special.

    A best cosine below 0 counts as 0, as in a batch of `bert_score`, whose padding takes part in its maximum; only there a pair that is
    scored alone, or is the longest of its batch, differs (docs/decisions/0001-scores-below-zero.md).
    """
    similarity = answer.vectors.float() @ reference.vectors.float().T
    precision = float(similarity.amax(dim=1).clamp(min=0) @ answer.weights)
    recall = float(similarity.amax(dim=0).clamp(min=0) @ reference.weights)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
