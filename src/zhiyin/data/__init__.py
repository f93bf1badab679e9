"""The data room: from rows on disk or a hub to clean, mixed, split records."""
