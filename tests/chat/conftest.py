"""An encoder of each template, over a small tokenizer."""

import pytest
from tests.chat.toys import GEMMA, small_encoder, train
from tokenizers import Tokenizer

from zhiyin.chat.encode import Encoder
from zhiyin.chat.templates.alpaca import Alpaca
from zhiyin.chat.templates.gemma2 import Gemma2
from zhiyin.chat.templates.gemma2_system import Gemma2System
from zhiyin.chat.templates.llama3 import Llama3


@pytest.fixture(scope="session")
def gemma() -> Tokenizer:
    """Return a tokenizer with Gemma-2's special tokens at Gemma-2's places."""
    return train(GEMMA)


@pytest.fixture(
    scope="session", params=[Alpaca(), Gemma2(), Gemma2System(), Llama3()], ids=lambda template: template.name
)
def encoder(request: pytest.FixtureRequest) -> Encoder:
    """Return an encoder of each template."""
    return small_encoder(request.param)
