"""No client of HTTP takes a proxy from the environment: a shell's or a container's proxy does not lead to the stack."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = ("streaming", "flink", "deploy", "dags", "plugins", "bench")
OPENED_ANEW = {f"httpx.{name}" for name in ("get", "options", "head", "post", "put", "patch", "delete", "request", "stream")}
OTHER_LIBRARIES = {"requests", "aiohttp", "urllib3"}


def proxied(source: str) -> list[str]:
    """What in this source asks through the proxy of the environment, or cannot be seen not to."""
    return [said for node in ast.walk(ast.parse(source)) for said in _proxied(node)]


def _proxied(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (f"imports {each.name}" for each in names if each.name.partition(".")[0] in OTHER_LIBRARIES)
        case ast.ImportFrom(module="httpx"):
            yield "imports a part of httpx, so that a call of it cannot be told by its name"
        case ast.ImportFrom(module=str(module)) if module.partition(".")[0] in OTHER_LIBRARIES:
            yield f"imports {module}"
        case ast.Call(func=func, args=args, keywords=keywords):
            name, given = ast.unparse(func), {each.arg: ast.unparse(each.value) for each in keywords}
            if name in ("httpx.Client", "httpx.AsyncClient") and given.get("trust_env") != "False":
                yield f"{name} without trust_env=False"
            if name in OPENED_ANEW or name.rpartition(".")[2] == "urlopen":
                yield name
            if name.rpartition(".")[2] == "build_opener" and not any(ast.unparse(each).endswith("ProxyHandler({})") for each in args):
                yield f"{name} without ProxyHandler({{}})"


@pytest.mark.parametrize(
    "source",
    [
        "httpx.Client(base_url=url)",
        "httpx.AsyncClient(trust_env=True)",
        "httpx.get(url, trust_env=False)",
        "from httpx import Client",
        "urlopen(url)",
        "urllib.request.urlopen(url)",
        "build_opener(HTTPSHandler())",
        "import requests",
        "from aiohttp import ClientSession",
    ],
)
def test_what_would_ask_a_proxy_is_found(source: str) -> None:
    assert len(proxied(source)) == 1


def test_what_asks_no_proxy_is_left_alone() -> None:
    assert proxied("httpx.Client(trust_env=False)\nbuild_opener(urllib.request.ProxyHandler({}))\nhttpx.URL(url)\nimport httpx") == []


def test_no_client_takes_a_proxy_from_the_environment() -> None:
    files = [path for folder in OURS for path in sorted((ROOT / folder).rglob("*.py"))]
    assert len(files) > 100
    assert {str(path.relative_to(ROOT)): found for path in files if (found := proxied(path.read_text()))} == {}
