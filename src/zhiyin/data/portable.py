"""Exceptions that travel between processes: one that cannot goes as its words."""

import pickle


def portable(error: Exception) -> Exception:
    """Return the exception, or one that says its words when it cannot be pickled or made anew from what was."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error
