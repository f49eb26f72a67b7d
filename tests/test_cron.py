"""The job of the part in real buildouts: written down, in a crontab, in a directory of the system, as a systemd timer."""

import getpass
import os
import shutil
import stat
import subprocess

import pytest

from support import wheelhouse
from support.fake_schedulers import Crontabs, Systemctl

PART = """
[pypimirror]
recipe = z3c.recipe.pypimirror
package-matches = zope.interface
cron-times = 17 */6 * * *
"""


@pytest.fixture
def buildout(buildouts):
    return buildouts.new()


@pytest.fixture
def crontabs(buildout, tmp_path):
    found = Crontabs(tmp_path / "programs")
    buildout.environ["PATH"] = f"{found.folder}{os.pathsep}{buildout.environ['PATH']}"
    return found


@pytest.fixture
def systemctl(buildout, tmp_path):
    found = Systemctl(tmp_path / "programs")
    buildout.environ["PATH"] = f"{found.folder}{os.pathsep}{buildout.environ['PATH']}"
    return found


def line(buildout):
    return f"17 */6 * * * {buildout.folder}/bin/pypimirror --update-fetch -q\n"


def block(buildout, part="pypimirror"):
    mark = f"[{part}] in {buildout.folder}"
    return f"# BEGIN {mark}\n{line(buildout).replace('bin/pypimirror', 'bin/' + part)}# END {mark}\n"


@pytest.mark.heavy
def test_the_entry_is_written_down_and_the_run_says_how_to_have_it_installed(buildout):
    buildout.write(PART)
    output = buildout.run()
    assert buildout.read("parts/pypimirror/cron-entry") == line(buildout)
    assert "No job is installed. For that: cron-install = user in [pypimirror]" in output
    assert f"{buildout.folder}/parts/pypimirror/cron-entry to a crontab" in output


def test_without_times_there_is_no_job(buildout):
    buildout.write(PART.replace("cron-times", "#"))
    output = buildout.run()
    names = os.listdir(buildout.folder / "parts/pypimirror")
    assert "pypimirror.cfg" in names
    assert not {"cron-entry", "pypimirror.service", "pypimirror.timer"} & set(names)
    assert "job" not in output


@pytest.mark.parametrize("generation", wheelhouse.GENERATIONS)
@pytest.mark.heavy
def test_the_crontab_has_the_entry_as_long_as_the_part_is_there(buildouts, generation, tmp_path):
    buildout, found = buildouts.new(generation), Crontabs(tmp_path / "programs")
    buildout.environ["PATH"] = f"{found.folder}{os.pathsep}{buildout.environ['PATH']}"
    found.table.write_text("# mine\n")
    buildout.write(PART + "cron-install = user")
    buildout.run()
    assert found.table.read_text() == "# mine\n" + block(buildout)
    buildout.run()
    assert found.changes() == ["-"]
    buildout.write("")
    buildout.run()
    assert found.table.read_text() == "# mine\n"
    assert os.listdir(buildout.folder / "parts") == []


def test_an_entry_that_was_lost_is_put_back(buildout, crontabs):
    buildout.write(PART + "cron-install = user")
    buildout.run()
    crontabs.table.write_text("# mine\n")
    buildout.run()
    assert crontabs.table.read_text() == "# mine\n" + block(buildout)


def test_a_part_with_a_new_name_leaves_no_entry_under_the_old_one(buildout, crontabs):
    buildout.write(PART + "cron-install = user")
    buildout.run()
    buildout.write(PART.replace("[pypimirror]", "[packages]") + "cron-install = user")
    buildout.run()
    assert crontabs.table.read_text() == block(buildout, "packages")
    assert os.listdir(buildout.folder / "bin") == ["packages"]


def test_an_entry_that_is_no_longer_asked_for_goes(buildout, crontabs):
    buildout.write(PART + "cron-install = user")
    buildout.run()
    buildout.write(PART)
    buildout.run()
    assert not crontabs.table.exists()


def test_two_parts_have_an_entry_each(buildout, crontabs):
    buildout.write(PART + "cron-install = user\n" + PART.replace("[pypimirror]", "[second]") + "cron-install = user")
    buildout.run()
    assert crontabs.table.read_text() == block(buildout) + block(buildout, "second")


