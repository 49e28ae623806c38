"""Ports: one file, shifted as a whole."""

from dataclasses import astuple
from pathlib import Path

import pytest

from deploy.local import ports
from streaming.errors import ConfigurationError


def test_every_port_is_shifted_by_the_offset() -> None:
    at_home, shifted = astuple(ports.load(0)), astuple(ports.load(10_000))
    assert [there - here for here, there in zip(at_home, shifted, strict=True)] == [10_000] * len(at_home)


def test_stacks_ten_thousand_apart_share_no_port() -> None:
    numbers = [port for offset in (0, 10_000, 20_000) for port in astuple(ports.load(offset))]
    assert len(set(numbers)) == len(numbers)


def test_the_usual_ports_of_system_services_stay_free() -> None:
    assert not {5432, 6379, 11434} & set(astuple(ports.load(0)))


@pytest.mark.parametrize("value", ["ten", "1.5", "0x10"])
def test_an_offset_that_is_no_number_is_named(value: str) -> None:
    with pytest.raises(ConfigurationError, match=f"ANSWERLOOP_PORT_OFFSET='{value}'"):
        ports.parse_offset(value)


@pytest.mark.parametrize("offset", [-9000, 60_000])
def test_an_offset_that_leaves_the_range_of_ports_is_refused(offset: int) -> None:
    with pytest.raises(ConfigurationError, match="between 1024 and 65535"):
        ports.load(offset)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace("redis = 6389", "redis = 5442"), "redis and postgres both have port 5442"),
        (lambda text: text.replace("redis = 6389", ""), "no port for redis"),
        (lambda text: text + "\nmongo = 7777\n", "nothing listens on mongo"),
        (lambda text: text.replace("6389", "'6389'"), "redis = '6389'"),
        (lambda text: text.replace("=", ":"), "ports.toml"),
    ],
)
def test_a_bad_ports_file_is_refused_with_its_fault(tmp_path: Path, change, said: str) -> None:  # type: ignore[no-untyped-def]
    file = tmp_path / "ports.toml"
    file.write_text(change(ports.FILE.read_text()))
    with pytest.raises(ConfigurationError, match=said):
        ports.load(0, file)
