"""Every setting, its default and its bounds: read once at the edge of a process, from `ANSWERLOOP_*` variables.

Library code takes plain values and never reads the environment.
"""

from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, AnyHttpUrl, BeforeValidator, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from streaming.errors import ConfigurationError
from streaming.retry_policy import Budget


def _http_url(value: str) -> str:
    AnyHttpUrl(value)
    return value.rstrip("/")


def _printable(value: SecretStr) -> SecretStr:
    # A header holds nothing else, and the error about one that does would quote it.
    if not all("!" <= each <= "~" for each in value.get_secret_value()):
        raise ValueError("only printable ASCII without spaces can be sent; look for a line break at its end")
    return value


def _targets(value: object) -> object:
    if not isinstance(value, str):
        return value
    pairs = [each.strip().partition("=") for each in value.split(",") if each.strip()]
    if any(not name or not separator for name, separator, _ in pairs):
        raise ValueError("give name=http://host:port for each service, separated by commas")
    return {name: url for name, _, url in pairs}


def _names(value: object) -> object:
    return tuple(each.strip().lower() for each in value.split(",") if each.strip()) if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)]
Bearer = Annotated[SecretStr, AfterValidator(_printable)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
Targets = Annotated[dict[str, HttpUrl], NoDecode, BeforeValidator(_targets)]
Port = Annotated[int, Field(ge=1, le=65535)]
DatabaseUrl = Annotated[str, Field(pattern=r"^postgres(ql)?://")]


class Settings(BaseSettings):
    """The settings of one process. An empty variable counts as not set."""

    model_config = SettingsConfigDict(
        env_prefix="ANSWERLOOP_", env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    # where the components are
    kafka_bootstrap: str = Field("127.0.0.1:9092", min_length=3)
    database_url: DatabaseUrl = "postgresql://answerloop@127.0.0.1:5432/answerloop"
    migration_database_url: DatabaseUrl | None = Field(None, description="the tables' owner, for `provision`; none: database_url")
    reports_database_url: DatabaseUrl | None = Field(None, description="a login that reads, for reports; none: database_url")
    redis_url: str = Field("redis://127.0.0.1:6379/0", pattern=r"^(rediss?|unix)://")
    flink_url: HttpUrl = "http://127.0.0.1:8081"
    ollama_url: HttpUrl = "http://127.0.0.1:11434"
    model_url: HttpUrl | None = Field(None, description="the model server, with or without `/v1`; none: ollama_url")
    api_url: HttpUrl = "http://127.0.0.1:8000"

    # what this process listens on
    host: str = "127.0.0.1"
    api_port: Port = 8000
    ops_port: int = Field(0, ge=0, le=65535, description="/healthz, /readyz and /metrics of a service; 0: none")
    api_token: SecretStr | None = None
    callback_hosts: Names = Field(
        (), description="hosts that results may be sent to: `name` or `.domain`, separated by commas; none: no callbacks"
    )
    callback_secret: SecretStr | None = Field(None, description="signs callbacks: `whsec_` and the base64 of 24 to 64 random bytes")
    callback_allow_private: bool = Field(
        False, description="whether callbacks may go to private and loopback addresses, over plain HTTP too"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    # Kafka
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    kafka_sasl_mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = "SCRAM-SHA-512"
    kafka_sasl_username: str | None = Field(None, validate_default=True)
    kafka_sasl_password: SecretStr | None = Field(None, validate_default=True)
    kafka_ssl_ca_location: Path | None = Field(
        None, description="PEM of who signed the brokers' certificates; none: whom the system trusts"
    )
    replication_factor: int = Field(1, ge=1, le=7)
    fetch_window: int = Field(10_000, ge=1, le=10_000, description="records of a partition taken beyond its committed offset")

    # the model
    model_api: str = Field("ollama", min_length=1, description="what the model server speaks: `ollama`, `openai`, or `auto`, which asks it")
    model_key: Bearer | None = Field(None, description="sent to the model server as a bearer token")
    model: str = Field("llama3.2:1b", min_length=1)
    model_deadline_s: float = Field(120.0, gt=0, le=3600)
    model_num_predict: int = Field(256, ge=1, le=32_768)
    model_temperature: float = Field(0.7, ge=0, le=2)
    model_in_flight: int = Field(8, ge=1, le=256, description="model calls in flight at the start")
    model_in_flight_max: int = Field(32, ge=1, le=256)

    # retries and scores
    retry_budget: Budget = Budget.SHARED
    score_threshold: float = Field(0.75, ge=-1, le=1)
    scorer: str = Field("bertscore", min_length=1, description="what scores an answer against its reference")
    scorer_model: str = Field("all-MiniLM-L6-v2", min_length=1, description="a path, a model name, or the one that ships")
    scorer_layers: int = Field(6, ge=1, le=64)

    # storage
    database_pool: int = Field(10, ge=2, le=100)
    persist_batch: int = Field(500, ge=1, le=5000)
    persist_linger_ms: int = Field(20, ge=0, le=5000)
    max_unenqueued: int = Field(10_000, ge=1)

    # the sampler
    sampler_targets: Targets = Field({}, description="services whose /metrics are sampled: `name=http://host:port`, separated by commas")

    # reports
    reports_dir: Path = Field(Path("reports"), description="where reports are written: HTML, JSON, CSV")

    # pages
    web_assets: Path | None = Field(None, description="the folder of htmx.min.js, which makes parts of the pages in Airflow live")

    # Flink
    flink_parallelism: int = Field(1, ge=1, le=64)
    flink_connector_jar: Path | None = None
    checkpoint_dir: Path | None = None
    checkpoint_interval_ms: int = Field(5_000, ge=500, le=600_000)

    # fault runs
    failpoints: Path | None = Field(None, description="a folder whose files end a service at a named point; none: never")

    # the simulator
    simulator_port: Port = 11434
    simulator_slots: int = Field(8, ge=1, le=1024)
    simulator_latency_ms: float = Field(150.0, ge=0, le=60_000, description="median time of a model call")
    simulator_seed: int = Field(1, ge=0)
    simulator_latency_spread: float = Field(0.35, ge=0, le=2, description="sigma of the log-normal; 0: every call takes the median")
    simulator_profile: Literal["clean", "demo"] = "demo"
    simulator_faults: str = Field("", description="JSON as PUT to /simulator/faults, instead of the profile's")
    simulator_quality: str = Field("", description="JSON as PUT to /simulator/quality, instead of the profile's")
    simulator_calls: Path | None = Field(None, description="a file that each call of the simulator is written to, a line of JSON each")
    simulator_other_model: str = Field("llama3.2:3b", min_length=1, description="a second model that is there")
    simulator_corpus: str = Field("", description="CSV files to answer from where the database knows no reference, separated by `:`")

    @field_validator("kafka_sasl_username", "kafka_sasl_password")
    @classmethod
    def _login_is_whole(cls, value: object, info: ValidationInfo) -> object:
        protocol = info.data.get("kafka_security_protocol", "")
        if value is None and protocol.startswith("SASL_"):
            raise ValueError(f"ANSWERLOOP_KAFKA_SECURITY_PROTOCOL={protocol} needs it")
        return value

    @property
    def kafka_login(self) -> dict[str, str]:
        """How a client of Kafka logs in, in librdkafka's words; nothing where everybody is let in."""
        if self.kafka_security_protocol == "PLAINTEXT":
            return {}
        login: dict[str, str] = {"security.protocol": self.kafka_security_protocol}
        if self.kafka_security_protocol.startswith("SASL_") and self.kafka_sasl_username and self.kafka_sasl_password:
            password = self.kafka_sasl_password.get_secret_value()
            login |= {"sasl.mechanism": self.kafka_sasl_mechanism, "sasl.username": self.kafka_sasl_username, "sasl.password": password}
        return login | ({"ssl.ca.location": str(self.kafka_ssl_ca_location)} if self.kafka_ssl_ca_location else {})

    @property
    def model_address(self) -> str:
        """The model server."""
        return self.model_url or self.ollama_url

    @property
    def owner_url(self) -> str:
        """PostgreSQL as the owner of the tables."""
        return self.migration_database_url or self.database_url

    @property
    def reader_url(self) -> str:
        """PostgreSQL as who reads, and writes reports."""
        return self.reports_database_url or self.database_url


@cache
def load() -> Settings:
    """The settings of this process.

    Raises ConfigurationError that lists every bad one: name, value, what is allowed.
    """
    try:
        return Settings()
    except ValidationError as err:
        lines = [f"  ANSWERLOOP_{name.upper()}={_shown(name, given)}: {message}" for name, given, message in _mistakes(err)]
        raise ConfigurationError("Settings that cannot be used; correct them and start again:\n" + "\n".join(lines)) from None


def _mistakes(err: ValidationError) -> list[tuple[str, object, str]]:
    return [("_".join(map(str, each["loc"])), each["input"], each["msg"]) for each in err.errors()]


def _shown(name: str, given: object) -> str:
    """What was given; nothing of an address or a secret, which may hold a password anywhere."""
    return "(not shown)" if name.endswith(("_url", "_targets", "_key", "_token", "_secret", "_password")) else repr(given)
