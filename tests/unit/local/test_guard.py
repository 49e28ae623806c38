"""The agent in Flink's processes: servers that take no address listen on loopback, and one that is not known opens nothing."""

import subprocess
from pathlib import Path

import pytest

from deploy.guard.build import flink_library
from deploy.local.places import places

WORKERS = """
import org.apache.beam.model.pipeline.v1.Endpoints;
import org.apache.beam.sdk.fn.server.ServerFactory;
public class Probe {
    public static void main(String[] words) throws Exception {
        var server = ServerFactory.createDefault()
                .allocateAddressAndCreate(java.util.List.of(), Endpoints.ApiServiceDescriptor.newBuilder());
        System.out.println(server.getListenSockets());
        System.exit(0);
    }
}
"""
METRICS = """
package org.apache.flink.metrics.prometheus;
public class PrometheusReporter {
    public static void main(String[] words) throws Exception {
        var socket = new java.net.ServerSocket();
        socket.bind(%s);
        System.out.println(socket.getLocalSocketAddress());
    }
}
"""
REPORTER = "org.apache.flink.metrics.prometheus.PrometheusReporter"
PORT = "new java.net.InetSocketAddress(0)"


def compiler() -> Path:
    (found,) = places({}, as_root=False).connector_jars.glob("ecj-*.jar")
    return found


@pytest.fixture(scope="module")
def guard() -> Path:
    """As `make setup` has compiled it, which it does whenever its source has changed."""
    return places({}, as_root=False).guard_jar


def classpath(folder: Path) -> str:
    library = flink_library()
    (workers,) = (library.parents[1] / "opt").glob("flink-python-*.jar")
    return f"{folder}:{library}:{workers}"


def compiled(folder: Path, **sources: str) -> Path:
    """The folder with these classes, to run beside Flink's."""
    files = []
    for name, source in sources.items():
        files.append(folder / f"{name}.java")
        files[-1].write_text(source)
    words = ["java", "-jar", compiler(), "-17", "-cp", classpath(folder), "-d", folder, *files]
    subprocess.run([str(word) for word in words], check=True, timeout=60)
    return folder


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(tmp_path_factory.mktemp("servers"), Probe=WORKERS, PrometheusReporter=METRICS % PORT)


def run(folder: Path, name: str, guard: Path, arguments: str) -> subprocess.CompletedProcess[str]:
    words = ["java", f"-javaagent:{guard}={arguments}", "-cp", classpath(folder), name]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)


def test_the_servers_of_python_workers_listen_on_loopback(guard: Path, servers: Path) -> None:
    assert run(servers, "Probe", guard, "workers").stdout.startswith("[/127.0.0.1:")


@pytest.mark.parametrize(("arguments", "address"), [("workers,metrics", "/127.0.0.1:"), ("workers", "0.0.0.0/0.0.0.0:")])
def test_the_metrics_listen_on_loopback_where_that_is_asked_for(guard: Path, servers: Path, arguments: str, address: str) -> None:
    assert run(servers, REPORTER, guard, arguments).stdout.startswith(address)


def test_a_server_that_listens_in_another_way_ends_the_process(guard: Path, tmp_path: Path) -> None:
    done = run(compiled(tmp_path, PrometheusReporter=METRICS % "null"), REPORTER, guard, "metrics")
    assert (done.returncode, done.stdout) == (70, "")
    assert "cannot keep org/apache/flink/metrics/prometheus/PrometheusReporter on 127.0.0.1" in done.stderr
