"""The images: what goes into them is there, is locked, and is enough for what they run."""

import ast
import re
import shlex
import subprocess
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, requires

import grimp
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.unit.compose.project import ROOT, environment, services, target

DOCKER = ROOT / "deploy" / "docker"
DOCKERFILE = DOCKER / "Dockerfile"
TARGETS = ("services", "flink", "airflow")
# Named by a string, where no import statement shows them: uvicorn's HTTP parser, pandas' columns on their way to a UDF.
# The job runs in Flink's workers.
OF_THE_JOB = {"flink.score_job", "streaming.scoring.matching", "streaming.scoring.model"}
OURS = {"streaming", "answerloop_airflow", "answerloop_plugin"}
BY_NAME = {"services": {"httptools", "uvloop"}, "flink": {"pyarrow"}, "airflow": {"asyncpg"}}


def instructions() -> list[tuple[str, str]]:
    """(instruction, rest) pairs, continuation lines joined."""
    text = re.sub(r"\\\n\s*", "", DOCKERFILE.read_text())
    pairs = [line.partition(" ") for line in text.splitlines() if line and not line.startswith("#")]
    return [(name, rest) for name, _, rest in pairs]


def stages() -> dict[str, list[tuple[str, str]]]:
    """The instructions of each stage by its name."""
    found: dict[str, list[tuple[str, str]]] = {}
    for name, rest in instructions():
        if name == "FROM":
            current = found.setdefault(rest.split(" AS ")[1], [])
        elif found:
            current.append((name, rest))
    return found


@cache
def allowed(image: str) -> frozenset[str]:
    """The distributions of an image: those of its list, and what they require, as installed here."""
    todo = [Requirement(line) for line in listed(image)]
    found: set[tuple[str, str]] = set()
    while todo:
        wanted = todo.pop()
        for extra in ("", *wanted.extras):
            key = (canonicalize_name(wanted.name), extra)
            if key in found:
                continue
            found.add(key)
            try:
                needs = requires(wanted.name) or []
            except PackageNotFoundError:
                continue
            todo += [need for each in needs if (need := Requirement(each)).marker is None or need.marker.evaluate({"extra": extra})]
    return frozenset(name for name, _ in found)


