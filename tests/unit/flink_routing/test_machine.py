from tests.unit.flink_routing.machine import RoutingMachine
from tests.unit.machines import of_steps

TestRouting = RoutingMachine.TestCase
TestRouting.settings = of_steps(2000)
