"""What will answer: a real model, or the simulator, which says so in its greeting."""

import logging

from streaming.errors import Unreachable
from streaming.model.server import ModelServer, is_simulated

log = logging.getLogger(__name__)

DEADLINE_S = 3.0


async def says_it_is_simulated(server: ModelServer) -> bool:
    """Whether the server is the simulator. One that cannot be asked now counts as real until the answers say otherwise: see the summary."""
    try:
        async with server:
            return is_simulated(await server.greeting(DEADLINE_S))
    except Unreachable as err:
        log.warning("the model server at %s does not answer (%s); the run begins all the same", server.address, err)
        return False
