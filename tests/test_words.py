"""The words of the project: docstrings, comments, messages and documents are plain technical English.

Each idiom hides a clearer sentence with a subject and a verb. Rewrite the sentence as a maintainer of pip would have written
it; do not only swap the word.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

import pypimirror

ROOT = Path(pypimirror.__file__).parent
TOP = Path(__file__).parents[1]
#: An idiom, with a sentence that has it and words to use instead.
IDIOMS = (
    (r"gives? (?:the|an?|what|it|those|all|one|where|which|as|that|this|how)\b", "Give the name of a file.", "return, write"),
    (r"what (?:came|comes|becomes|became) (?:of|out|to)", "What came of it.", "result"),
    (r"(?:is|are|was|were|be) told|told of", "The observer is told of it.", "receives, gets"),
    (r"tells?", "The header tells the size.", "contains, shows, reports"),
    (r"says?|said", "The page says so.", "contains, states"),
    (r"(?:is|are|be|was) (?-i:none)\b(?! of)", "The name is none.", "is not valid, does not exist"),
    (r"(?:is|are|be|was) none of (?:ours|these|those|its)", "The file is none of ours.", "does not belong to"),
    (r"lies?|lay|lying", "A file lies in the folder.", "is in"),
    (r"(?:to|can't|could not|cannot) be had", "It can't be had.", "is not available"),
    (r"of (?:ours|theirs|its own|their own)", "A thread of ours.", "this program's, separate"),
    (r"(?:asked|asks?|asking) for", "It was asked for.", "requested, selected"),
    (r"beside", "It is kept beside the file.", "next to, with"),
    (r"nobody|anybody|somebody|whoever|whichever", "Nobody waits.", "a subject: no thread, users, the caller"),
    (r"by (?:itself|themselves)", "It starts by itself.", "automatically, alone"),
    (r"goes|gone|went", "The file goes.", "is removed, continues, missing"),
    (r"put right|ma(?:ke|kes|de) up for|anew|take note", "It is read anew.", "again, repair, record"),
)

_PATTERN = re.compile("|".join(rf"\b(?:{pattern})\b" for pattern, _, _ in IDIOMS), re.IGNORECASE)


def found(text: str) -> list[str]:
    return [match[0] for match in _PATTERN.finditer(text)]


def texts(source: str) -> Iterator[tuple[int, str]]:
    """Yield the comments and the strings of more than one word, with their lines."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            for offset, line in enumerate(node.value.splitlines()):
                yield node.lineno + offset, line


def in_folder(name: str) -> list[str]:
    place = ROOT / name
    return in_code(sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")])


def in_code(paths: list[Path]) -> list[str]:
    return [f"{path.relative_to(TOP)}:{line}: {text.strip()} <{', '.join(found(text))}>"
            for path in paths for line, text in texts(path.read_text(encoding="utf-8")) if found(text)]


def in_document(path: Path) -> list[str]:
    prose = [re.sub(r"``[^`]+``", "", line) for line in path.read_text(encoding="utf-8").splitlines()]  # without code
    return [f"{path.relative_to(TOP)}:{number}: {line.strip()} <{', '.join(found(line))}>"
            for number, line in enumerate(prose, 1) if found(line)]


FOLDERS = sorted({path.stem for path in ROOT.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()})
DOCUMENTS = sorted([*TOP.glob("*.rst"), *TOP.glob("docs/*.rst"), *TOP.glob("examples/*/*.rst"), *TOP.glob("benchmarks/*.rst"),
                    *TOP.glob("examples/**/*.zcml")])


@pytest.mark.parametrize("folder", FOLDERS)
def test_code_and_messages_have_no_idioms(folder: str) -> None:
    lines = in_folder(folder)
    assert not lines, "\n".join(lines)


def test_scripts_and_examples_have_no_idioms() -> None:
    lines = in_code([*TOP.glob("*.py"), *TOP.glob("docs/*.py"), *TOP.glob("examples/**/*.py")])
    assert not lines, "\n".join(lines)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(TOP)))
def test_documents_have_no_idioms(path: Path) -> None:
    lines = in_document(path)
    assert not lines, "\n".join(lines)


@pytest.mark.parametrize(("sentence", "pattern"), [(sentence, pattern) for pattern, sentence, _ in IDIOMS])
def test_an_idiom_is_found_wherever_it_is_written(sentence: str, pattern: str) -> None:
    sources = (f'"""{sentence}"""\n', f"# {sentence}\n", f'raise ValueError(f"{{name}}: {sentence}")\n',
               f'def function():\n    """Do it.\n\n    {sentence}\n    """\n')
    for source in sources:
        assert [word for _, text in texts(source) for word in found(text)], source
    assert re.search(rf"\b(?:{pattern})\b", sentence, re.IGNORECASE)


def test_there_is_something_to_read() -> None:
    assert len(FOLDERS) > 20 and len(DOCUMENTS) > 20
    assert sum(1 for path in ROOT.rglob("*.py") for _ in texts(path.read_text(encoding="utf-8"))) > 5000
