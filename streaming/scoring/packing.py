"""Which texts go through the model together. Pure."""

from collections.abc import Sequence


def packed(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Batches of positions, such that texts of like length share a batch and (longest x count) stays within `budget` tokens.

    A text longer than the budget has a batch of its own. Padding is what makes batches of unlike texts slow.
    """
    batches: list[list[int]] = []
    for position in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batches and lengths[position] * (len(batches[-1]) + 1) <= budget:
            batches[-1].append(position)
        else:
            batches.append([position])
    return batches
