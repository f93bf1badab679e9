"""The inference room: the only one that asks a model anything."""
