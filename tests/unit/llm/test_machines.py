from tests.unit.llm.limit_machine import LimitMachine
from tests.unit.machines import of_steps

TestLimit = LimitMachine.TestCase
TestLimit.settings = of_steps(2000)
