"""Checks the pins of versions.cfg for known vulnerabilities: audit.py PIP_AUDIT CONSTRAINTS.

Exits with 1 if a pin has a known vulnerability. Pins that the service does not know, and a service that can't be reached, are
printed and do not fail the run: they say nothing about the pins.
"""

import json
import subprocess
import sys


def main() -> int:
    """Run pip-audit and return the exit status."""
    program, constraints = sys.argv[1:]
    done = subprocess.run([program, "--requirement", constraints, "--no-deps", "--disable-pip", "--progress-spinner", "off",
                           "--format", "json"], capture_output=True, text=True, check=False)
    try:
        found = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        print(f"audit: no answer from the vulnerability service: {done.stderr.strip()[-300:]}")
        return 0
    unknown = [one["name"] for one in found if "skip_reason" in one]
    vulnerable = [(one["name"], one["version"], vulnerability["id"], " ".join(vulnerability["fix_versions"]))
                  for one in found for vulnerability in one.get("vulns", ())]
    for name, version, identifier, fixed in vulnerable:
        print(f"audit: {name} {version}: {identifier}, fixed in {fixed or 'no release'}")
    print(f"audit: {len(found) - len(unknown)} pins checked, {len(unknown)} unknown to the service, "
          f"{len(vulnerable)} vulnerable")
    return 1 if vulnerable else 0


if __name__ == "__main__":
    sys.exit(main())
