"""How a process logs, set up once, where it begins."""

import logging

from streaming import settings
from streaming.settings import Settings


def set_up(level: str) -> None:
    """One line a record, times in UTC."""
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True)
    for chatty in ("httpx", "httpcore"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def loaded_settings() -> Settings:
    """The settings of this process, its logging set up: what every command begins with."""
    loaded = settings.load()
    set_up(loaded.log_level)
    return loaded
