"""What was read out of some bytes, remembered by their digest: bytes under a digest never change.

The memory is bounded and forgets what was longest in it. It is a convenience of one process; what
is not in it is read again.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

from openward.vocabulary import Sha256

V = TypeVar("V")


class Remembered(Generic[V]):
    """At most `most` values, each by the digest of the bytes it was read from."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: dict[Sha256, V] = {}

    def get(self, sha256: Sha256, read: Callable[[], V]) -> V:
        """The value of these bytes; `read` is called where it is not in memory."""
        if sha256 in self._values:
            return self._values[sha256]
        value = read()
        while len(self._values) >= self._most:
            # Another thread may have dropped the same one.
            self._values.pop(next(iter(self._values), sha256), None)
        self._values[sha256] = value
        return value
