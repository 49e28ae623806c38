from tests.unit.machines import of_steps
from tests.unit.retries.machine import RetryMachine

TestRetries = RetryMachine.TestCase
TestRetries.settings = of_steps(1500)
