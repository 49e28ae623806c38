"""What will answer the run's questions: a real model, or the simulator, which says so in its greeting."""

import logging

import httpx

from streaming.figures.run_summary import SIMULATED
from streaming.traffic.runs import ModelServer

log = logging.getLogger(__name__)

TIMEOUT_S = 3.0


async def ask_model_server(url: str, model: str) -> ModelServer:
    """The model's name and whether the server is the simulator.

    A server that cannot be asked now counts as real until the answers say otherwise: see the summary.
    """
    try:
        async with httpx.AsyncClient(trust_env=False) as client:
            greeting = (await client.get(url, timeout=TIMEOUT_S)).text
    except httpx.HTTPError as err:
        log.warning("the model server at %s does not answer (%r); the run begins all the same", url, err)
        return ModelServer(model, False)
    return ModelServer(model, SIMULATED in greeting.lower())
