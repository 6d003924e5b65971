"""A request that the intake does not take, and why."""

from watchbill.integrations.sources import Refused


class Refusal(Exception):
    """A request that is not taken, with the answer that says why.

    ``reason`` is one word for machines, by which refusals are counted; the text of the
    exception is the problem in words, ``where`` a path into the document and ``hint``
    what the operator of the source can do.
    """

    def __init__(
        self,
        status: int,
        reason: str,
        problem: str,
        *,
        where: str = "",
        hint: str = "",
        integration_id: int | None = None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(problem)
        self.status = status
        self.reason = reason
        self.where = where
        self.hint = hint
        self.integration_id = integration_id
        self.headers = headers

    def told(self, *, request_id: str, took: float) -> Refused:
        """Return it as a source's module is told of it; ``took`` is in seconds."""
        return Refused(
            status=self.status,
            reason=self.reason,
            problem=str(self),
            where=self.where,
            hint=self.hint,
            request_id=request_id,
            took=took,
        )


def not_stored(integration_id: int | None = None) -> Refusal:
    """Return the refusal of a post of which nobody knows that it is on disk."""
    return Refusal(
        503,
        "not_stored",
        "the database did not confirm the post",
        hint="send it again in a moment",
        integration_id=integration_id,
        headers=(("retry-after", "1"),),
    )
