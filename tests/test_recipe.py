"""The recipe in real buildouts."""

import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from pypimirror.pins.environments import environments
from pypimirror.pins.extends_chain import Chain
from pypimirror.pins.versions import read_versions
from support import wheelhouse
from support.upstream import wheel

PART = """
[pypimirror]
recipe = z3c.recipe.pypimirror
package-matches = zope.interface
"""


@pytest.fixture(params=wheelhouse.GENERATIONS)
def buildout(request, buildouts):
    return buildouts.new(request.param)


@pytest.fixture
def newest(buildouts):
    return buildouts.new()


@pytest.mark.heavy
def test_a_part_needs_its_recipe_line_and_matches_only(buildout):
    buildout.write(PART)
    assert "Installing pypimirror." in buildout.run()
    written = buildout.read("parts/pypimirror/pypimirror.cfg").splitlines()
    assert "[pypimirror]" in written
    assert f"mirror_file_path = {buildout.folder}/var/pypimirror" in written
    assert "package_matches = zope.interface" in written
    assert os.access(buildout.folder / "bin" / "pypimirror", os.X_OK)
    assert not (buildout.folder / "var").exists()


def test_the_script_hands_its_configuration_to_the_command_line(buildout):
    buildout.write(PART)
    buildout.run()
    lines = buildout.read("bin/pypimirror").splitlines()
    assert f"    sys.exit(pypimirror.cli.main('{buildout.folder}/parts/pypimirror/pypimirror.cfg'))" in lines


def test_the_path_of_the_script_holds_eggs_and_no_site_packages(buildout):
    buildout.write(PART)
    buildout.run()
    path = buildout.script_path("pypimirror")
    assert [entry for entry in path if not entry.startswith(f"{buildout.eggs}{os.sep}")] == []
    names = {os.path.basename(entry).partition("-")[0] for entry in path}
    assert {"packaging", "requests", "waitress"} <= names
    assert not {"pip", "wheel", "zc.buildout", "zc_buildout"} & names
    # Namespace packages of the old kind, as the older sets of pins have them, import it.
    old = [entry for entry in path if (Path(entry) / "zope" / "__init__.py").exists()]
    assert ("setuptools" in names) == bool(old) == (buildout.generation in "43")


