"""Which scorer the settings name. A new one is a file beside this one and a line here."""

from collections.abc import Callable, Mapping

from streaming.errors import ConfigurationError
from streaming.scoring.bertscore import BertScore
from streaming.scoring.scorer import Scorer
from streaming.settings import Settings

CACHE_BYTES = 128 * 1024 * 1024

SCORERS: Mapping[str, Callable[[Settings, int], Scorer]] = {
    "bertscore": BertScore.configured,
}


def scorer(settings: Settings, cache_bytes: int = CACHE_BYTES) -> Scorer:
    """The configured scorer, not loaded yet; it may keep so much of what it has seen. Raises ConfigurationError for an unknown one."""
    if settings.scorer not in SCORERS:
        known = ", ".join(sorted(SCORERS))
        raise ConfigurationError(f"ANSWERLOOP_SCORER={settings.scorer!r} is not known. Set it to one of these: {known}.")
    return SCORERS[settings.scorer](settings, cache_bytes)
