"""Values as people read them: three digits that matter, and the unit that fits. None is a dash: there is nothing to say."""

from datetime import UTC, datetime

NOTHING = "–"


def count(value: float | None) -> str:
    """ "1,234"; what is not a whole number keeps three digits."""
    if value is None:
        return NOTHING
    return f"{value:,.0f}" if float(value).is_integer() else significant(value)


def significant(value: float | None) -> str:
    """Three digits: "0.00123", "1.20", "12.3", "1,234"; a whole number as it is."""
    if value is None:
        return NOTHING
    if abs(value) >= 100 or float(value).is_integer():
        return f"{value:,.0f}"
    # Rounded first, so that 99.96 is seen as the 100 that it is written as.
    rounded = float(f"{value:.3g}")
    if abs(rounded) >= 100:
        return f"{rounded:,.0f}"
    return f"{rounded:#.3g}"


def duration(ms: float | None) -> str:
    """Milliseconds as "0.42 ms", "850 ms", "1.24 s", "2 min 5 s" or "3 h 20 min"."""
    if ms is None:
        return NOTHING
    if abs(ms) < 999.5:
        return f"{significant(ms)} ms"
    if abs(ms) < 119_500:
        return f"{significant(ms / 1000)} s"
    seconds = round(ms / 1000)
    if seconds < 7200:
        return _in_two(seconds, 60, "min", 1, "s")
    return _in_two(seconds, 3600, "h", 60, "min")


def _in_two(seconds: int, large: int, large_unit: str, small: int, small_unit: str) -> str:
    rest = seconds % large // small
    return f"{seconds // large} {large_unit}" + (f" {rest} {small_unit}" if rest else "")


def percent(rate: float | None) -> str:
    """0..1 as "12.3 %"; what is above 0 is never shown as 0, nor what is below 1 as 100."""
    if rate is None:
        return NOTHING
    if 0 < rate < 0.0005:
        return "under 0.1 %"
    if 0.9995 <= rate < 1:
        return "over 99.9 %"
    return f"{rate * 100:.1f} %" if rate not in (0, 1) else f"{rate * 100:.0f} %"


def score(value: float | None) -> str:
    """A BERTScore F1, "0.812"."""
    return NOTHING if value is None else f"{value:.3f}"


def mebibytes(value: float | None) -> str:
    """MiB as "512 MiB" or "1.4 GiB"."""
    if value is None:
        return NOTHING
    return f"{significant(value)} MiB" if value < 1024 else f"{significant(value / 1024)} GiB"


def moment(time: datetime) -> str:
    """ "2026-11-23 22:05 UTC"."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def span(since: datetime, until: datetime) -> str:
    """ "2026-11-23 22:05 to 22:09 UTC"; the second day only where it is another."""
    first, last = since.astimezone(UTC), until.astimezone(UTC)
    end = f"{last:%H:%M}" if first.date() == last.date() else f"{last:%Y-%m-%d %H:%M}"
    return f"{first:%Y-%m-%d %H:%M} to {end} UTC"


def share(part: int, whole: int) -> str:
    """ "12 of 34 (35.3 %)"; without a whole there is no share."""
    return f"{part:,} of {whole:,} ({percent(part / whole)})" if whole else f"{part:,} of 0"


def noun(number: int, one: str, many: str | None = None) -> str:
    """ "1 question", "2 questions"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
