"""Under which terms a data set may be used: what a model made from it inherits."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Licence:
    """The licence of a data set, as its home states it."""

    name: str
    """`MIT`, `CC BY-NC 4.0`; `not stated` where the home states none."""
    commercial: bool | None
    """Whether commercial use is allowed; None where that is not stated, which is treated as not allowed."""
    terms: str = ""
    """What else must be known, in a sentence: research only, an agreement to sign, the licences of the sets inside."""


@dataclass(frozen=True)
class DataSet:
    """A data set that records were made from; the `data_set` in the summary of a set that was collected."""

    name: str
    """The `source` of its records."""
    home: str
    """Its page; empty for files that can be anybody's."""
    licence: Licence
    places: tuple[str, ...] = ()
    """Names of files, or `owner/name@revision`."""
    verified: bool = False
    """Its columns were read in the real files, or in published code that reads them."""
