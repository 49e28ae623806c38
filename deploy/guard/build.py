"""`python -m deploy.guard.build COMPILER JAR`: the jar that keeps Flink's processes to themselves, from the Java files of this folder.

The compiler is Eclipse's, a jar: a machine that runs Flink has a Java, but not always one that compiles.
"""

import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

HERE = Path(__file__).parent
JAVA = "17"
# The agent is named by the jar, the handler of requests by the interface that Flink asks for.
NAMED = {
    "META-INF/MANIFEST.MF": "Manifest-Version: 1.0\nPremain-Class: answerloop.LoopbackBinds\n",
    "META-INF/services/org.apache.flink.runtime.io.network.netty.InboundChannelHandlerFactory": "answerloop.LocalRequests\n",
}


def build(compiler: Path, library: Path, jar: Path) -> None:
    """Compile against Flink's own jar, as it is installed. Raises CalledProcessError after the compiler has said why."""
    jar.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        sources = sorted(map(str, HERE.glob("*.java")))
        words = ["java", "-jar", str(compiler), f"-{JAVA}", "-failOnWarning", "-cp", str(library), "-d", folder, *sources]
        subprocess.run(words, check=True, timeout=120)
        with ZipFile(jar, "w", ZIP_DEFLATED) as archive:
            for name, text in NAMED.items():
                archive.writestr(name, text)
            for compiled in sorted(Path(folder).rglob("*.class")):
                archive.write(compiled, compiled.relative_to(folder))


def flink_library() -> Path:
    """The jar of Flink's distribution that has its classes."""
    spec = find_spec("pyflink")
    if spec is None or spec.origin is None:
        sys.exit("deploy.guard.build: the package apache-flink is not installed")
    (found,) = (Path(spec.origin).parent / "lib").glob("flink-dist-*.jar")
    return found


if __name__ == "__main__":
    build(Path(sys.argv[1]), flink_library(), Path(sys.argv[2]))
