"""Our own Chinese format for a field of knowledge, which its preamble names."""

from pydantic import field_validator

from zhiyin.chat.instruction import Prompts
from zhiyin.chat.templates import InstructionTemplate


class ChineseDomain(InstructionTemplate):
    """A preamble that names the field, then `### 问题：`, `### 材料：` and `### 回答：`."""

    domain: str
    """The field of knowledge, as it stands in the preamble: 医学, 中国法律, 古典诗词."""

    @field_validator("domain")
    @classmethod
    def _one_line(cls, domain: str) -> str:
        if not domain.strip() or set(domain) & set("\n{}"):
            raise ValueError(f"a domain is a line of text without braces, such as 医学; found {domain!r}")
        return domain.strip()

    def prompts(self) -> Prompts:
        """See `InstructionTemplate`."""
        return Prompts(
            prompt_input=(
                f"下面的问题属于{self.domain}领域，并附有相关材料。请运用专业知识，依据材料作出准确、清楚的回答。\n\n"
                "### 问题：\n{instruction}\n\n### 材料：\n{input}\n\n### 回答：\n"
            ),
            prompt_no_input=(
                f"下面的问题属于{self.domain}领域。请运用专业知识，作出准确、清楚的回答。\n\n"
                "### 问题：\n{instruction}\n\n### 回答：\n"
            ),
            response_split="### 回答：",
        )