def test_a_crontab_that_cant_be_read_fails_the_part_and_stays(buildout, crontabs):
    crontabs.table.write_text("# mine\n")
    crontabs.fail("-l", "You (somebody) are not allowed to use this program (crontab)\n")
    buildout.write(PART + "cron-install = user")
    output = buildout.run(status=1)
    assert "Error: [pypimirror] crontab -l failed, so that nothing was changed: You (somebody) are not allowed" in output
    assert crontabs.table.read_text() == "# mine\n"
    assert not (buildout.folder / "bin/pypimirror").exists()


def test_a_part_stays_whole_while_its_entry_cant_be_taken_out(buildout, crontabs):
    buildout.write(PART + "cron-install = user")
    buildout.run()
    crontabs.fail("-l", "disk on fire")
    buildout.write("")
    assert "disk on fire" in buildout.run(status=1)
    assert (buildout.folder / "bin/pypimirror").exists()
    (crontabs.folder / "fails-on-l").unlink()
    buildout.run()
    assert not crontabs.table.exists()
    assert not (buildout.folder / "bin/pypimirror").exists()


def test_a_file_of_the_systems_cron_has_the_user_the_mode_and_a_name_that_cron_reads(buildout, tmp_path):
    folder = tmp_path / "cron.d"
    folder.mkdir()
    system = f"cron-install = system\ncron-directory = {folder}\n"
    buildout.write(PART.replace("[pypimirror]", "[my.mirror]") + system + "cron-user = nobody")
    buildout.run()
    [entry] = folder.iterdir()
    assert entry.name.startswith("pypimirror-my-mirror-")
    assert "." not in entry.name
    assert stat.S_IMODE(entry.stat().st_mode) == 0o644
    command = f"{buildout.folder}/bin/my.mirror --update-fetch -q"
    assert entry.read_text().splitlines()[1:] == [f"17 */6 * * * nobody {command}"]
    entry.chmod(0o666)
    buildout.run()
    assert stat.S_IMODE(entry.stat().st_mode) == 0o644
    buildout.write(PART + system)
    buildout.run()
    [entry] = folder.iterdir()
    assert entry.name.startswith("pypimirror-pypimirror-")
    assert f" {getpass.getuser()} " in entry.read_text().splitlines()[1]
    buildout.write("")
    buildout.run()
    assert list(folder.iterdir()) == []


def test_a_directory_that_cant_be_written_is_named(buildout, tmp_path):
    buildout.write(PART + f"cron-install = system\ncron-directory = {tmp_path}/none")
    output = buildout.run(status=1)
    assert f"Error: [pypimirror] {tmp_path}/none/pypimirror-pypimirror-" in output
    assert "can't be written: No such file or directory" in output


def test_a_user_that_nobody_knows_gets_a_warning(buildout, tmp_path):
    buildout.write(PART + f"cron-install = system\ncron-directory = {tmp_path}\ncron-user = nobody-knows-me")
    assert "cron-user = nobody-knows-me: no such user on this machine" in buildout.run()


def test_the_command_can_be_another_and_its_percent_signs_are_escaped(buildout):
    buildout.write(PART + "cron-command = ${buildout:bin-directory}/pypimirror sync > /tmp/log-$(date +%F-\\%H)")
    buildout.run()
    assert buildout.read("parts/pypimirror/cron-entry") == (
        f"17 */6 * * * {buildout.folder}/bin/pypimirror sync > /tmp/log-$(date +\\%F-\\%H)\n")


def test_runs_that_follow_too_closely_get_a_warning(buildout):
    buildout.write(PART.replace("17 */6 * * *", "*/20 * * * *"))
    assert "cron-times = */20 * * * *: 20 minutes between two runs" in buildout.run()
    buildout.write(PART.replace("17 */6 * * *", "*/30 * * * *"))
    assert "between two runs" not in buildout.run()


