import hashlib

from kinds.parser import CsvParser

from pypimirror.testing.sources import CONTENT, ParserContract


class TestCsvParser(ParserContract):
    invalid = (b"<html></html>", b"\xff")

    def make(self):
        return CsvParser()

    def list_page(self):
        return "\n".join(CONTENT).encode()

    def project_page(self, name):
        return "".join(f"{filename},../../files/{filename},{hashlib.sha256(body).hexdigest()}\n"
                       for filename, body in CONTENT[name].items()).encode()


def test_no_name_leaves_the_mirror():
    project, problems = CsvParser().project(b"../../etc/passwd,x,y\n", "one", "https://pypi.example.com/simple/one/")
    assert (project.files, problems) == ((), ("'../../etc/passwd': not the name of a distribution",))
