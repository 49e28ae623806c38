"""The catalogue of services, against what stands beside it by hand: commands, ports, the compose file, Prometheus and its alerts."""

import re

import pytest
import yaml

from deploy.local import ports
from streaming.__main__ import app
from streaming.services import BY_NAME, SERVICES, Service
from streaming.topics import CONSUMED_BY, FLINK_SCORE_JOB
from tests.monitoring import PROMETHEUS, RULES
from tests.unit.compose import project

COMMANDS = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
SCRAPED = {each["job_name"] for each in yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())["scrape_configs"]}
(WATCHED,) = (rule["expr"] for rule in RULES if rule["alert"] == "ServiceDown")

each_service = pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)


def test_every_group_but_the_score_job_is_a_service_and_reads_its_topics() -> None:
    assert {service.name: service.topics for service in SERVICES if service.topics} == {
        group: consumed for group, consumed in CONSUMED_BY.items() if group != FLINK_SCORE_JOB
    }


def test_no_name_command_or_port_stands_for_two() -> None:
    assert len(BY_NAME) == len({service.command for service in SERVICES}) == len({service.port for service in SERVICES}) == len(SERVICES)


@each_service
def test_a_service_is_a_command_and_a_container_of_one_name(service: Service) -> None:
    assert service.command in COMMANDS
    assert service.command in project.services()


@each_service
def test_a_service_has_a_port_in_the_local_stack(service: Service) -> None:
    assert ports.load(0).of(service) == ports.load(7).of(service) - 7


@each_service
def test_a_service_is_scraped_and_missed_when_it_is_away(service: Service) -> None:
    assert service.command in SCRAPED
    assert service.command in re.findall(r'job="([\w-]+)"', WATCHED)
