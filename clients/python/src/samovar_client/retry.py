"""When a refused or broken request is tried again, and how often a broken stream is opened anew."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Retry:
    """How requests are tried again.

    429 and 503 are: the server has done nothing then. A connection that breaks is tried again only for what may be sent twice.
    `Retry-After` is honoured; where it is longer than `wait_max_s` the error is raised at once.
    """

    attempts: int = 4
    """In all, the first one included; 1 tries nothing again."""
    delay_s: float = 0.25
    """Before the second attempt where the server says nothing; twice as long before each further one."""
    wait_max_s: float = 30.0
    """The longest single wait."""

    def wait_s(self, failed: int, retry_after_s: float | None) -> float | None:
        """The wait after `failed` attempts, in seconds; none where it is enough."""
        if failed >= self.attempts:
            return None
        wait_s = self._own_s(failed) if retry_after_s is None else retry_after_s
        return wait_s if wait_s <= self.wait_max_s else None

    def _own_s(self, failed: int) -> float:
        # Clients that were refused together should not come back together.
        longest_s = min(self.delay_s * 2.0 ** min(failed - 1, 16), self.wait_max_s)
        return longest_s * random.uniform(0.5, 1.0)


RETRY = Retry()
NEVER = Retry(attempts=1)
RECONNECT = Retry(attempts=8, delay_s=0.5)
