"""Which model server the settings name. A new one is a file beside this one and a line here."""

from collections.abc import Callable, Mapping

from streaming.errors import ConfigurationError
from streaming.model.auto import Auto
from streaming.model.ollama import Ollama
from streaming.model.openai import OpenAI
from streaming.model.server import ModelServer
from streaming.settings import Settings

SERVERS: Mapping[str, Callable[[Settings], ModelServer]] = {
    "auto": Auto.configured,
    "ollama": Ollama.configured,
    "openai": OpenAI.configured,
}


def model_server(settings: Settings) -> ModelServer:
    """The configured server; it is reached for only once it is entered and asked. Raises ConfigurationError for an unknown kind."""
    if settings.model_api not in SERVERS:
        known = ", ".join(sorted(SERVERS))
        raise ConfigurationError(f"ANSWERLOOP_MODEL_API={settings.model_api!r} is not known. Set it to one of these: {known}.")
    return SERVERS[settings.model_api](settings)
