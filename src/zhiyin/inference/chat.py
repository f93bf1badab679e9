"""A conversation with one model, kept turn by turn: what `zhiyin chat` talks to."""

from collections.abc import Iterator
from pathlib import Path

from zhiyin.artifacts import Adapter, Checkpoint
from zhiyin.execution.catalog import make
from zhiyin.execution.runtime import Runtime
from zhiyin.inference.engines import Dtype, Engine, Question, Session
from zhiyin.inference.sampling import Sampling
from zhiyin.records.conversation import Message
from zhiyin.records.prompt import Completion, Prompt


class ChatSession:
    """Holds the messages so far. What a user types is text, whatever control strings it contains."""

    def __init__(self, session: Session, *, sampling: Sampling, system: str = "") -> None:
        self._session = session
        self._sampling = sampling
        self.messages: list[Message] = [Message("system", system)] if system else []
        self.last: Completion | None = None
        """The last whole answer, with its token counts, and whether the conversation has outgrown the model."""

    @classmethod
    def open(
        cls,
        model: Path | Checkpoint | Adapter,
        *,
        runtime: Runtime,
        sampling: Sampling,
        system: str = "",
        dtype: Dtype = "float32",
    ) -> "ChatSession":
        """Load a model folder or artifact, with the template named in it."""
        session = make(Engine, "transformers").open(model, template=None, dtype=dtype, runtime=runtime)
        return cls(session, sampling=sampling, system=system)

    def reply(self, text: str) -> Iterator[str]:
        """Yield the answer to the next user turn, piece by piece, never half a character.

        Both turns are kept when the answer ends; of one broken off, what was said so far. A turn that got no answer
        is forgotten, so that user and assistant stay in turn.
        """
        user = Message("user", text)
        number = len(self.messages)
        question = Question(Prompt(f"turn-{number}", messages=(*self.messages, user)), f"chat/{number}")
        said: list[str] = []
        answer = self._session.stream(question, self._sampling)
        try:
            while True:
                piece = next(answer)
                said.append(piece)
                yield piece
        except StopIteration as end:
            self.last = end.value
        finally:
            if said:
                self.messages += [user, Message("assistant", "".join(said))]
