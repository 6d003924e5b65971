"""Lending database connections to the intake."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg

from watchbill.server.faults import UNANSWERED

_FAREWELL = 1.0
"""Seconds that the server has to cancel what we no longer wait for."""


@asynccontextmanager
async def borrowed(
    pool: "asyncpg.Pool[Any]",
) -> AsyncIterator["asyncpg.Connection[Any]"]:
    """Lend a connection; give it up when the borrower runs out of time.

    ConnectionError when the server has ended it meanwhile.

    Left to itself the driver asks the server to cancel and waits for the answer. A
    server that hangs gives none, and the borrower would wait with it for ever.
    """
    async with pool.acquire() as connection:
        try:
            yield connection
        except asyncio.CancelledError:
            with suppress(*UNANSWERED):
                await connection.close(timeout=_FAREWELL)
            raise
        except asyncpg.InternalClientError as error:
            # So the driver calls a connection whose last words it has heard, but not
            # yet its end; nothing that catches the errors of a database would catch it.
            message = f"the connection was ended by the server: {error}"
            raise ConnectionError(message) from error
