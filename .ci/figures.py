"""Wait until a hotline has answered and recorded calls; one line about them.

    python3 .ci/figures.py URL TOKEN ANSWERED SECONDS

Exit 0 when at least ANSWERED answered calls are on record within SECONDS, 1 otherwise. Any Python will do.
"""

from __future__ import annotations

import json
import sys
import time
import urllib.request
from collections import Counter
from typing import Any

REQUEST_TIMEOUT_S = 5.0
EVERY_S = 0.5


def get(url: str, token: str) -> Any:
    """The JSON at `url`; OSError when it cannot be had."""
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=REQUEST_TIMEOUT_S) as answer:  # noqa: S310 - our own http address
        return json.load(answer)


def main(url: str, token: str, answered: int, seconds: float) -> int:
    """The exit code."""
    deadline = time.monotonic() + seconds
    outcomes: Counter[str] = Counter()
    surveys, problem = 0, ""
    while outcomes["answered"] < answered and time.monotonic() < deadline:
        time.sleep(EVERY_S)
        try:
            calls = get(f"{url}/api/v1/calls?state=ended&limit=200", token)["items"]
        except OSError as error:
            problem = f" ({error})"
            continue
        outcomes = Counter(call["outcome"] for call in calls)
        surveys = sum(call["survey"]["result"] == "answered" for call in calls)
    others = ", ".join(f"{count} {name}" for name, count in sorted(outcomes.items()) if name != "answered")
    print(f"{outcomes['answered']} calls answered and recorded, {surveys} surveys, others: {others or 'none'}{problem}")
    return 0 if outcomes["answered"] >= answered else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
