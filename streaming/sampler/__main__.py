"""`python -m streaming.sampler`: samples of Kafka and Flink, every 15 s."""

import asyncio

from streaming import settings
from streaming.sampler.service import run
from streaming.service import set_up_logging

if __name__ == "__main__":
    loaded = settings.load()
    set_up_logging(loaded)
    asyncio.run(run(loaded))
