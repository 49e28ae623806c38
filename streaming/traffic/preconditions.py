"""What must be there before a run begins, so that it fails at once and says why, rather than after its first thousand requests."""

import asyncio

import httpx

from streaming.clock import Clock
from streaming.datasets import corpus
from streaming.errors import UserError
from streaming.kafka.admin import KafkaAdmin
from streaming.postgres.connect import connected
from streaming.settings import Settings
from streaming.storage.models import ModelServer
from streaming.topics import CONSUMED_BY
from streaming.traffic.api import QuestionApi
from streaming.traffic.plan import Arrivals, Results, TrafficPlan
from streaming.traffic.receiver import callback_key


async def check_run(plan: TrafficPlan, generators: int, settings: Settings, clock: Clock) -> None:
    """The dataset is loaded, the topics exist, the API answers, the model server has the model, each generator has a user.

    Raises UserError, ConfigurationError, Unreachable. A model server that cannot be asked is no obstacle: questions wait for it.
    """
    if plan.arrivals is Arrivals.CLOSED and plan.users < generators:
        raise UserError(f"{plan.users} users cannot be shared among {generators} generators: take at most one generator a user.")
    if plan.results is Results.CALLBACK:
        callback_key(settings)
    await asyncio.to_thread(_check_stores, plan, settings)
    token = settings.api_token.get_secret_value() if settings.api_token else None
    async with QuestionApi(settings.api_url, token, clock) as api, httpx.AsyncClient(trust_env=False) as client:
        await api.check()
        refusal = await ModelServer(client, settings.ollama_url, clock).refusal(plan.model or settings.model)
    if refusal:
        raise UserError(f"This run cannot be answered: {refusal}. Choose one of these, or install it there (`ollama pull`).")


def _check_stores(plan: TrafficPlan, settings: Settings) -> None:
    with connected(settings.database_url) as database:
        corpus.size(database, plan.dataset)
    KafkaAdmin(settings.kafka_bootstrap, settings.kafka_login).partitions({topic for topics in CONSUMED_BY.values() for topic in topics})
