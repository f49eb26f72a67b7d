"""Sets up this project: creates a virtual environment with the pinned zc.buildout and runs the buildout there.

    python3 bootstrap.py [--environment DIR] [--requirements FILE] [--index-url URL] [ARGUMENTS FOR BUILDOUT]

Uses only the standard library; pip installs the pinned requirements. Exits with the status of the step that failed.
"""

# Old Pythons must get as far as the check below, so this file keeps to the syntax that they share.
# ruff: noqa: RUF005, UP010, UP030, UP032
from __future__ import print_function

import sys

OLDEST = (3, 10)


def fail(message, status=2):
    """Print one line and exit."""
    sys.stderr.write("bootstrap.py: {0}\n".format(message))
    sys.exit(status)


def check_python(version=sys.version_info):
    """Exit with a message if this Python is too old."""
    if tuple(version[:2]) < OLDEST:
        fail("Python {0}.{1} or newer is needed, this is Python {2}.{3} ({4})".format(
            OLDEST[0], OLDEST[1], version[0], version[1], sys.executable))


def parse(arguments):
    """Return the options, and the arguments for buildout."""
    import argparse
    import os

    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(
        prog="bootstrap.py", allow_abbrev=False,
        usage="%(prog)s [options] [arguments for buildout]",
        description="Creates a virtual environment, installs the pinned zc.buildout into it and runs the buildout there.",
        epilog="All other arguments are passed on to buildout, such as -N or 'install test'; after -- any argument.")
    parser.add_argument("--environment", metavar="DIR", default=os.path.join(here, ".venv"),
                        help="folder of the virtual environment (default: .venv next to this file)")
    parser.add_argument("--requirements", metavar="FILE", default=os.path.join(here, "requirements.txt"),
                        help="requirements that pip installs into it (default: requirements.txt next to this file)")
    parser.add_argument("--index-url", metavar="URL",
                        help="the index that pip and buildout use instead of their default")
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    options, passed_on = parser.parse_known_args(arguments[:cut])
    return options, passed_on + arguments[cut + 1:]


def make_environment(folder):
    """Create the virtual environment unless it exists; return the path of its Python."""
    import os

    python = os.path.join(folder, "Scripts" if os.name == "nt" else "bin", "python.exe" if os.name == "nt" else "python")
    if is_ready(python):
        return python
    if os.path.isdir(folder) and os.listdir(folder) and not os.path.exists(os.path.join(folder, "pyvenv.cfg")):
        fail("{0}: not a virtual environment, and not empty; give another --environment".format(folder))
    try:
        import ensurepip  # noqa: F401  # Debian leaves it out of its python3 package
        import venv
    except ImportError as error:
        fail("this Python can't create virtual environments ({0}); on Debian install python3-venv".format(error))
    print("Creating a virtual environment in {0}".format(folder))
    try:
        venv.EnvBuilder(clear=True, symlinks=os.name != "nt", with_pip=True).create(folder)
    except Exception as error:  # any failure is reported in one line with the name of the folder
        fail("{0}: can't create a virtual environment: {1}".format(folder, error))
    return python


def is_ready(python):
    """Return whether the environment's Python exists, is of this version, and has pip."""
    import os
    import subprocess

    if not os.path.exists(python):
        return False
    check = "import sys, pip; sys.exit(sys.version_info[:2] != {0!r})".format(sys.version_info[:2])
    return subprocess.call([python, "-c", check], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0


def run(command, environment):
    """Run a command; exit with its status if it fails."""
    import subprocess

    try:
        status = subprocess.call(command, env=environment)
    except OSError as error:
        fail("{0}: {1}".format(command[0], error.strerror))
    except KeyboardInterrupt:
        status = 130
    if status:
        fail("{0} ended with status {1}".format(" ".join(command), status), status if status > 0 else 1)


def main(arguments=None):
    """Set up the project. arguments: of the command line."""
    check_python()
    options, for_buildout = parse(sys.argv[1:] if arguments is None else arguments)
    import os

    if not os.path.isfile(options.requirements):
        fail("{0}: no such file; see --requirements".format(options.requirements))
    environment = dict(os.environ, PIP_DISABLE_PIP_VERSION_CHECK="1")
    environment.pop("PYTHONPATH", None)
    if options.index_url:
        # Also for the pip with which buildout builds sdists.
        environment["PIP_INDEX_URL"] = options.index_url
        for_buildout = ["buildout:index={0}".format(options.index_url)] + for_buildout
    folder = os.path.abspath(options.environment)
    python = make_environment(folder)
    run([python, "-m", "pip", "install", "--quiet", "--requirement", options.requirements], environment)
    os.chdir(os.path.dirname(os.path.abspath(__file__)))
    run([os.path.join(os.path.dirname(python), "buildout")] + for_buildout, environment)


if __name__ == "__main__":
    main()
