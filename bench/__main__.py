"""Every benchmark, one after the other: a table for people and a line of JSON each. Give names to run only those."""

import subprocess
import sys

BENCHMARKS = ("scorer", "model_consumer", "latency", "memory", "reports", "pages")


def main() -> None:
    """Each in a process of its own, so that none has another's memory or threads."""
    wanted = sys.argv[1:] or BENCHMARKS
    if unknown := set(wanted) - set(BENCHMARKS):
        sys.exit(f"there is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    failed = [name for name in wanted if subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False).returncode]
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
