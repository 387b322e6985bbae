"""Known holes in what is installed, by pip-audit: `make check`. Where advisories cannot be reached, that is said."""

import json
import subprocess
import sys
from pathlib import Path


def told(report: str) -> tuple[int, str]:
    """Exit code and what is printed for a report of pip-audit in JSON; "" where it could not make one."""
    packages = json.loads(report)["dependencies"] if report.strip() else []
    looked_up = [one for one in packages if "vulns" in one]
    holes = [f"{one['name']} {one['version']}: {hole['id']}" for one in looked_up for hole in one["vulns"]]
    counted = f"audit: {len(looked_up)} of {len(packages)} packages were looked up, {len(holes)} known holes"
    unsure = "" if looked_up else "; no advisories can be reached from here, so this says nothing"
    return int(bool(holes)), "\n".join([*holes, counted + unsure])


if __name__ == "__main__":
    command = [
        Path(sys.executable).with_name("pip-audit"),
        "--skip-editable",
        "--progress-spinner",
        "off",
        "-f",
        "json",
    ]
    code, line = told(subprocess.run(command, capture_output=True, text=True).stdout)
    print(line)
    sys.exit(code)