def listed(image: str) -> list[str]:
    lines = (DOCKER / f"requirements-{image}.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def modules_of_commands() -> dict[str, str]:
    """The module that each command of `python -m streaming` imports when it is run."""
    found = {}
    for node in ast.walk(ast.parse((ROOT / "streaming/__main__.py").read_text())):
        if isinstance(node, ast.FunctionDef) and node.decorator_list:
            for inner in ast.walk(node):
                if isinstance(inner, ast.ImportFrom) and inner.module:
                    found[node.name.replace("_", "-")] = inner.module
    return found


@cache
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("streaming", "flink", include_external_packages=True)


@cache
def imported_by_dags() -> frozenset[str]:
    """What DAGs and plugins import anywhere in their code; of `from a import b` both a and a.b, for b may be a module."""
    found: set[str] = set()
    for file in [*(ROOT / "dags").rglob("*.py"), *(ROOT / "plugins").rglob("*.py")]:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                found |= {each.name for each in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found |= {node.module} | {f"{node.module}.{each.name}" for each in node.names}
    return frozenset(found)


def entry_modules(image: str) -> set[str]:
    """What the containers of an image begin with."""
    if image == "airflow":
        return {module for module in imported_by_dags() if module in graph().modules}
    by_command = modules_of_commands()
    words = {word for name, each in services().items() if target(name) == image for word in each["command"] + each.get("entrypoint", [])}
    run = {module for command, module in by_command.items() if command in words}
    # What the command line imports for all of its commands; what one of them imports alone is its own.
    common = graph().find_modules_directly_imported_by("streaming.__main__") - set(by_command.values())
    return run | common | (OF_THE_JOB if image == "flink" else set())


def needed_by(modules: set[str]) -> set[str]:
    """The top-level names outside this project that these modules import, directly or not, and wherever in their code."""
    reached, todo = set(), set(modules)
    while todo:
        module = todo.pop()
        reached.add(module)
        todo |= graph().find_modules_directly_imported_by(module) - reached
    return {module for module in reached if graph().is_module_squashed(module)}


@pytest.mark.parametrize("image", TARGETS)
def test_every_package_of_an_image_is_in_the_lock(image: str) -> None:
    locked = {canonicalize_name(line.split("==")[0]) for line in (ROOT / "requirements.txt").read_text().splitlines() if "==" in line}
    assert {canonicalize_name(each) for each in listed(image)} <= locked
    assert all(re.fullmatch(r"[\w.-]+", each) for each in listed(image)), "versions are the lock's to say"


@pytest.mark.parametrize("image", TARGETS)
def test_packages_are_installed_with_the_lock_as_constraints(image: str) -> None:
    (run,) = [rest for name, rest in stages()[f"{image}-packages"] if name == "RUN"]
    assert run.endswith(f"pip install -c requirements.txt -r requirements-{image}.txt")


@pytest.mark.parametrize("image", TARGETS)
def test_an_image_holds_every_package_that_its_code_imports(image: str) -> None:
    needed = needed_by(entry_modules(image)) | BY_NAME[image]
    if image == "airflow":
        needed |= {module.split(".")[0] for module in imported_by_dags()} - OURS
    assert "pydantic_settings" in needed, "the graph is empty"
    distributions = packages_distributions()
    here = {name for name in needed if {canonicalize_name(each) for each in distributions.get(name, ())} & allowed(image)}
    assert needed - here - sys.stdlib_module_names == set()


def test_every_image_is_built_and_every_build_is_used() -> None:
    for name, service in services().items():
        if target(name) is not None and "build" in service:
            assert service["build"]["target"] == target(name)
            assert service["build"]["target"] in stages()
    built = {service["build"]["target"] for service in services().values() if "build" in service}
    assert built == {target(name) for name in services()} - {None}


@pytest.mark.parametrize("image", [*TARGETS, "ollama"])
def test_images_run_as_an_ordinary_user(image: str) -> None:
    assert [rest for name, rest in stages()[image] if name == "USER"] == ["answerloop"]


def test_base_images_have_a_full_version() -> None:
    arguments = dict(rest.split("=") for name, rest in instructions() if name == "ARG" and "=" in rest)
    for name, rest in instructions():
        source = rest.split(" AS ")[0]
        if name == "FROM" and source not in stages():
            assert re.search(r":(\$\{PYTHON\}|\d+\.\d+\.\d+)", source), source
    assert re.fullmatch(r"3\.11\.\d+", arguments["PYTHON"])


def test_what_is_copied_is_there_and_not_ignored() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert ignored[next(i for i, line in enumerate(ignored) if not line.startswith("#"))] == "*"
    kept = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    for name, rest in instructions():
        words = shlex.split(rest)
        if name == "COPY" and not words[0].startswith("--from"):
            for source in words[:-1]:
                assert (ROOT / source).exists(), f"COPY {source}: it is not there"
                assert source.split("/")[0] in kept, f"COPY {source}: .dockerignore leaves it out"


def test_what_is_copied_from_a_stage_names_one_before() -> None:
    seen: list[str] = []
    for stage, lines in stages().items():
        for name, rest in lines:
            if name == "COPY" and (source := re.match(r"--from=(\S+)", rest)):
                assert source[1] in seen
        seen.append(stage)


def test_the_connector_is_fetched_as_in_the_local_stack() -> None:
    setup = (ROOT / "deploy/local/setup").read_text()
    assert 'maven flink "$connector_key" copy-dependencies' in setup
    (run,) = [rest for name, rest in stages()["connector"] if name == "RUN"]
    assert "copy-dependencies -DincludeScope=runtime" in run
    copies = [rest for name, rest in stages()["flink"] if name == "COPY" and "--from=connector" in rest]
    jar = services()["job-submitter"]["environment"]["ANSWERLOOP_FLINK_CONNECTOR_JAR"]
    assert copies == [f"--from=connector /{jar.rsplit('/', 1)[1]} {jar.rsplit('/', 1)[0]}/"]


def test_the_library_of_the_pages_is_fetched_as_in_the_local_stack() -> None:
    (run,) = [rest for name, rest in stages()["web"] if name == "RUN"]
    options = next(line for line in (ROOT / "deploy/local/setup").read_text().splitlines() if line.startswith("maven web"))
    for part in ("unpack-dependencies", "-Dmdep.unpack.includes=**/htmx.min.js"):
        assert part in run
        assert part in options
    copies = [rest for name, rest in stages()["airflow"] if name == "COPY" and "--from=web" in rest]
    assert copies == [f"--from=web /web {environment('airflow-api-server')['ANSWERLOOP_WEB_ASSETS']}"]


def test_scripts_of_the_images_can_be_executed() -> None:
    for name in ("flink-entrypoint", "airflow-entrypoint", "make-env"):
        assert (DOCKER / name).stat().st_mode & 0o111, name
        subprocess.run(["bash", "-n", DOCKER / name], check=True)


def test_no_registry_is_named() -> None:
    for file in [*DOCKER.iterdir(), ROOT / "docker-compose.yaml"]:
        if file.is_file():
            assert not re.search(r"https?://(?!127\.0\.0\.1)[\w-]+\.(org|io|com|net)\b", file.read_text()), file
