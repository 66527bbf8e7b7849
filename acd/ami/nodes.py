"""All Asterisks as one switch: each order goes to the one it is for, and what is asked is asked of all."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

from acd.ami.node import Node
from acd.queues.commands import SwitchCommand
from acd.queues.views import NodeView


class Nodes:
    """ports.Switch over several Asterisks: each command goes to the one the call is on."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._nodes = nodes

    def carry_out(self, command: SwitchCommand) -> None:
        """To the caller's own Asterisk; about agents, and about callers nobody knows, to every one."""
        call_id = getattr(command, "call_id", None)
        holders = [node for node in self._nodes if call_id is not None and node.knows(call_id)]
        for node in holders or self._nodes:
            node.carry_out(command)

    def mirrored(self, endpoint: str) -> bool:
        """Whether every fallback queue is known to have the agent with this phone as the agent stands."""
        return all(node.mirror.has(endpoint) for node in self._nodes)

    async def until_mirrored(self, endpoint: str, within_s: float) -> None:
        """Returns when those in reach have, or did not say so in time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await asyncio.gather(*(node.mirror.until_has(endpoint) for node in self._nodes))

    def views(self) -> list[NodeView]:
        """One per Asterisk."""
        return [node.view() for node in self._nodes]

    def problems(self) -> dict[str, str]:
        """`asterisk.<name>` -> what is wrong with it."""
        return {
            f"asterisk.{view.name}": view.problem or "not in service" for view in self.views() if not view.connected
        }
