"""The few small frozen types that flow between rooms, one file a family, and the one way they lie on disk."""
