"""The metrics, alert rules and dashboard, checked with Prometheus' own promtool; /healthz and /metrics of serve."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support import servers, wheelhouse
from support.mirror import Mirrored
from support.servers import ask
from support.upstream import Upstream, sdist, wheel

MONITORING = wheelhouse.CHECKOUT / "docs" / "monitoring"


def promtool(*arguments: str, folder: Path | None = None, text: str = "") -> None:
    """Run promtool; it accepts what it is given, without a warning."""
    program = shutil.which("promtool")
    if program is None:
        pytest.skip("Debian's package prometheus is not installed")
    done = subprocess.run([program, *arguments], cwd=folder, input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


@pytest.fixture
def measured(mirrored: Mirrored, upstream: Upstream) -> Mirrored:
    upstream.add("one", wheel("one", "1"), sdist("one", "1"), yanked=True)
    upstream.add("two", sdist("two", "1"))
    upstream.add("three", sdist("three", "1"))
    mirrored.settings |= {"metrics_filename": mirrored.config.parent / "figures.prom", "package_matches": "one two three gone"}
    assert mirrored.run("sync") == 1
    return mirrored


def written(mirrored: Mirrored) -> str:
    return (mirrored.config.parent / "figures.prom").read_text()


def value(text: str, name: str) -> float:
    (found,) = re.findall(rf"^pypimirror_{name} (\S+)$", re.sub(r'\{mirror="[^"]*",?(.*?)\}', r"{\1}", text).replace("{}", ""),
                          re.MULTILINE)
    return float(found)


def test_promtool_accepts_the_metrics(measured: Mirrored) -> None:
    promtool("check", "metrics", text=written(measured))


def test_they_show_what_an_administrator_is_woken_for(measured: Mirrored, upstream: Upstream) -> None:
    text = written(measured)
    assert value(text, 'last_run_failures{kind="not_found"}') == 1
    assert (value(text, "yanked_files"), value(text, "quarantined_projects"), value(text, "trash_files")) == (2, 0, 0)
    assert re.search(r'pypimirror_build_info\{mirror="[^"]+",version="[^"]+"\} 1\n', text)
    upstream.statuses["two"] = {"status": "quarantined"}
    upstream.touch("two")
    upstream.remove("three", "three-1.tar.gz")
    assert measured.run("-U") == 1
    text = written(measured)
    assert (value(text, "quarantined_projects"), value(text, "trash_files"), value(text, "brake_engaged")) == (1, 2, 0)
    assert value(text, "trash_bytes") > 0


def test_retained_releases_are_counted(mirrored: Mirrored, upstream: Upstream) -> None:
    upstream.add("one", sdist("one", "1"), sdist("one", "2"))
    pins = mirrored.config.parent / "versions.cfg"
    mirrored.settings |= {"metrics_filename": mirrored.config.parent / "figures.prom", "package_matches": None,
                          "versions": pins, "build_requirements": "False"}
    for version, retained in (("1", 0), ("2", 1)):
        pins.write_text(f"[versions]\none = {version}\n")
        assert mirrored.run("sync") == 0
        assert value(written(mirrored), "retained_releases") == retained


def test_promtool_accepts_the_alerts_and_they_fire(tmp_path: Path) -> None:
    for path in (MONITORING / "alerts.yml", Path(__file__).parent / "alerts_test.yml"):
        shutil.copy(path, tmp_path)
    promtool("check", "rules", "alerts.yml", folder=tmp_path)
    promtool("test", "rules", "alerts_test.yml", folder=tmp_path)


def expressions() -> list[str]:
    dashboard = json.loads((MONITORING / "grafana-dashboard.json").read_text())
    return [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]


def test_the_dashboard_has_valid_expressions(tmp_path: Path) -> None:
    rules = [{"record": f"panel:{number}", "expr": expression} for number, expression in enumerate(expressions())]
    # JSON is YAML.
    (tmp_path / "rules.yml").write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    promtool("check", "rules", "rules.yml", folder=tmp_path)


def test_alerts_dashboard_and_documentation_name_metrics_that_exist(measured: Mirrored) -> None:
    known = set(re.findall(r"^# TYPE (\S+)", written(measured), re.MULTILINE)) | {"pypimirror_last_good_run_timestamp_seconds"}
    texts = [*expressions(), (MONITORING / "alerts.yml").read_text()]
    assert {name for text in texts for name in re.findall(r"pypimirror_\w+", text)} <= known
    documented = re.findall(r"``(pypimirror_\w+)``", (MONITORING.parent / "monitoring.rst").read_text())
    assert sorted(documented) == sorted(known)


def test_serve_answers_a_monitor_only_where_it_is_told_to(measured: Mirrored) -> None:
    def answers(*options: str) -> list[tuple[int, bytes]]:
        command = [sys.executable, "-m", "pypimirror", measured.write(), "serve", "--port", "0", *options]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            address = process.stdout.readline().split()[-1]
            found = [ask(address, path) for path in ("/healthz", "/metrics")]
            (measured.root / "index.html").rename(measured.root / "away.html")
            (measured.root / "index.v1_json").rename(measured.root / "away.v1_json")
            found.append(ask(address, "/healthz"))
            (measured.root / "away.html").rename(measured.root / "index.html")
            (measured.root / "away.v1_json").rename(measured.root / "index.v1_json")
            process.terminate()
            process.communicate(timeout=servers.PATIENCE)
        return [(one.status, one.body) for one in found]

    assert [status for status, _ in answers()] == [404, 404, 404]
    assert answers("--monitoring") == [(200, b"ok\n"), (200, written(measured).encode()),
                                       (503, b"the root page can't be read\n")]


def test_monitoring_needs_a_metrics_file(mirrored: Mirrored, capsys: pytest.CaptureFixture[str]) -> None:
    assert mirrored.run("serve", "--monitoring", "--port", "0") == 2
    assert "metrics_filename" in capsys.readouterr().err
