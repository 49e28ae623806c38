"""What a real PostgreSQL says to a login that it refuses."""

import pytest
from psycopg2.extensions import make_dsn, parse_dsn

from streaming import settings
from streaming.errors import LoginRefused, Unreachable
from streaming.postgres.connect import connected
from streaming.storage.database import Database

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("wrong", [{"password": "wrong"}, {"user": "nobody-of-that-name"}, {"dbname": "no-such-database"}], ids=str)
async def test_a_login_that_a_real_server_refuses_is_told_from_an_outage(wrong: dict[str, str]) -> None:
    url = make_dsn(**{**parse_dsn(settings.load().database_url), **wrong})
    with pytest.raises(LoginRefused, match="ANSWERLOOP_DATABASE_URL") as refused, connected(url):
        pass
    assert str(parse_dsn(url)["password"]) not in str(refused.value)
    with pytest.raises(LoginRefused):
        await Database(url, 1).run(lambda _: None)


async def test_a_port_where_nobody_listens_is_an_outage() -> None:
    url = make_dsn(**{**parse_dsn(settings.load().database_url), "port": "9"})
    with pytest.raises(Unreachable):
        await Database(url, 1).run(lambda _: None)
