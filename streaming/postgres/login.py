"""Failures to connect to PostgreSQL: it is away, or it refuses the login, which only a person can put right.

psycopg2 gives no SQLSTATE for them, so the server's words decide, in this one table. Words that are not in it (a server that speaks another
language, a full one, one that starts or stops) mean that it is away, and are tried again.
"""

import re
from collections.abc import Mapping
from typing import Any

from streaming.errors import LoginRefused, Unreachable
from streaming.postgres.errors import IS_IT_UP

REFUSALS = [
    (re.compile(r"authentication failed for user|no password supplied"), "correct the user and password"),
    (re.compile(r'role ".*" does not exist|role ".*" is not permitted to log in|no such user'), "create the role, or correct its name"),
    (re.compile(r'database ".*" does not exist|no such database'), "create the database, or correct its name"),
    (re.compile(r"permission denied for database"), "grant the role CONNECT on the database"),
    (re.compile(r"no pg_hba\.conf entry for|pg_hba\.conf rejects connection"), "allow it in the server's pg_hba.conf"),
]
_ANSWER = re.compile(r"(?:FATAL:|fe_sendauth:)\s*(.*)")
SETTING = "ANSWERLOOP_DATABASE_URL (within Airflow: the connection `answerloop_postgres`)"


def connect_failure(err: Exception, where: Mapping[str, Any], setting: str = SETTING) -> Unreachable | LoginRefused:
    """What a failed connect means. `where`: the parts of the address, of which all but the password are named; `setting`: what names it."""
    message = str(err).strip()
    place = f"user {where.get('user', '(none named)')!r}, database {where.get('dbname', '(none named)')!r} at {_server(where)}"
    answers = _ANSWER.findall(message)
    advice = [next((advice for words, advice in REFUSALS if words.search(answer)), None) for answer in answers]
    # Of several servers behind one name, one that only starts may be the right one.
    if answers and all(advice):
        return LoginRefused(f"PostgreSQL refuses the login of {place}: {answers[-1]}; {advice[-1]}, or correct {setting}")
    reason = " ".join(message.split()) or type(err).__name__
    return Unreachable(f"PostgreSQL cannot be reached ({place}): {reason}. {IS_IT_UP}")


def _server(where: Mapping[str, Any]) -> str:
    return f"{where.get('host', 'the local socket')}:{where.get('port', 5432)}"
