"""What must be there before a run begins, so that it fails at once and says why, rather than after its first thousand requests."""

import asyncio

from streaming.clock import Clock
from streaming.datasets import corpus
from streaming.errors import UserError
from streaming.kafka.positions import KafkaPositions
from streaming.model.installed import advice_against
from streaming.model.servers import model_server
from streaming.postgres.connect import LOOK_UP_S, connected
from streaming.settings import Settings
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
    async with QuestionApi(settings.api_url, token, clock) as api:
        await api.check()
    if advice := await advice_against(plan.model or settings.model, model_server(settings), clock):
        raise UserError(f"This run cannot be answered: {advice}")


def _check_stores(plan: TrafficPlan, settings: Settings) -> None:
    with connected(settings.database_url, LOOK_UP_S) as database:
        corpus.size(database, plan.dataset)
    KafkaPositions(settings.kafka_bootstrap, settings.kafka_login).partitions(
        {topic for topics in CONSUMED_BY.values() for topic in topics}
    )
