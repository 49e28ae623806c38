"""A container's health: `probe.py URL [FIELD.FIELD=VALUE]` exits 0 where the URL answers 2xx and its JSON says so.

It needs nothing but the standard library, which is all that the images share.
"""

import argparse
import json
import os
import sys
import urllib.error
import urllib.request

TIMEOUT_S = 4


def problem(url: str, expected: str | None, token: str | None) -> str | None:
    """What is wrong, None for nothing."""
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})
    # A proxy of the environment has no business between a container and itself.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=TIMEOUT_S) as response:
            body = response.read()
    except urllib.error.HTTPError as err:
        return f"{url}: HTTP {err.code} {err.read(2000).decode(errors='replace')}"
    except OSError as err:
        return f"{url}: {err}"
    if expected is None:
        return None
    path, _, value = expected.partition("=")
    try:
        found = json.loads(body)
        for name in path.split("."):
            found = found[name]
    except (ValueError, KeyError, TypeError):
        return f"{url}: the reply has no {path}"
    return None if str(found) == value else f"{url}: {path} is {found}, not {value}"


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("expected", nargs="?", help="FIELD.FIELD=VALUE in the JSON of the reply")
    parser.add_argument("--with-token", action="store_true", help="send ANSWERLOOP_API_TOKEN")
    wanted = parser.parse_args()
    found = problem(wanted.url, wanted.expected, os.environ["ANSWERLOOP_API_TOKEN"] if wanted.with_token else None)
    if found:
        sys.exit(found)


if __name__ == "__main__":
    main()
