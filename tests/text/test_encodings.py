"""Bytes are named by what they are, and not guessed at where that cannot be told."""

import pytest

from zhiyin.text.encodings import is_gb18030, not_utf8, wide

POEM = "床前明月光，疑是地上霜。"


@pytest.mark.parametrize("encoding", ["gb18030", "gbk", "gb2312"])
@pytest.mark.parametrize("text", [POEM, "中", '{"instruction": "问题", "output": "a"}', "Hello，世界"])
def test_chinese_in_gb18030_is_known(encoding: str, text: str) -> None:
    assert is_gb18030(text.encode(encoding))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"plain",
        POEM.encode(),
        POEM.encode()[:-1],
        POEM.encode()[:-2],
        POEM.encode() + b"\xff",
        POEM.encode()[:7] + POEM.encode()[8:],
        "déjà vu, café au lait".encode("latin-1"),
        "naïve Straße über".encode("cp1252"),
        "山头，霜在乡".encode()[:-1] + "，是明山".encode(),
        "举有".encode() + "要".encode()[1:],
        b"\xff\xfe\x00",
        bytes(range(128, 256)),
        "知音".encode("big5")[:3],
    ],
)
def test_other_bytes_are_not_taken_for_it(raw: bytes) -> None:
    assert not is_gb18030(raw)
    assert not_utf8(raw) == "not valid UTF-8"


@pytest.mark.parametrize(
    ("head", "name"),
    [
        ("题".encode("utf-16"), "UTF-16LE"),
        (b"\xfe\xff" + "题".encode("utf-16-be"), "UTF-16BE"),
        ('{"a": 1}'.encode("utf-16-le"), "UTF-16LE"),
        ('{"a": 1}'.encode("utf-16-be"), "UTF-16BE"),
        (b'{"a": 1}', ""),
        (POEM.encode(), ""),
        (b"\0\0\0\0\0", ""),
        (b"", ""),
        (b"a", ""),
    ],
)
def test_utf_16_is_known_by_its_mark_or_its_zeros(head: bytes, name: str) -> None:
    assert wide(head) == name
