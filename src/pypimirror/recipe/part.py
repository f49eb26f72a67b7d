"""The recipe: installs a part of a buildout."""

import os
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

from zc.buildout import UserError, easy_install

from .. import written_file
from ..settings.index_settings import is_within
from ..zcml import registry
from . import buildout_versions, client_files, configuration, environment, job, plugins, script
from . import options as known

#: Options that select projects; ``pinned`` adds a file to ``versions``.
_ASKING = ("package-matches", "versions", "requirements", "local-packages")


class Recipe:
    """A part that mirrors an index.

    ``__init__`` checks and completes the options, so that other parts can use them; only ``install`` writes files. It returns
    the written files without the mirror, because buildout deletes the files of a part when it is uninstalled.
    """

    def __init__(self, buildout: Any, name: str, options: MutableMapping[str, str]):
        self.buildout, self.name, self.options = buildout, name, options
        self._given = tuple(options)
        #: Whether there may be plugins. They are in the eggs, so their keys are unknown before ``install``.
        self._plugged = any(options.get(option, "").strip() for option in ("eggs", "zcml", "zcml-additional"))
        if not self._plugged:
            known.check_names(name, self._given)
        self._section = section = buildout["buildout"]
        self._directory = section["directory"]
        #: The folder of relative paths.
        self._base = os.path.join(self._directory, os.path.expanduser(options.get("relative-to", "").strip() or os.curdir))
        self._base = os.path.normpath(self._base)
        self._texts = known.collect_texts(name, options, self._base, known.configuration_keys())
        if "relative-to" in self._texts:
            self._texts["relative-to"] = self._base
        self._location = os.path.join(section["parts-directory"], name)
        self._config = os.path.join(self._location, "pypimirror.cfg")
        self._pins = os.path.join(self._location, "versions.cfg")
        self._pinned = self._convert_option("pinned")
        self._script = self._script_path()
        self._eggs = self._convert_option("eggs") or ()
        self._environment = self._convert_option("environment-vars") or ()
        self._relative = bool(self._convert_option("relative-paths", section.get("relative-paths", "false")))
        self._check_engine()
        if not self._plugged:  # before anything is uninstalled
            self._check_components(registry.components_by_key(registry.load()))
        self._fill_in_defaults()
        self._check_selection()
        self._job = job.Job(name, self._directory, self._location, self._convert_option, options.get("cron-times", "").strip(),
                            self._script)
        self._claim_paths(self._script, self._texts["mirror-file-path"])
        self._write_back()

    def install(self) -> list[str]:
        """Write changed files; return the paths of all files of the part. Raises UserError."""
        made: list[str] = []

        def note(path: str) -> None:
            made.append(path)
            # Buildout removes these if the installation fails.
            self.options.created(path)  # type: ignore[attr-defined]

        dists = script.find_distributions(self.buildout, self._eggs)
        os.makedirs(self._location, exist_ok=True)
        relative_to = (self._directory, self._location) if self._relative else None
        if self._pinned:
            versions = buildout_versions.effective_pins(self.buildout)
            requested = buildout_versions.requested_extras(self.buildout)
            written_file.write(self._pins, buildout_versions.render(self.name, versions, requested))
            note(self._pins)
        if self._additional:
            written_file.write(self._additional, plugins.wrap_zcml(self.options["zcml-additional"]))
            note(self._additional)
        more = plugins.Plugins(self.name, dists, self._environment, self._additional) if self._plugged else None
        keys, texts = self._load_plugins(more)
        written_file.write(self._config, configuration.render(self.name, keys, texts, relative_to))
        note(self._config)
        self._job.change_owner(self._config)
        client_files.write(self.name, self._config, self._convert_option("webserver") or (), more, note)
        for path in script.write_script(self._script, dists, self._script_argument(),
                                        environment.render_source(self._environment),
                                        self._directory if self._relative else ""):
            if environment.has_secrets(self._environment):
                os.chmod(path, 0o700)
                self._job.change_owner(path)
            note(path)
        self._job.install(self._config, note)
        return made

    update = install

    def _load_plugins(self, installed: plugins.Plugins | None) -> tuple[tuple[known.OptionKey, ...], dict[str, str]]:
        """Return all keys of the configuration, and the texts of those that are set. Raises UserError."""
        if installed is None:
            return known.configuration_keys(), self._texts
        more, relative, components = installed.load_keys(self._texts.get("zcml", "").split(), self.options, self._base)
        known.check_names(self.name, self._given, more)
        self._check_components(components)
        texts = {**self._texts, **known.collect_texts(self.name, self.options, self._base, more)}
        if relative:  # their own types find relative paths in the same folder as here
            texts["relative-to"] = self._base
        return (*known.configuration_keys(), *more), texts

    def _convert_option(self, name: str, default: str = "") -> Any:
        option = next(option for option in known.OPTIONS if option.name == name)
        return known.convert_option(self.name, self.options, name, option.kind, self._directory, default or option.default)

    def _script_path(self) -> str:
        name = self._convert_option("script") or self.name
        if os.path.basename(name) != name or name in (os.curdir, os.pardir):
            raise UserError(f"[{self.name}] script = {name}: must be a plain file name")
        return os.path.join(self._section["bin-directory"], name)

    def _fill_in_defaults(self) -> None:
        """Fill in the defaults of the options."""
        texts = self._texts
        texts.setdefault("mirror-file-path", os.path.join(self._directory, "var", self.name))
        self._additional = ""
        if self.options.get("zcml-additional", "").strip():
            self._additional = os.path.join(self._location, "additional.zcml")
            texts["zcml"] = "\n".join(filter(None, (texts.get("zcml"), self._additional)))
        if "index-url" not in texts:
            texts["index-url"] = easy_install.default_index_url
        if self._pinned:
            texts["versions"] = "\n".join(filter(None, (self._pins, texts.get("versions"))))
        mirror = texts["mirror-file-path"]
        if "://" in mirror:
            texts.setdefault("state-path", os.path.join(self._directory, "var", self.name))
        if is_within(self._location, mirror):
            raise UserError(f"[{self.name}] mirror-file-path = {mirror}: must not hold {self._location}, "
                            "whose files are not for publication")

    def _check_engine(self) -> None:
        """Raise UserError for dask without a scheduler."""
        engine = self._texts.get("engine")
        if engine == "dask" and "scheduler" not in self._texts:
            raise UserError(f"[{self.name}] scheduler: engine = dask needs the address of one, such as "
                            "tcp://scheduler.example.com:8786")

    def _check_components(self, components: Mapping[str, Sequence[str]]) -> None:
        """Raise UserError for an unknown name of a component."""
        known.check_components(self.name, {**self._texts, "webserver": self.options.get("webserver", "")}, components)

    def _check_selection(self) -> None:
        """Raise UserError if the part selects no projects."""
        if not self._plugged and not any(self._texts.get(option) for option in _ASKING):
            raise UserError(f"[{self.name}] package-matches: nothing is selected: the part has neither this option nor "
                            f"{', '.join(_ASKING[1:])} or pinned = true; select everything with package-matches = *")

    def _claim_paths(self, *paths: str) -> None:
        """Raise UserError if another part of this buildout uses a path."""
        claims = self.buildout.__dict__.setdefault("_pypimirror_claims", {})
        for path in paths:
            other = claims.setdefault(path, self.name)
            if other != self.name:
                raise UserError(f"[{self.name}] {path}: already used by the part [{other}]")

    def _write_back(self) -> None:
        """Write computed values to the options, for other parts and so that buildout detects changes."""
        self.options.update(self._texts)
        self.options.update(self._job.computed_options())
        self.options["location"] = self._location
        self.options["config-file"] = self._config
        self.options["script"] = self._script
        self.options["relative-paths"] = str(self._relative).lower()

    def _script_argument(self) -> str:
        """Return the Python source of the configuration's path, the argument of the script."""
        if not self._relative:
            return repr(self._config)
        return f"join(base, {os.path.relpath(self._config, self._directory)!r})"


def uninstall(name: str, options: Mapping[str, str]) -> None:
    """Remove the job, the files and the empty directory of a part. zc.buildout calls it before it removes the files itself.

    options: of the installed part. Raises UserError.
    """
    job.uninstall(options)
    for path in options.get("__buildout_installed__", "").split("\n"):
        if os.path.isfile(path):
            os.unlink(path)
    location = options.get("location", "")
    if os.path.isdir(location) and not os.listdir(location):
        os.rmdir(location)
    job.reload_systemd(options)
