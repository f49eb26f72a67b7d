"""The table of messages in the documentation: made from the code, with a remedy for each."""

from __future__ import annotations

import importlib.util

import pytest

from support import wheelhouse

_spec = importlib.util.spec_from_file_location("messages", wheelhouse.CHECKOUT / "docs" / "messages.py")
assert _spec is not None and _spec.loader is not None
messages = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(messages)
FOUND = messages.collect()
EVERY = [message for part in FOUND.values() for message in part]


def test_every_message_has_a_remedy_and_a_status() -> None:
    assert len(EVERY) > 200
    for message in EVERY:
        assert message.remedy.endswith(".") and len(message.remedy) > 5, message
        assert message.status in range(6), message
        assert "{" not in message.text, message


@pytest.mark.parametrize(("title", "text", "status", "remedy"), [
    ("Configuration", "FILENAME, line LINENO: no section headers", 2, "Keys go into [DEFAULT] or [SECTION]."),
    ("Network", "URL: the host HOST has no address", 1, "Check index_url, this machine's DNS, and whether a proxy is needed."),
    ("Runs", "PATH: another run holds the lock", 3, "Wait until it has ended; status shows its progress."),
    ("Disk and state", "KEY: PATH: the folder FOLDER does not exist", 2, "Create it, or correct the path."),
])
def test_messages_are_those_of_the_code(title: str, text: str, status: int, remedy: str) -> None:
    [message] = [message for message in FOUND[title] if message.text == text]
    assert (message.status, message.remedy) == (status, remedy)


def test_each_special_remedy_belongs_to_a_message() -> None:
    for start, remedy in messages.REMEDIES.items():
        assert any(message.text.startswith(start) and message.remedy == remedy for message in EVERY), start


def test_a_module_without_an_area_is_an_error() -> None:
    assert messages.area("http/tls")[0] == "Configuration"
    assert messages.area("http/retry")[0] == "Network"
    with pytest.raises(LookupError, match="AREAS lacks astrology/signs"):
        messages.area("astrology/signs")
