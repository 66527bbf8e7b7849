"""What a daemon that starts leaves out, for callers wait while it does. To be imported before everything else.

- The search for garbage: imports make a million objects and drop none, and to go through them again and again takes a
  fifth of the start. `acd.daemon` switches it on when it is ready.
- The methods of dataclasses: most are never called before it is ready (`acd.late_methods`).
- rich: structlog and typer import it, pygments and all, where it is there, for coloured tracebacks. A daemon's go to a
  log, without the values of variables.
- SQLAlchemy's ORM: nothing is mapped to objects here, but its asyncio package imports it, for sessions that nobody
  opens; a tenth of the start. The package is there without having been run, and its engine imported on its own.
- What phonenumbers has for numbers in texts, and for such that are being typed: its package is there in the same way.
- Plugins of pydantic, which it looks for among all that is installed: none is to see what callers and settings say.
- The world's certificates: aiohttp reads them when it is imported, another tenth, for clients that name none of their
  own. Ours, the CRM's, does (`acd.crm.client`); any other would trust nobody.
"""

from __future__ import annotations

import gc
import importlib.util
import os
import sys

if sys.argv[1:2] == ["run"]:
    gc.disable()
    from acd import late_methods

    late_methods.begin()
    os.environ.setdefault("TYPER_USE_RICH", "0")
    sys.modules["rich"] = None  # type: ignore[assignment]
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "1")
    for name in ("sqlalchemy.ext.asyncio", "phonenumbers"):
        package = importlib.util.find_spec(name)
        if package is not None:
            sys.modules[name] = importlib.util.module_from_spec(package)
    places = {name: os.environ.get(name) for name in ("SSL_CERT_FILE", "SSL_CERT_DIR")}
    os.environ.update(dict.fromkeys(places, os.devnull))
    import aiohttp  # noqa: F401

    for name, place in places.items():
        if place is None:
            del os.environ[name]
        else:
            os.environ[name] = place
