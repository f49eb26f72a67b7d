"""Verifies that components conform to their interfaces; describes what is missing."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from zope.interface.exceptions import BrokenImplementation, BrokenMethodImplementation, Invalid

#: The types of attributes whose wrong value would fail later, in another component.
_TYPES: Mapping[str, tuple[type, ...]] = {
    "exact": (frozenset, set, type(None)), "reason": (str,), "title": (str,), "filename": (str,),
    "most_files": (int, type(None)), "quality": (int, float)}


def fault_of_factory(factory: Any, interface: Any, adapted: tuple[Any, ...]) -> str | None:
    """Return a description of why a factory can't provide an interface, or None.

    adapted: the interfaces of its arguments. Attributes can't be verified before the component is created.
    """
    from zope.interface.verify import verifyClass

    if not callable(factory):
        return f"{dotted_name(factory)} can't be called"
    if not interface.implementedBy(factory):
        return f"{dotted_name(factory)} does not implement {interface.__name__}"
    lack = _broken_promises(verifyClass, factory, interface) if isinstance(factory, type) else None
    if lack:
        return lack
    return fault_of_signature(factory, ", ".join(required.__name__ for required in adapted) or "nothing", *adapted)


def fault_of_signature(function: Callable[..., Any], words: str, *arguments: Any) -> str | None:
    """Return why a function can't be called with the arguments, or None. words: describe the arguments."""
    import inspect  # needed only for plugins

    try:
        inspect.signature(function).bind(*arguments)
    except TypeError as error:
        return f"{dotted_name(function)} is to be called with {words}: {error}"
    except ValueError:
        pass  # functions written in C may have no signature
    return None


def fault_of_component(component: Any, interface: Any) -> str | None:
    """Return a description of what a component lacks of an interface, or None."""
    from zope.interface.verify import verifyObject

    return _broken_promises(verifyObject, component, interface) or _wrong_value(component, interface)


def _wrong_value(component: Any, interface: Any) -> str | None:
    """Return a description of an attribute that has a value of another type than in the interface, or None."""
    for name, types in _TYPES.items():
        if name in interface and not isinstance(getattr(component, name), types):
            known = " or ".join("None" if each is type(None) else each.__name__ for each in types)
            return f"{name} = {getattr(component, name)!r}: must be {known}"
    filename = component.filename if "filename" in interface else ""
    if filename != os.path.basename(filename) or (filename and not filename.strip(".")):
        return f"filename = {filename!r}: must be the name of a file without folders"
    return None


def dotted_name(factory: Any) -> str:
    """Return the dotted name of a class or function, or the ``repr`` of another factory."""
    name = getattr(factory, "__qualname__", None)
    return f"{factory.__module__}.{name}" if name else repr(factory)


def _broken_promises(verify: Callable[[Any, Any], object], candidate: Any, interface: Any) -> str | None:
    try:
        verify(interface, candidate)
    except Invalid as error:
        found = getattr(error, "exceptions", [error])
        cls = candidate if isinstance(candidate, type) else type(candidate)
        missing = [_method_name(each.name) for each in found if isinstance(each, BrokenImplementation)]
        lacks = [_describe_lack(each, interface) for each in found if not isinstance(each, BrokenImplementation)]
        lacks += [f"has no {', '.join(missing)} ({interface.__name__})"] if missing else []
        hint = "; what __getattr__ provides does not count" if missing and hasattr(cls, "__getattr__") else ""
        if hint and interface.__name__ == "IStorage":
            hint += ", derive from pypimirror.storage.wrapper.StorageWrapper to wrap a storage"
        return f"{dotted_name(cls)} {', '.join(lacks)}{hint}"
    except IndexError:  # zope.interface can't read the signature of a method that takes *arguments without self
        return None
    return None


def _describe_lack(error: Invalid, interface: Any) -> str:
    if isinstance(error, BrokenMethodImplementation):
        why = error.mess.replace("implementation", "it")
        return f"has a {_method_name(error.method)} that is not {interface.__name__}'s: {why}"
    return f"does not implement {interface.__name__}"


def _method_name(described: Any) -> str:
    return described if isinstance(described, str) else described.getName()
