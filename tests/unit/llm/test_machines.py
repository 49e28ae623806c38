from tests.unit.llm.limit_machine import LimitMachine
from tests.unit.llm.machine import ModelMachine
from tests.unit.machines import of_steps

TestLimit = LimitMachine.TestCase
TestLimit.settings = of_steps(2000)

TestModel = ModelMachine.TestCase
TestModel.settings = of_steps(1500)
