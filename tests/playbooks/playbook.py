"""A playbook: a conversation with the brain, written down as events in and commands out.

    assert (
        playbook(agents=[agent("1001", sales=5)])
        >> login("1001")
        >> enters("c1")
        << rings("c1", "1001")
        >> after(25)
        << withdraws("c1.1")
    )

`>>` lets something happen, `<<` says what must come of the last event. Orders that a caller or an agent would notice
(dialling, withdrawing, prompts, goodbye) must be stated, all of them and in their order. Facts, timers, changes of
agents and notes on channels may be stated, in any order; `<< no(...)` says that there was none like it.

`after(seconds)` moves the clock and fires the timers that come due on the way. A playbook that nobody asserted fails
its test; one that does not match prints the transcript with the difference.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from acd.ivr.core import Core
from acd.queues import commands as cmd
from acd.queues.events import Event, TimerDue
from acd.queues.journey import CallRecord
from acd.queues.model import CallId, Plan
from tests import rules
from tests.playbooks.words import After, Says, Step, describe, is_order

START = 1_700_000_000.0

unasserted: list[Playbook] = []


@dataclass(eq=False, repr=False)
class Playbook:
    """Steps not yet played; `bool()` plays them and raises AssertionError on the first mismatch."""

    core: Core
    now: float = START
    log: list[Event] = field(default_factory=list)
    commands: list[cmd.Command] = field(default_factory=list)
    _steps: list[Step | After | Says] = field(default_factory=list)
    _timers: dict[str, float] = field(default_factory=dict)
    _transcript: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        unasserted.append(self)

    def __rshift__(self, step: Step | After) -> Playbook:
        self._mark_open()
        self._steps.append(step)
        return self

    def __lshift__(self, says: Says) -> Playbook:
        self._mark_open()
        self._steps.append(says)
        return self

    def __bool__(self) -> bool:
        """Play what was written since the last time."""
        steps, self._steps = self._steps, []
        if self in unasserted:
            unasserted.remove(self)
        while steps:
            head, *rest = steps
            assert isinstance(head, Step | After), "a playbook begins with an event"
            expected: list[Says] = []
            while rest and isinstance(rest[0], Says):
                expected.append(rest.pop(0))
            self._play(head, expected)
            steps = rest
        return True

    def record(self, call_id: str) -> CallRecord:
        """The call's record, live or only just ended."""
        found = self.core.book.get(CallId(call_id))
        assert found is not None, f"no record of {call_id}"
        return found

    def timers(self) -> set[str]:
        """Names of the timers that are running."""
        return set(self._timers)

    def _mark_open(self) -> None:
        if self not in unasserted:
            unasserted.append(self)

    def _play(self, head: Step | After, expected: list[Says]) -> None:
        self._transcript.append(f">> {head}")
        came = self._wait(head.seconds) if isinstance(head, After) else self._tell(head.event(self.now))
        self._compare(came, expected)

    def _wait(self, seconds: float) -> list[cmd.Command]:
        until = self.now + seconds
        came: list[cmd.Command] = []
        while due := [(due_at, name) for name, due_at in self._timers.items() if due_at <= until]:
            due_at, name = min(due)
            self.now = max(self.now, due_at)
            del self._timers[name]
            came += self._tell(TimerDue(self.now, name))
        self.now = until
        return came

    def _tell(self, event: Event) -> list[cmd.Command]:
        self.log.append(event)
        came = self.core.handle(event)
        self.commands += came
        for command in came:
            match command:
                case cmd.SetTimer(name, due_at):
                    self._timers[name] = due_at
                case cmd.CancelTimer(name):
                    self._timers.pop(name, None)
        rules.check(self.core, self.now)
        rules.every_state_has_its_timers(self.core, self.now, self._timers)
        return came

    def _compare(self, came: list[cmd.Command], expected: list[Says]) -> None:
        orders = [command for command in came if is_order(command)]
        wanted = [says for says in expected if says.order]
        matched = len(orders) == len(wanted) and all(
            says.fits(command) for says, command in zip(wanted, orders, strict=True)
        )
        wrong = [says for says in expected if not says.order and says.forbidden is says.found_in(came, self.now)]
        if matched and not wrong:
            self._transcript += [f"<< {says}" for says in expected]
            return
        raise AssertionError(self._difference(came, orders, wanted, wrong))

    def _difference(
        self, came: list[cmd.Command], orders: list[cmd.Command], wanted: list[Says], wrong: list[Says]
    ) -> str:
        lines = ["the playbook does not match", "", *self._transcript]
        for number in range(max(len(orders), len(wanted))):
            says = wanted[number] if number < len(wanted) else None
            command = orders[number] if number < len(orders) else None
            if says is not None and command is not None and says.fits(command):
                lines.append(f"<< {says}")
                continue
            lines += [f"-- {says}"] if says else []
            lines += [f"++ {describe(command)}"] if command else []
        lines += [f"-- {says}" for says in wrong]
        lines += ["", "all that came:", *(f"   {describe(command)}" for command in came)]
        return "\n".join(lines)


def start(plan: Plan, make: Callable[[Plan], Core] = Core) -> Playbook:
    """A playbook over a fresh brain."""
    return Playbook(make(plan))
