"""The smallest useful configuration, for tests to vary."""

from __future__ import annotations

from pathlib import Path

GOOD = """\
asterisk:
  - {name: main, secret: s3cret}
queues:
  sales:
    dids: ["74951234567"]
    require: "sales >= 1"
agents:
  "1001": {name: Анна, endpoint: PJSIP/1001, skills: {sales: 5}}
"""


def written(folder: Path, text: str) -> Path:
    """`text` as a file."""
    file = folder / "acd.yaml"
    file.write_text(text, encoding="utf-8")
    return file
