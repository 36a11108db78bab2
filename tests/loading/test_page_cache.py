"""When loads go past the page cache."""

from __future__ import annotations

from chunkc.compiler.loading.page_cache import LEAST, TRIED, PageCache


def test_a_cache_that_keeps_nothing_is_passed_by_and_tried_again() -> None:
    cache, chunks = PageCache(), "abcd"
    assert [cache.way(chunk, False) for chunk in chunks] == ["through"] * 4, "what is read first says nothing of what is kept"
    assert [cache.way(chunk, False) for chunk in chunks] == ["through", "through", "past", "past"]
    later = [cache.way(chunks[i % 4], False) for i in range(10 * TRIED)]
    assert later.count("through") == 10
    assert {cache.way(chunk, True) for chunk in chunks} == {"cached"}, "what lies there is taken from there"
    for _ in range(4):
        cache.way("a", True)
    assert cache.way("e", False) == "through", "it keeps again what is read"


def test_the_faster_way_is_taken() -> None:
    cache = PageCache()
    cache.kept = 0.0
    cache.took("through", 1000, 1.0)
    for i in range(LEAST):
        assert cache.way(i, False) == "past", "it is tried"
        cache.took("past", 1000, 3.0)
    assert [cache.way(i, False) for i in range(TRIED)].count("past") == 1
    cache.took("past", 1000, 0.5)
    assert [cache.way(i, False) for i in range(TRIED)].count("past") == TRIED - 1


def test_one_way_alone() -> None:
    cache = PageCache()
    cache.only = "past"
    assert [cache.way("a", here) for here in (False, True, False)] == ["past", "cached", "past"]
