"""Reject records in which a turn holds the markers of a chat format."""

from zhiyin.data.filters import Filter
from zhiyin.data.sources import Record
from zhiyin.data.texts import texts
from zhiyin.text.manner import holds_markers


class ChatMarkers(Filter):
    """Control tokens, `[|Human|]`, `<bot>:`, `### Response:`: turns that were cut at the wrong place."""

    def reject(self, record: Record) -> str | None:
        """Look for a marker in any text."""
        return "markers of a chat format" if any(map(holds_markers, texts(record))) else None
