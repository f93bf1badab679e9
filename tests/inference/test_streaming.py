"""Text out of a stream: whole characters only, and nothing lost."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models

from zhiyin.chat.encode import Encoder
from zhiyin.inference.streaming import pieces


def decode(encoder: Encoder, ids: list[int]) -> str:
    text: str = encoder.tokenizer.decode(ids)
    return text


@pytest.mark.parametrize("text", ["龘靐齉𠮷", "🀄👩‍👩‍👧 and text", "春眠不觉晓，处处闻啼鸟。", "", "é"])
def test_characters_of_several_tokens_come_whole(encoder: Encoder, text: str) -> None:
    ids: list[int] = encoder.tokenizer.encode(text, add_special_tokens=False).ids
    found = list(pieces(ids, lambda some: decode(encoder, list(some))))
    assert "".join(found) == text
    assert not any("\ufffd" in piece for piece in found)
    assert all(found)


def test_a_piece_comes_as_soon_as_it_is_whole(encoder: Encoder) -> None:
    ids: list[int] = encoder.tokenizer.encode("龘靐", add_special_tokens=False).ids
    assert len(ids) == 6
    read: list[int] = []

    def noted() -> Iterator[int]:
        for token in ids:
            read.append(token)
            yield token

    stream = pieces(noted(), lambda some: decode(encoder, list(some)))
    assert [(piece, len(read)) for piece in stream] == [("龘", 3), ("靐", 6)]


@given(data=st.data())
def test_any_ids_add_up_to_the_whole_text(encoder: Encoder, data: st.DataObject) -> None:
    ids = data.draw(st.lists(st.integers(0, encoder.tokenizer.get_vocab_size() - 1), max_size=40))
    assert "".join(pieces(ids, lambda some: decode(encoder, list(some)))) == decode(encoder, ids)


def test_a_decoder_that_drops_the_first_space() -> None:
    tokenizer = Tokenizer(models.WordLevel({"▁春": 0, "▁眠": 1, "晓": 2}, unk_token="晓"))
    tokenizer.decoder = decoders.Metaspace()
    found = list(pieces([0, 1, 2, 1], lambda some: str(tokenizer.decode(list(some)))))
    assert found == ["春", " 眠", "晓", " 眠"]
