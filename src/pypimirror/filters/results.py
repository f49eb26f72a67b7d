"""Checks the results of filters, so that a mistake in a plugin fails a project and removes nothing.

The exceptions name the first argument of the function that raises them as the component that failed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NoReturn

from ..interfaces import IFilter, INameFilter
from ..model import File, Project
from ..read_only import ReadOnlyDict
from ..zcml.builtin import is_own


def checked_name_filter(component: INameFilter) -> Callable[[str], bool]:
    """Return a name filter; one of a plugin as a function that raises TypeError for any other result than True and False."""
    if is_own(component):
        return component  # it is called for every name of upstream's list

    def accepts(name: str) -> bool:
        accepted = component(name)
        if not isinstance(accepted, bool):
            _raise_type_error(component, f"returned {accepted!r}, not True or False")
        return accepted

    return accepts


def as_read_only(component: IFilter, project: Project) -> Project:
    """Return what a filter is given: for one of a plugin a copy whose mappings can't be changed, else the project."""
    if is_own(component):
        return project
    files = tuple(file._replace(**_read_only_fields(file)) for file in project.files)
    return project._replace(**_read_only_fields(project), files=files)


def _read_only_fields(value: Project | File) -> dict[str, Any]:
    return {name: ReadOnlyDict(each) for name, each in zip(value._fields, value, strict=True) if isinstance(each, dict)}


def checked_filenames(component: Any, before: Project, selected: Any) -> set[str]:
    """Return the names of the selected files. Raises TypeError, ValueError if these are not files of the project."""
    if not isinstance(selected, Iterable):
        _raise_type_error(component, f"select returned {selected!r}, not files")
    given = {file.filename: file for file in before.files}
    names: set[str] = set()
    for file in selected:
        if not isinstance(file, File):
            _raise_type_error(component, f"select returned {file!r} among the files; return the files that it was given")
        if file.filename not in given:
            raise ValueError(f"select returned {file.filename!r}, which is not among the files that it was given")
        if file is not given[file.filename] and file != given[file.filename]:
            raise ValueError(f"select returned {file.filename!r} with other values; return the files that it was given")
        if file.filename in names:
            raise ValueError(f"select returned {file.filename!r} twice")  # a generator may never end
        names.add(file.filename)
    return names


def checked_next_change(component: Any, project: Project) -> float | None:
    """Return the result of ``next_change`` of a timed filter. Raises TypeError for anything but a number or None."""
    moment: float | None = component.next_change(project)
    if moment is not None and not isinstance(moment, (int, float)):
        _raise_type_error(component, f"next_change returned {moment!r}, not seconds since 1970 or None")
    return moment


def _raise_type_error(component: Any, what: str) -> NoReturn:
    raise TypeError(what)
