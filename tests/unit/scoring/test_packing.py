"""Which texts go through the model together, and which embeddings stay."""

from hypothesis import given
from hypothesis import strategies as st

from streaming.scoring.packing import packed
from streaming.scoring.recent import Recent


@given(st.lists(st.integers(1, 600), max_size=80), st.integers(1, 4096))
def test_every_text_is_in_one_batch_and_no_batch_of_several_exceeds_the_budget(lengths: list[int], budget: int) -> None:
    batches = packed(lengths, budget)
    assert sorted(position for batch in batches for position in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or max(lengths[position] for position in batch) * len(batch) <= budget


def test_texts_of_like_length_share_a_batch() -> None:
    assert packed([100, 3, 99, 4], 200) == [[1, 3], [2, 0]]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 40)), max_size=60))
def test_the_cache_never_holds_more_than_it_may(entries: list[tuple[int, int]]) -> None:
    cache: Recent[int, int] = Recent(100)
    newest: dict[int, int] = {}
    for key, size in entries:
        cache.put(key, size, size)
        newest[key] = size
        assert cache.bytes_held <= 100
        assert cache.get(key) == size
    held = [found for key in newest if (found := cache.get(key)) is not None]
    assert sum(held) == cache.bytes_held
    assert len(held) == len(cache)


def test_what_was_unused_for_longest_goes_first() -> None:
    cache: Recent[str, str] = Recent(3)
    for key in "abc":
        cache.put(key, key, 1)
    cache.get("a")
    cache.put("d", "d", 1)
    assert [cache.get(key) for key in "abcd"] == ["a", None, "c", "d"]


def test_an_entry_larger_than_the_cache_evicts_nothing() -> None:
    cache: Recent[str, str] = Recent(3)
    cache.put("a", "a", 3)
    cache.put("b", "b", 4)
    assert cache.get("a") == "a"
    assert cache.get("b") is None
