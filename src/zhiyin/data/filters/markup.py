"""Reject records that still hold the markup of the web pages they came from."""

import re

from pydantic import Field

from zhiyin.data.filters import Filter
from zhiyin.data.sources import Record
from zhiyin.data.texts import texts
from zhiyin.text.language import without_code

_TAG = re.compile(
    r"</?(?:a|b|br|center|div|em|font|h[1-6]|i|img|li|ol|p|span|strong|table|tbody|td|th|tr|u|ul)\b[^<>]{0,300}>"
    r"|&(?:nbsp|lt|gt|amp|quot|ldquo|rdquo|hellip|mdash|#\d{1,6}|#x[0-9a-f]{1,5});",
    re.IGNORECASE,
)
_LINK = re.compile(r"https?://[^\s\u3000-\u303f\uff00-\uffef]{3,}|\bwww\.[\w-]+\.\w+")


class Markup(Filter):
    """Tags and entities of HTML outside of code, and addresses of the web."""

    max_tags: int = Field(default=3, ge=0)
    """Tags and entities that a record may have; texts about HTML have some."""
    max_links: int = Field(default=3, ge=0)
    """Addresses that a record may have."""

    def reject(self, record: Record) -> str | None:
        """Count tags, then addresses."""
        whole = "\n".join(texts(record))
        # Most texts hold neither sign.
        if ("<" in whole or "&" in whole) and len(_TAG.findall(without_code(whole))) > self.max_tags:
            return "tags of HTML"
        if ("://" in whole or "www." in whole) and len(_LINK.findall(whole)) > self.max_links:
            return "addresses of the web"
        return None