def test_the_script_works_with_what_its_generation_pins(buildout, upstream):
    upstream.add("zope.interface", wheel("zope.interface", "8.0"))
    buildout.write(PART + f"index-url = {upstream.url}")
    buildout.run()
    done = subprocess.run([buildout.folder / "bin/pypimirror", "sync"], env=buildout.environ, text=True, cwd="/",
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout
    assert (buildout.folder / "var/pypimirror/zope-interface/zope_interface-8.0-py3-none-any.whl").is_file()


def test_an_unchanged_part_is_updated_and_not_installed_again(buildout):
    buildout.write(PART)
    buildout.run()
    config = buildout.folder / "parts/pypimirror/pypimirror.cfg"
    before = config.stat().st_mtime_ns
    output = buildout.run()
    assert "Updating pypimirror." in output
    assert "Uninstalling" not in output
    assert config.stat().st_mtime_ns == before


def test_a_part_that_goes_takes_its_files_along_and_leaves_the_mirror(buildout):
    buildout.write(PART)
    buildout.run()
    data = buildout.file("var/pypimirror/zope-interface/zope_interface-8.0.tar.gz", "a distribution")
    buildout.write("")
    buildout.run()
    assert not (buildout.folder / "bin/pypimirror").exists()
    assert not (buildout.folder / "parts/pypimirror/pypimirror.cfg").exists()
    assert data.read_text() == "a distribution"


def test_a_mirror_inside_of_the_parts_own_directory_outlives_the_part(newest):
    newest.write(PART + "mirror-file-path = ${buildout:parts-directory}/pypimirror/mirror")
    newest.run()
    data = newest.file("parts/pypimirror/mirror/index.html", "a page")
    newest.write("")
    newest.run()
    assert data.read_text() == "a page"


def test_a_mirror_that_would_publish_the_parts_files_is_refused(newest):
    newest.write(PART + "mirror-file-path = ${buildout:directory}")
    output = newest.run(status=1)
    assert f"Error: [pypimirror] mirror-file-path = {newest.folder}: must not hold" in output


def test_other_parts_see_what_was_computed(newest, buildouts):
    newest.write(PART + """
[shown]
recipe = zc.recipe.egg
eggs =
seen = ${pypimirror:mirror-file-path} ${pypimirror:config-file} ${pypimirror:script} ${pypimirror:location}
""")
    newest.run()
    folder = newest.folder
    expected = ("var/pypimirror", "parts/pypimirror/pypimirror.cfg", "bin/pypimirror", "parts/pypimirror")
    assert "seen = " + " ".join(f"{folder}/{path}" for path in expected) in newest.read(".installed.cfg").splitlines()


def test_options_become_keys_with_paths_that_start_at_the_buildout(newest):
    newest.write(PART + """
mirror-file-path = data/mirror
log-filename = data/log
base-url = http://pypi.example.com/
filename-matches =
    *.whl
# a comment
    *.tar.gz
""")
    newest.run()
    written = newest.read("parts/pypimirror/pypimirror.cfg")
    assert f"mirror_file_path = {newest.folder}/data/mirror\n" in written
    assert f"log_filename = {newest.folder}/data/log\n" in written
    assert "base_url = http://pypi.example.com/\n" in written
    assert "filename_matches =\n    *.whl\n    *.tar.gz\n" in written


def test_an_unknown_option_is_an_error_that_names_the_nearest(buildout):
    buildout.write(PART + "package-match = x")
    assert "Error: [pypimirror] unknown option 'package-match'; did you mean 'package-matches'?" in buildout.run(status=1)


@pytest.mark.parametrize("line, message", [
    ("workers = many", "[pypimirror] workers = many: must be a whole number"),
    ("create-indexes = perhaps", "[pypimirror] create-indexes = perhaps: must be True or False"),
    ("base-url = pypi.example.com", "[pypimirror] base-url = pypi.example.com: must be a URL that starts with"),
    ("script = bin/mirror", "[pypimirror] script = bin/mirror: must be a plain file name"),
    ("relative-paths = maybe", "[pypimirror] relative-paths = maybe: must be True or False"),
    ("engine = thread", "[pypimirror] engine = thread: unknown; available: dask, processes, threads"),
    ("engine = dask", "[pypimirror] scheduler: engine = dask needs the address of one"),
    ("scheduler = example.com", "[pypimirror] scheduler = example.com: must be an address such as tcp://"),
])
def test_a_bad_value_is_one_line_that_names_part_and_option(newest, line, message):
    newest.write(PART + line)
    assert f"Error: {message}" in newest.run(status=1)


@pytest.mark.parametrize("line", ["", "package-matches =", "package-excludes = zope.*", "pinned = false"])
def test_a_part_that_asks_for_nothing_is_one_line_that_names_part_and_option(newest, line):
    newest.write(PART.replace("package-matches = zope.interface", line))
    out = newest.run(status=1)
    assert "Error: [pypimirror] package-matches: nothing is selected: the part has neither this option nor " in out
    assert not (newest.folder / "parts/pypimirror").exists()


@pytest.mark.parametrize("line", ["versions = versions.cfg", "requirements = requirements.txt", "local-packages = own"])
def test_a_part_may_ask_by_pins_or_with_distributions_of_its_own(newest, line):
    newest.write(PART.replace("package-matches = zope.interface", line))
    newest.run()
    assert f"{line.partition(' ')[0].replace('-', '_')} = {newest.folder}/" in newest.read("parts/pypimirror/pypimirror.cfg")


@pytest.mark.parametrize("lines, upstream", [
    ("index-url = https://index.example.com/simple", "https://index.example.com/simple"),
    ("", "https://default.example.com/simple"),
])
def test_the_upstream_is_the_options_else_the_default_of_buildout(newest, lines, upstream):
    newest.environ["buildout_testing_index_url"] = "https://default.example.com/simple"
    newest.write(PART + lines)
    newest.run()
    assert f"index_url = {upstream}" in newest.read("parts/pypimirror/pypimirror.cfg").splitlines()


def test_what_the_buildout_pins_is_mirrored_and_a_changed_pin_is_no_new_part(buildout):
    buildout.write(PART.replace("package-matches = zope.interface", "pinned = true"), "extends = more.cfg",
                   {**wheelhouse.pins(buildout.generation), "own": "1.0", "ranged": ">=2", "wild": "3.*"})
    buildout.file("more.cfg", "[versions]\nextended = 2.0\n\n[versions:python_version < '3']\nold = 1.0\n")
    buildout.run()
    written = buildout.read("parts/pypimirror/versions.cfg").splitlines()
    assert {"own = 1.0", "extended = 2.0"} <= set(written)
    assert not [line for line in written if line.startswith(("ranged", "wild", "old"))]
    assert f"versions = {buildout.folder}/parts/pypimirror/versions.cfg\n" in buildout.read("parts/pypimirror/pypimirror.cfg")
    buildout.file("more.cfg", "[versions]\nextended = 3.0\n")
    assert "Updating pypimirror" in buildout.run()
    assert "extended = 3.0" in buildout.read("parts/pypimirror/versions.cfg")


#: As mr.developer does: the pin of a checked-out package is taken out of what is in force, not out of the section.
CHECKOUTS = """
from zc.buildout import easy_install

def load(buildout):
    versions = {name: value for name, value in easy_install.default_versions().items() if not name.startswith("checked")}
    easy_install.default_versions(versions)
"""


def test_what_an_extension_checked_out_is_not_pinned(buildout, tmp_path):
    name, content = wheel("checkouts", "1.0", body=CHECKOUTS)
    path = tmp_path / name
    path.write_bytes(content)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("checkouts-1.0.dist-info/entry_points.txt", "[zc.buildout.extension]\ndefault = checkouts:load\n")
    buildout.find_links.append(str(tmp_path))
    buildout.write(PART.replace("package-matches = zope.interface", "pinned = true"), "extensions = checkouts",
                   {**wheelhouse.pins(buildout.generation), "checkouts": "1.0", "checked.Out": "1.0", "Own.Suite": "2.0"})
    buildout.run()
    written = buildout.read("parts/pypimirror/versions.cfg").splitlines()
    assert "Own.Suite = 2.0" in written
    assert not [line for line in written if line.lower().startswith("checked")]


@pytest.mark.heavy
def test_a_checkout_that_buildout_uses_in_place_of_a_release_is_not_pinned(buildout):
    """As with mxdev: checkouts are in ``sources``, and nothing removes their pins."""
    for name, version in (("site.policy", "1.0.dev0"), ("other.addon", "2.0.dev0")):
        buildout.file(f"sources/{name}/setup.py", f"import setuptools\nsetuptools.setup(name={name!r}, version={version!r})\n")
    buildout.write(PART.replace("package-matches = zope.interface", "pinned = true"), "develop = sources/*",
                   {**wheelhouse.pins(buildout.generation), "Site.Policy": "1.0dev0", "other.addon": "1.0"})
    buildout.run()
    written = buildout.read("parts/pypimirror/versions.cfg").lower()
    assert "other.addon = 1.0\n" in written  # buildout installs the release, since the checkout has another version
    assert "site.policy" not in written


def test_extras_that_parts_request_are_among_the_pins(newest):
    newest.write(PART.replace("package-matches = zope.interface", "pinned = true"), "main-eggs = uvi [Standard]",
                 {**wheelhouse.pins(), "uvi": "0.30", "other": "1.0"})
    text = newest.read("buildout.cfg")
    newest.file("buildout.cfg", text + "\n[instance]\nrecipe = nowhere\neggs =\n    ${buildout:main-eggs}\n    other\n"
                                       "    unpinned[x]\n")
    newest.run()
    read = read_versions(Chain(str(newest.folder / "parts/pypimirror/versions.cfg"), lambda path: Path(path).read_bytes()),
                         environments(["3.11"]))
    assert read.extras == {"uvi": {"standard"}}
    assert "unpinned" not in newest.read("parts/pypimirror/versions.cfg")


def test_a_renamed_versions_section_counts_and_a_missing_one_pins_nothing(newest):
    newest.write(PART.replace("package-matches = zope.interface", "pinned = true") + "[pins]\nown = 1.0\n",
                 "versions = pins", {})
    text = newest.read("buildout.cfg").replace("parts = pypimirror pins", "parts = pypimirror")
    newest.file("buildout.cfg", text)
    newest.run()
    assert "own = 1.0" in newest.read("parts/pypimirror/versions.cfg")
    newest.file("buildout.cfg", text.replace("versions = pins", "versions ="))
    newest.run()
    assert newest.read("parts/pypimirror/versions.cfg").endswith("[versions]\n")


def test_files_for_clients_and_web_servers_are_beside_the_configuration(newest):
    newest.write(PART + "base-url = http://pypi.example.com\nwebserver = apache nginx")
    newest.run()
    assert "trusted-host = pypi.example.com" in newest.read("parts/pypimirror/pip.conf")
    assert "http://pypi.example.com/simple/" in newest.read("parts/pypimirror/uv.toml")
    assert "index = http://pypi.example.com/simple/" in newest.read("parts/pypimirror/client.cfg")
    for name in ("apache.conf", "nginx.conf"):
        assert f"{newest.folder}/var/pypimirror" in newest.read(f"parts/pypimirror/{name}")
    newest.write(PART + "webserver = nginx")
    newest.run()
    assert not (newest.folder / "parts/pypimirror/apache.conf").exists()
    newest.write(PART + "webserver = lighttpd")
    refused = "[pypimirror] webserver = lighttpd: unknown; available: apache, caddy, nginx; no installed plugin"
    assert refused in newest.run(status=1)


def test_with_relative_paths_the_buildout_can_be_moved(newest):
    newest.write(PART + "relative-paths = true")
    newest.run()
    assert "mirror_file_path = ../../var/pypimirror\n" in newest.read("parts/pypimirror/pypimirror.cfg")
    moved = newest.folder.with_name("moved")
    shutil.move(newest.folder, moved)
    code = "import sys, types; cli = types.ModuleType('cli'); cli.main = print; sys.modules['pypimirror.cli'] = cli; " \
           f"import pypimirror; pypimirror.cli = cli; sys.argv[0] = {str(moved / 'bin/pypimirror')!r}; " \
           "exec(compile(open(sys.argv[0]).read(), sys.argv[0], 'exec'), {'__name__': '__main__', '__file__': sys.argv[0]})"
    product = next(newest.eggs.glob("**/z3c*pypimirror*.egg"))
    output = subprocess.run(["python3", "-c", code], env={**newest.environ, "PYTHONPATH": str(product)}, text=True,
                            capture_output=True)
    assert output.stdout.strip() == f"{moved}/parts/pypimirror/pypimirror.cfg"


def test_the_eggs_of_the_part_are_on_the_path(newest):
    newest.write(PART + "eggs = platformdirs")
    newest.run()
    assert any("platformdirs" in entry for entry in newest.script_path("pypimirror"))


@pytest.fixture
def offline(buildout):
    """A buildout that ran, and whose environment now has the product, as offline runs of zc.buildout 5 and 6 need it."""
    buildout.write(PART)
    buildout.run()
    buildout.environ["PYTHONPATH"] = os.pathsep.join(buildout.script_path("pypimirror"))
    return buildout


def test_an_offline_run_finds_the_eggs(offline):
    before = offline.read("bin/pypimirror")
    (offline.folder / "bin/pypimirror").unlink()
    offline.run("-o")
    assert offline.read("bin/pypimirror") == before


def test_offline_the_environment_serves_what_the_eggs_lack(offline, tmp_path):
    shutil.copytree(offline.eggs, tmp_path / "eggs", ignore=shutil.ignore_patterns("packaging-*"))
    offline.eggs = tmp_path / "eggs"
    offline.write(PART)
    offline.run("-o")
    path = offline.script_path("pypimirror")
    assert path[-1].endswith("site-packages")
    assert not any("packaging-" in entry for entry in path)


def test_without_newer_ones_asked_for_a_run_keeps_what_is_there(buildout):
    buildout.write(PART)
    buildout.run()
    before = buildout.read("bin/pypimirror")
    assert "Updating pypimirror." in buildout.run("-N")
    assert buildout.read("bin/pypimirror") == before


def test_versions_that_are_not_pinned_are_refused_where_the_buildout_says_so(newest):
    newest.write(PART, "allow-picked-versions = false")
    assert "does not have a version pin" in newest.run(status=1)
    newest.write(PART, "allow-picked-versions = false", {**wheelhouse.pins(), "z3c.recipe.pypimirror": "1.0.0"})
    newest.run()


@pytest.mark.heavy
def test_a_develop_egg_of_the_product_serves_as_well(newest):
    source = newest.shared.source()
    newest.find_links = [str(wheelhouse.FOLDER)]
    newest.write(PART, f"develop = {source}")
    newest.run()
    assert newest.script_path("pypimirror")[0] == str(source / "src")


def test_two_parts_have_each_its_own(buildout):
    buildout.write(PART + PART.replace("[pypimirror]", "[second]"))
    buildout.run()
    assert sorted(os.listdir(buildout.folder / "bin")) == ["pypimirror", "second"]
    assert f"mirror_file_path = {buildout.folder}/var/second\n" in buildout.read("parts/second/pypimirror.cfg")
    buildout.write(PART.replace("[pypimirror]", "[second]"))
    buildout.run()
    assert os.listdir(buildout.folder / "bin") == ["second"]


@pytest.mark.parametrize("line", ["script = pypimirror", "mirror-file-path = var/pypimirror"])
def test_two_parts_cant_share_a_script_or_a_mirror(newest, line):
    newest.write(PART + PART.replace("[pypimirror]", "[second]") + line)
    assert "pypimirror: already used by the part [pypimirror]" in newest.run(status=1)


def test_variables_are_set_before_the_program_starts(newest):
    newest.write(PART + "environment-vars =\n    AWS_ENDPOINT_URL http://127.0.0.1:9000\n    PYPIMIRROR_TEST two words")
    newest.run()
    head, found, _ = newest.read("bin/pypimirror").partition("\nimport pypimirror.cli\n")
    assert found
    done = subprocess.run(["python3", "-c", head + "\nprint(os.environ['AWS_ENDPOINT_URL'], os.environ['PYPIMIRROR_TEST'])"],
                          env=newest.environ, text=True, capture_output=True)
    assert done.stdout == "http://127.0.0.1:9000 two words\n", done.stderr


def test_files_with_credentials_are_for_their_owner_alone(newest):
    newest.write(PART + "index-url = http://me:s3cret%2Fw0rd@127.0.0.1:9/simple/\ncron-times = 17 3 * * *\n"
                 "cron-command = env http_proxy=http://me:s3cret@127.0.0.1:9 bin/pypimirror sync\n"
                 "environment-vars = AWS_SECRET_ACCESS_KEY s3cret\n")
    newest.run()
    assert "s3cret%2Fw0rd@" in newest.read("parts/pypimirror/pypimirror.cfg")
    modes = {path.name: path.stat().st_mode & 0o777 for path in (newest.folder / "parts/pypimirror").iterdir()}
    assert (modes["pypimirror.cfg"], modes["cron-entry"]) == (0o600, 0o600)
    assert (newest.folder / "bin/pypimirror").stat().st_mode & 0o777 == 0o700
    newest.write(PART)
    newest.run()
    assert (newest.folder / "bin/pypimirror").stat().st_mode & 0o777 != 0o700
    for path in (newest.folder / "parts/pypimirror").iterdir():
        assert b"s3cret" not in path.read_bytes()


@pytest.mark.parametrize("line", ["proxy = me:s3cret@127.0.0.1", "index-url = http://me:s3#cret@h/",
                                  "base-url = http://me:s3cret@h",
                                  "scheduler = tcp://me:s3cret@h:1", "environment-vars =\n    A-TOKEN s3cret",
                                  "versions = http://me:s3[cret/x@h/v.cfg"])
def test_a_bad_value_with_a_password_is_told_without_it(newest, line):
    newest.write(PART + line)
    told = newest.run(status=1)
    # zc.buildout shows nothing of the part but the error's line.
    assert "Error: [pypimirror]" in told and "s3cret" not in told and "cret@" not in told and "s3[" not in told


def test_a_bad_variable_is_named(newest):
    newest.write(PART + "environment-vars =\n    GOOD one\n    NOT-GOOD two")
    assert "must be one NAME value per line, not NOT-GOOD two" in newest.run(status=1)


NEIGHBOUR = {
    "setup.py": """
from setuptools import setup
setup(name="z3c.recipe.neighbour", version="1.0", packages=["z3c", "z3c.recipe", "z3c.recipe.neighbour"],
      namespace_packages=["z3c", "z3c.recipe"], install_requires=["setuptools"],
      entry_points={"zc.buildout": ["default = z3c.recipe.neighbour:Recipe"]})
""",
    "z3c/__init__.py": "__import__('pkg_resources').declare_namespace(__name__)\n",
    "z3c/recipe/__init__.py": "__import__('pkg_resources').declare_namespace(__name__)\n",
    "z3c/recipe/neighbour/__init__.py": """
class Recipe:
    def __init__(self, buildout, name, options):
        options["seen"] = buildout["pypimirror"]["config-file"]
    def install(self):
        return ()
    update = install
""",
}


@pytest.fixture(scope="session")
def neighbour(buildouts, tmp_path_factory):
    """A folder with a wheel of a recipe that declares its namespace the old way."""
    source = tmp_path_factory.mktemp("neighbour")
    for name, text in NEIGHBOUR.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text)
    wheels = tmp_path_factory.mktemp("neighbours")
    # The newest generation of zc.buildout stands beside a setuptools that no longer builds such packages.
    buildouts.pip(buildouts.environment("5"), "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(wheels),
                  str(source))
    return wheels


@pytest.mark.parametrize("order", ["pypimirror neighbour", "neighbour pypimirror"])
@pytest.mark.heavy
def test_a_neighbour_with_an_old_namespace_is_no_trouble(buildout, neighbour, order):
    buildout.find_links.append(str(neighbour))
    parts = {"pypimirror": PART, "neighbour": "\n[neighbour]\nrecipe = z3c.recipe.neighbour\n"}
    buildout.write("".join(parts[name] for name in order.split()))
    buildout.run()
    config = f"{buildout.folder}/parts/pypimirror/pypimirror.cfg"
    assert f"seen = {config}" in buildout.read(".installed.cfg").splitlines()
    assert "Updating neighbour." in buildout.run()
