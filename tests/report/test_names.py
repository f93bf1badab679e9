"""Words of the code have a name in each language."""

from zhiyin.locale.words import words
from zhiyin.records.score import SHARES
from zhiyin.report.names import measure_names, plain_names


def test_every_share_and_every_word_has_a_name() -> None:
    english, chinese = (plain_names(words(language).say) for language in ("en", "zh"))
    assert set(SHARES) <= set(measure_names(words("en").say))
    assert english["held_out"] == "held out"
    assert len(english) > 30
    assert {word for word, name in chinese.items() if name.isascii()} == set()