@pytest.mark.parametrize("lines, message", [
    ("cron-times = 17 24 * * *", "cron-times = 17 24 * * *: must be valid in each field: the hour '24' is not 0 to 23"),
    ("cron-times = often", "cron-times = often: must be five fields, or one of @annually"),
    ("cron-install = yes", "cron-install = yes: must be one of none, user, system"),
    ("cron-user = me and you", "cron-user = me and you: must be the name of a user"),
    ("cron-user = me\ncron-install = user", "cron-user = me: a user's own crontab has no such field"),
    ("cron-times =\ncron-install = user", "cron-install = user: needs cron-times"),
    ("cron-times =\nsystemd-install = user", "systemd-install = user: needs cron-times"),
    ("systemd-install = yes", "systemd-install = yes: must be one of none, user, system"),
    ("cron-command =\n  one\n  two", "cron-command = one\ntwo: must be one line"),
])
def test_options_that_make_no_sense_are_refused_before_anything_is_written(buildout, lines, message):
    buildout.write("\n".join(entry for entry in PART.splitlines() if not entry.startswith("cron-times")) + "\n" + lines
                   if "cron-times" in lines else PART + lines)
    assert f"Error: [pypimirror] {message}" in buildout.run(status=1)
    assert not (buildout.folder / "parts/pypimirror").exists()


def units(buildout):
    return buildout.shared.environ()["HOME"] + "/.config/systemd/user"


def test_a_timer_comes_and_goes_with_the_part(buildout, systemctl):
    buildout.write(PART + "systemd-install = user")
    buildout.run()
    timer, = (name for name in os.listdir(units(buildout)) if name.endswith(".timer"))
    service = timer.replace(".timer", ".service")
    assert systemctl.calls() == ["--user daemon-reload", f"--user enable {timer}", f"--user restart {timer}"]
    text = (buildout.folder / units(buildout) / timer).read_text()
    assert "\nOnCalendar=*-*-* 00,06,12,18:17:00\nPersistent=true\n" in text
    text = (buildout.folder / units(buildout) / service).read_text()
    assert f'\nExecStart=/bin/sh -c "{buildout.folder}/bin/pypimirror --update-fetch -q"\n' in text
    buildout.run()
    assert systemctl.calls() == []
    buildout.write("")
    buildout.run()
    assert systemctl.calls() == [f"--user disable --now {timer}", "--user daemon-reload"]
    assert os.listdir(units(buildout)) == []


def test_what_systemctl_says_fails_the_part_and_leaves_no_units(buildout, systemctl):
    systemctl.fail("Failed to connect to bus: No medium found\n")
    buildout.write(PART + "systemd-install = user")
    output = buildout.run(status=1)
    assert ("Error: [pypimirror] systemctl --user daemon-reload failed: Failed to connect to bus: No medium found") in output
    assert os.listdir(units(buildout)) == []


def test_the_service_is_restricted_unless_it_runs_another_command(buildout, tmp_path):
    buildout.write(PART + f"log-filename = {tmp_path}/log/mirror.log\n")
    buildout.run()
    text = buildout.read("parts/pypimirror/pypimirror.service").splitlines()
    assert {"ProtectSystem=strict", f'ReadWritePaths="-{buildout.folder}/var/pypimirror"',
            f'ReadWritePaths="-{tmp_path}/log"'} <= set(text)
    assert f'"{tmp_path}/log/mirror.log" {{' in buildout.read("parts/pypimirror/logrotate")
    buildout.write(PART + "cron-command = rsync -a /srv/pypi/ standby:/srv/pypi/")
    buildout.run()
    assert "Protect" not in buildout.read("parts/pypimirror/pypimirror.service")
    assert not (buildout.folder / "parts/pypimirror/logrotate").exists()


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
@pytest.mark.parametrize("times", ["17 */6 * * *", "0 3 1,15 * mon-fri", "@reboot"])
def test_systemd_finds_nothing_wrong_with_the_units(buildout, times):
    buildout.write(PART.replace("17 */6 * * *", times) + "cron-command = /bin/echo \"100%\" $HOME 'a\\b'")
    buildout.run()
    folder = buildout.folder / "parts/pypimirror"
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(folder / "pypimirror.timer")], capture_output=True,
                          text=True)
    found = [told for told in (done.stdout + done.stderr).splitlines() if "pypimirror" in told]
    assert (done.returncode, found) == (0, [])
