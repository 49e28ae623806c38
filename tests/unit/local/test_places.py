"""Where the state lies, as root and as an ordinary user."""

from pathlib import Path

import pytest

from deploy.local.places import places
from streaming.errors import ConfigurationError


def test_an_ordinary_users_stack_lies_wholly_in_the_state_directory(tmp_path: Path) -> None:
    chosen = places({}, tmp_path, as_root=False)
    assert chosen.state == tmp_path / ".local"
    assert chosen.postgres_data.is_relative_to(chosen.state)
    assert chosen.postgres_user is None


def test_roots_postgresql_lies_where_its_own_user_can_reach_it(tmp_path: Path) -> None:
    chosen = places({}, tmp_path, as_root=True)
    assert not chosen.postgres_data.is_relative_to(tmp_path)
    assert chosen.postgres_user == "postgres"


def test_stacks_of_root_do_not_share_a_database(tmp_path: Path) -> None:
    one, other = (places({"ANSWERLOOP_STATE_DIR": name}, tmp_path, as_root=True) for name in (".local", ".local-test"))
    assert one.postgres != other.postgres


@pytest.mark.parametrize("name", ["my state", "100%", "a;b", "it's"])
def test_a_path_that_supervisord_or_flink_would_misread_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="ANSWERLOOP_STATE_DIR"):
        places({"ANSWERLOOP_STATE_DIR": name}, tmp_path)


def test_a_path_too_long_for_a_socket_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="too long for a Unix socket"):
        places({"ANSWERLOOP_STATE_DIR": "deep/" * 30}, tmp_path)


def test_a_directory_with_other_files_is_not_taken_over(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter.txt").write_text("mine")
    chosen = places({"ANSWERLOOP_STATE_DIR": "home"}, tmp_path)
    with pytest.raises(ConfigurationError, match="holds other files"):
        chosen.claim()
    assert not chosen.claimed


def test_a_claimed_directory_stays_ours_and_private(tmp_path: Path) -> None:
    chosen = places({}, tmp_path)
    chosen.claim()
    chosen.claim()
    assert chosen.claimed
    assert chosen.state.stat().st_mode & 0o777 == 0o700
