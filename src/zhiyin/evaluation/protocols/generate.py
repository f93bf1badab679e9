"""Ask in chat form, let the model write, and read the letter it names (`extract.letter`).

The wording is the official one; shots are turns. The chat scripts of CMMLU's authors answer at random where they find
no letter. Here such an answer is wrong and counted as unanswered.
"""

from zhiyin.evaluation.protocols import official
from zhiyin.evaluation.protocols.item import Item, Protocol, turns
from zhiyin.records.prompt import Prompt


def prompt(item: Item, chat: bool) -> Prompt:
    """Return the turns, without choices."""
    wording = official.WORDINGS[item.exam]
    return item.chat(turns(item, wording.form, wording.head(item.subject)), ())


PROTOCOL = Protocol(prompt, forms=(True,), average=official.PROTOCOL.average, writes=True)
