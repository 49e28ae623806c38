"""What is found before anything starts."""

import os
import socket
from pathlib import Path

import pytest

from deploy.local import preflight
from deploy.local.places import places
from deploy.local.programs import Program

GIB = 1024**3


def program(*ports: int) -> Program:
    return Program(name="kafka", command=("true",), address="", ports=ports, alive=lambda: None, ready=lambda: None)


@pytest.mark.parametrize(
    ("output", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('openjdk version "21" 2023-09-19', 21),
        ('java version "1.8.0_392"', 8),
        ("The operation couldn't be completed. Unable to locate a Java Runtime.", None),
    ],
)
def test_the_java_version_is_read_from_what_java_says(output: str, version: int | None) -> None:
    assert preflight.parse_java_version(output) == version


def test_java_17_and_newer_will_do_and_nothing_else() -> None:
    assert preflight.java_problem(17) is None
    assert preflight.java_problem(21) is None
    assert "Java 11 is first on the path" in str(preflight.java_problem(11))
    assert "no Java on the path" in str(preflight.java_problem(None))


def test_too_little_memory_is_said_with_both_figures() -> None:
    assert preflight.memory_problem(6 * GIB) is None
    assert "3.5 GB of memory are available, the stack needs 6 GB" in str(preflight.memory_problem(int(3.5 * GIB)))


def test_a_full_disk_is_said_with_its_place(tmp_path: Path) -> None:
    here = places({}, tmp_path)
    assert preflight.disk_problem(50 * GIB, here) is None
    assert str(here.state) in str(preflight.disk_problem(GIB, here))


def test_each_taken_port_is_one_line_that_names_program_and_holder() -> None:
    lines = preflight.port_problems([program(1, 2, 3)], lambda port: port == 2, lambda port: f"holder {port}")
    assert len(lines) == 2
    assert lines[0].startswith("port 1 of kafka is taken by holder 1")
    assert "ANSWERLOOP_PORT_OFFSET" in lines[0]


def test_a_listening_socket_is_found_and_its_holder_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert not preflight.is_free(port)
        assert f"pid {os.getpid()}" in preflight.holder(port)
    assert preflight.is_free(port)


def test_a_misspelt_setting_is_found() -> None:
    assert preflight.unknown_settings({"ANSWERLOOP_MODLE": "x", "ANSWERLOOP_MODEL": "y"}, ["ANSWERLOOP_MODEL"]) == ["ANSWERLOOP_MODLE"]
