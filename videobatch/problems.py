"""Several things to do at a time: one that cannot be done is told, and keeps nobody from doing the others."""

from collections.abc import Callable, Sequence

from videobatch.errors import JobsNotDone, OperatorError, explain
from videobatch.output import remark

_SHOWN_NAMES = 5


class Problems:
    """What could not be done of several things of one kind.

    Attributes:
        found: Their names and why, in the order in which they were tried.
    """

    def __init__(self, asked: int) -> None:
        """Begin without any.

        Args:
            asked: How many things there are to do.
        """
        self.found: dict[str, OperatorError] = {}
        self._asked = asked

    def tried[Result](self, name: str, do: Callable[[], Result]) -> Result | None:
        """Do one thing and return its result, or None: an error of the account, a job or a file is told and noted."""
        try:
            return do()
        except Exception as error:
            explained = explain(error)
            if explained is None:
                raise
            self.found[name] = explained
            if self._asked > 1:  # else it is what the command ends with
                remark(f"{name}: {explained.message}", "red")
            return None

    def as_json(self) -> dict[str, dict[str, str]]:
        """Return a field `problems` for a command's JSON; none if there are none."""
        told = {name: problem.message for name, problem in self.found.items()}
        return {"problems": told} if told else {}

    def raise_any(self, things: str, done: str, also: Sequence[str] = ()) -> None:
        """Make the command end with them, if there are any.

        Args:
            things, done: As in "2 of 5 jobs were not cancelled".
            also: Names of others that were not, of which was told already.

        Raises:
            OperatorError: The problem itself where only one thing was to do, else JobsNotDone.
        """
        if not self.found:
            return
        if self._asked == 1:
            raise next(iter(self.found.values()))
        names, hints = [*self.found, *also], {problem.hint for problem in self.found.values()}
        shown = ", ".join(names[:_SHOWN_NAMES]) + (" …" if len(names) > _SHOWN_NAMES else "")
        were = "was" if len(names) == 1 else "were"
        hint = hints.pop() if len(hints) == 1 and not also else "The reason of each is above."
        raise JobsNotDone(f"{len(names)} of {self._asked} {things} {were} not {done}: {shown}.", hint)
