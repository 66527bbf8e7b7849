"""`make audit`: does anything that requirements.lock names have a known weakness?

Exit code 0: nothing known; 1: something is, it is listed; 3: the advisories could not be asked, so nobody knows.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

PROJECT: Final = Path(__file__).resolve().parents[2]
TOOL: Final = PROJECT / ".venv/audit/bin/pip-audit"
EXIT_WEAK, EXIT_UNKNOWN = 1, 3
PATIENCE_S: Final = 300.0
UNREACHED: Final = "audit: the advisories cannot be reached, so nothing is known"
LAST_WORDS: Final = 3  # lines


def verdict(output: str, complaint: str) -> tuple[int, list[str]]:
    """Exit code and lines to print, of what pip-audit wrote as JSON and what it complained of."""
    try:
        looked_at: list[dict[str, Any]] = json.loads(output)["dependencies"]
    except (ValueError, KeyError, TypeError):
        said = complaint.strip().splitlines()[-LAST_WORDS:]
        return EXIT_UNKNOWN, [UNREACHED, *said]
    weak = [
        f"{one['name']} {one['version']}: {found['id']}, mended in {', '.join(found['fix_versions']) or 'none yet'}"
        for one in looked_at
        for found in one.get("vulns", ())
    ]
    passed_over = [f"not looked at: {one['name']}: {one['skip_reason']}" for one in looked_at if "skip_reason" in one]
    if len(passed_over) == len(looked_at):  # an index that holds packages and no advisories
        return EXIT_UNKNOWN, [UNREACHED, *passed_over[:1]]
    if weak:
        return EXIT_WEAK, [*weak, *passed_over]
    if passed_over:
        return EXIT_UNKNOWN, passed_over
    return 0, [f"audit: {len(looked_at)} packages, no known weakness"]


def main() -> None:
    """Ask, print, end with the code."""
    command = [str(TOOL), "--requirement", "requirements.lock", "--disable-pip", "--format", "json"]
    try:
        asked = subprocess.run(
            [*command, "--progress-spinner", "off"],
            cwd=PROJECT, capture_output=True, text=True, check=False, timeout=PATIENCE_S,
        )  # fmt: skip
        code, lines = verdict(asked.stdout, asked.stderr)
    except subprocess.TimeoutExpired:
        code, lines = verdict("", f"no answer within {PATIENCE_S:.0f} s")
    print("\n".join(lines))
    sys.exit(code)


if __name__ == "__main__":
    main()
