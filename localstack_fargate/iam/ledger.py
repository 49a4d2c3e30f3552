"""What was used: for each role, and each resource that has a policy, the statements that allowed a call.

A statement's use is kept with one call as an example, rather one that no other statement would have allowed: with it
anybody can try what would come of taking the statement away.
"""

import threading
import uuid
from dataclasses import dataclass
from typing import Any

from .evaluation import Decision
from .policy import Request

MAX_DENIALS = 500


@dataclass
class Use:
    """In how many calls that were not denied a statement allowed an action, and in how many no other would have."""

    calls: int = 0
    alone: int = 0
    example: Request | None = None


class Ledger:
    """All that was allowed and denied since the emulator's start; of the denials the last ones."""

    def __init__(self) -> None:
        self.id = uuid.uuid4().hex
        self._lock = threading.Lock()
        self._uses: dict[tuple[str, str, str, str, str], Use] = {}
        self._denials: dict[str, int] = {}

    def allow(self, caller: str, request: Request, decision: Decision) -> None:
        """Note a call of a role, given by its ARN, or of a service."""
        with self._lock:
            for grant in decision.grants:
                use = self._uses.setdefault((caller, *grant, request.action), Use())
                use.calls += 1
                is_alone = len(decision.grants) == 1
                use.alone += is_alone
                if use.example is None or (is_alone and use.alone == 1):
                    use.example = request

    def deny(self, said: str) -> None:
        """Note a denial, by its words."""
        with self._lock:
            self._denials[said] = self._denials.pop(said, 0) + 1  # which puts it last
            if len(self._denials) > MAX_DENIALS:
                del self._denials[next(iter(self._denials))]

    def as_json(self) -> dict[str, Any]:
        """Everything; the same id comes with what only grows."""
        with self._lock:
            return {
                "id": self.id,
                "uses": [_shown(*key, use) for key, use in self._uses.items()],
                "denials": [{"message": said, "calls": calls} for said, calls in self._denials.items()],
            }


def _shown(caller: str, kind: str, policy: str, statement: str, action: str, use: Use) -> dict[str, Any]:
    example = use.example
    return {
        "caller": caller,
        "kind": kind,
        "policy": policy,
        "statement": statement,
        "action": action,
        "calls": use.calls,
        "alone": use.alone,
        "example": None
        if example is None
        else {
            "action": example.action,
            "resource": example.resource,
            "context": {key: list(values) for key, values in example.context.items()},
        },
    }
