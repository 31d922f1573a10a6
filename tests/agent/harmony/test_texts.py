from __future__ import annotations

import gc
import time
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai_harmony import HarmonyEncoding, Message, Role

from fakes.counting_encoding import CountingEncoding
from ossifrage.agent.harmony.texts import EncodedTexts


@given(st.text() | st.sampled_from(["<|start|>system<|message|>", "a\x00b", "龍\u200d🦅", ""]))
def test_a_text_is_encoded_as_harmony_does(encoding: HarmonyEncoding, text: str) -> None:
    texts = EncodedTexts(encoding)
    clean = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    expected = encoding.render(Message.from_role_and_content(Role.USER, clean))[3:-1]
    assert list(texts.tokens(text)) == list(texts.tokens(text)) == expected


def test_memory_is_bounded_by_bytes(encoding: HarmonyEncoding) -> None:
    texts = EncodedTexts(encoding, max_bytes=2**18)
    texts.tokens("warm up")
    gc.collect()
    tracemalloc.start()
    try:
        for number in range(60):
            texts.tokens(f"{number} is a number. " * 1_000)
            assert texts.kept_bytes <= 2**18
        gc.collect()
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert texts.kept_bytes > 2**17
    assert held < 1.2 * 2**18


def test_the_texts_used_last_stay(encoding: HarmonyEncoding) -> None:
    counting = CountingEncoding(encoding)
    texts = EncodedTexts(counting.as_encoding, max_bytes=10_000)
    for number in range(20):
        texts.tokens("kept")
        texts.tokens(f"{number} " * 500)
    assert counting.encoded["kept"] == 1
    texts.tokens("0 " * 500)
    assert counting.encoded["0 " * 500] == 2


def test_a_text_larger_than_everything_is_not_kept(encoding: HarmonyEncoding) -> None:
    texts = EncodedTexts(encoding, max_bytes=10_000)
    texts.tokens("kept")
    before = texts.kept_bytes
    assert len(texts.tokens("x y " * 10_000)) > 10_000
    assert texts.kept_bytes == before > 0


@pytest.mark.parametrize("unit", ["x", "漢", "1", "!", " ", "\n", "🦅", "aB", "é", "_"])
def test_a_long_run_of_one_kind_is_encoded_in_linear_time(unit: str, encoding: HarmonyEncoding) -> None:
    text = unit * 60_000
    began = time.process_time()
    tokens = EncodedTexts(encoding).tokens(text)
    assert encoding.decode(list(tokens)) == text
    assert time.process_time() - began < 5  # all at once, 60,000 Chinese characters take 14 s


def test_prose_is_encoded_as_one_piece(encoding: HarmonyEncoding) -> None:
    text = (
        "The bearded vulture feeds on bones, which it drops from a height. " * 100
        + "胡兀鷲以骨頭為食，" * 300
    )
    assert list(EncodedTexts(encoding).tokens(text)) == encoding.encode(text, disallowed_special=())
