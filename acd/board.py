"""The live picture and the orders from outside, over the core in memory: what the API works with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from acd.dispatcher import Dispatcher
from acd.errors import StorageError, UnknownAgent, UnknownCall, UnknownQueue
from acd.ivr.core import Core
from acd.ports import Clock, ConfigView, Mirrors, Store
from acd.queues import asked, estimate, why
from acd.queues import events as ev
from acd.queues.journey import CallRecord
from acd.queues.model import Agent, AgentId, AgentState, Call, CallId, CallPhase, QueueName, QueueSpec
from acd.queues.orders import Order
from acd.queues.places import waits_since
from acd.queues.possible import some_call
from acd.queues.states import agent_state
from acd.queues.views import AgentView, AgentWhy, NodeView, QueueView, Why

Problems = Callable[[], Mapping[str, str]]
MIRRORED_WITHIN_S = 0.5  # who gives an order waits so long for the fallback queue; a healthy one takes milliseconds


class LiveBoard:
    """ports.Board. `nodes`, `problems`, `degraded` and `configuration` come from the shell."""

    def __init__(
        self,
        core: Core,
        clock: Clock,
        nodes: Callable[[], Sequence[NodeView]],
        problems: Problems,
        degraded: Problems,
        configuration: Callable[[], ConfigView],
        mirrors: Mirrors,
    ) -> None:
        self._core = core
        self._clock = clock
        self._nodes = nodes
        self._problems = problems
        self._degraded = degraded
        self._configuration = configuration
        self._mirrors = mirrors
        self._agents_of: dict[QueueName, tuple[AgentId, ...]] = {}

    def reconfigure(self) -> None:
        """The plan is another one."""
        self._agents_of.clear()

    def now(self) -> float:
        """Seconds since 1970."""
        return self._clock.now()

    def queues(self) -> Sequence[QueueView]:
        """Every queue, in the order of the configuration."""
        at, engine = self.now(), self._core.engine
        inside: defaultdict[QueueName | None, list[Call]] = defaultdict(list)
        for call in engine.calls.values():
            inside[call.queue].append(call)
        states = {agent_id: agent_state(agent, at) for agent_id, agent in engine.desk.agents.items()}
        newcomers = estimate.newcomers(engine.shop, at)
        return [
            self._queue(queue, inside[queue.name], states, newcomers.get(queue.name), at)
            for queue in engine.plan.queues.values()
        ]

    def _queue(
        self,
        queue: QueueSpec,
        inside: list[Call],
        states: Mapping[AgentId, AgentState],
        newcomer_s: float | None,
        at: float,
    ) -> QueueView:
        waits_s = [at - waits_since(call) for call in inside if call.phase in (CallPhase.WAITING, CallPhase.OFFERED)]
        serving = [states[agent_id] for agent_id in self._serving(queue)]
        return QueueView(
            queue.name,
            len(waits_s),
            max([0.0, *waits_s]),
            sum(state is not AgentState.OFFLINE for state in serving),
            sum(state is AgentState.READY for state in serving),
            self._core.book.figures.queue(queue.name),
            newcomer_s,
        )

    def _serving(self, queue: QueueSpec) -> tuple[AgentId, ...]:
        """The agents of a queue: a matter of the plan, so looked up once."""
        known = self._agents_of.get(queue.name)
        if known is None:
            agents = self._core.engine.desk.agents.values()
            known = self._agents_of[queue.name] = tuple(agent.spec.id for agent in agents if _serves(agent, queue))
        return known

    def _records(self, calls: Iterable[Call]) -> list[CallRecord]:
        found = (self._core.book.get(call.id) for call in calls)
        return [record for record in found if record is not None]

    def agents(self) -> Sequence[AgentView]:
        """Every agent, in the order of the configuration."""
        return [self.agent(agent_id) for agent_id in self._core.engine.desk.agents]

    def agent(self, agent_id: AgentId) -> AgentView:
        """One agent; UnknownAgent."""
        agent = self._core.engine.desk.get(agent_id)
        if agent is None:
            raise UnknownAgent(f"there is no agent {agent_id!r}")
        state = agent_state(agent, self.now())
        return AgentView(
            agent.spec.id,
            agent.spec.name,
            state,
            agent.state_since,
            agent.pause_reason if state is AgentState.PAUSED else None,
            agent.call_id or self._offered_call(agent),
            dict(agent.spec.skills),
            self._core.book.figures.agent(agent.spec.id),
            self._mirrors.mirrored(agent.spec.endpoint),
        )

    async def agent_mirrored(self, agent_id: AgentId) -> AgentView:
        """The same, once the fallback queues know, or for a moment did not; UnknownAgent."""
        agent = self._core.engine.desk.get(agent_id)
        if agent is not None:
            await self._mirrors.until_mirrored(agent.spec.endpoint, MIRRORED_WITHIN_S)
        return self.agent(agent_id)

    def _offered_call(self, agent: Agent) -> CallId | None:
        offer = self._core.engine.offers.get(agent.offer_id) if agent.offer_id else None
        return offer.call_id if offer else None

    def nodes(self) -> Sequence[NodeView]:
        """Every Asterisk."""
        return self._nodes()

    def live_calls(self) -> Sequence[CallRecord]:
        """Live calls, oldest first."""
        return sorted(self._core.book.live(), key=lambda record: (record.entered_at, record.id))

    def waiting_calls(self, queue: str) -> Sequence[CallRecord]:
        """The queue's waiting calls in the order in which they will be served; those ringing come first."""
        engine = self._core.engine
        name = QueueName(queue)
        if name not in engine.plan.queues:
            raise UnknownQueue(f"there is no queue {queue!r}")
        offered = [c for c in engine.calls.values() if c.queue == name and c.phase is CallPhase.OFFERED]
        line = engine.matcher.line(self.now(), name)
        ordered = [*sorted(offered, key=lambda call: call.joined_at), *line]
        return self._records(ordered)

    def estimated_waits(self) -> Mapping[CallId, float]:
        """What the waiting callers still have to wait, seconds."""
        return estimate.tell_all(self._core.engine.shop, self.now())

    def estimated_wait_s(self, call_id: CallId) -> float | None:
        """What this one still has to wait."""
        call = self._core.engine.calls.get(call_id)
        return estimate.tell_s(call, self._core.engine.shop, self.now()) if call is not None else None

    def call(self, call_id: CallId) -> CallRecord | None:
        """A live or only just ended call."""
        return self._core.book.get(call_id)

    def why(self, call_id: CallId) -> Why | None:
        """Why a live call is where it is."""
        call = self._core.engine.calls.get(call_id)
        return why.explain(self._core.engine, call, self.now()) if call is not None else None

    def agent_why(self, agent_id: AgentId) -> AgentWhy:
        """Why an agent gets no call now, or has the one they have; UnknownAgent."""
        agent = self._core.engine.desk.get(agent_id)
        if agent is None:
            raise UnknownAgent(f"there is no agent {agent_id!r}")
        return why.explain_agent(self._core.engine, agent, self.now())

    def problems(self) -> Mapping[str, str]:
        """What makes us unready."""
        return self._problems()

    def degraded(self) -> Mapping[str, str]:
        """What is worth a look."""
        return self._degraded()

    def configuration(self) -> ConfigView:
        """What is known of the configuration in force."""
        return self._configuration()


def _serves(agent: Agent, queue: QueueSpec) -> bool:
    """Whether the agent is of the queue: by its requirement or any relaxation, whenever it opens, for some call."""
    wanted = [queue.require, *(step.require for step in queue.relax)]
    return any(some_call(one, agent.spec.skills) for one in wanted)


class LiveFloor:
    """ports.Floor: orders go through the inbox like everything else, and wait for the decision."""

    def __init__(self, dispatcher: Dispatcher, board: LiveBoard, clock: Clock, store: Store) -> None:
        self._dispatcher = dispatcher
        self._board = board
        self._clock = clock
        self._store = store

    async def login(self, agent_id: AgentId) -> AgentView:
        """The agent asks for work."""
        return await self._order(ev.AgentLogin(self._clock.now(), agent_id))

    async def logout(self, agent_id: AgentId) -> AgentView:
        """The agent goes."""
        return await self._order(ev.AgentLogout(self._clock.now(), agent_id))

    async def pause(self, agent_id: AgentId, reason: str) -> AgentView:
        """The agent takes no calls for now."""
        return await self._order(ev.AgentPause(self._clock.now(), agent_id, reason))

    async def ready(self, agent_id: AgentId) -> AgentView:
        """The end of a pause or a wrap-up."""
        return await self._order(ev.AgentReady(self._clock.now(), agent_id))

    async def _order(self, event: ev.AgentLogin | ev.AgentLogout | ev.AgentPause | ev.AgentReady) -> AgentView:
        await self._dispatcher.ask(event)
        return await self._board.agent_mirrored(event.agent_id)

    async def prioritise(self, call_id: CallId, priority: float, by: str) -> CallRecord:
        """Other points for a waiting call."""
        return await self._call_order(asked.CallPriority(self._clock.now(), call_id, priority, by))

    async def move(self, call_id: CallId, queue: QueueName, by: str) -> CallRecord:
        """A waiting call into another queue, at its place."""
        return await self._call_order(asked.CallMoved(self._clock.now(), call_id, queue, by))

    async def pull(self, call_id: CallId, agent_id: AgentId, by: str) -> CallRecord:
        """A waiting call to this agent, now."""
        return await self._call_order(asked.CallPulled(self._clock.now(), call_id, agent_id, by))

    async def _call_order(self, event: Order) -> CallRecord:
        await self._dispatcher.ask(event)
        return self._after(event.call_id)

    async def disposition(self, call_id: CallId, code: str, amount: float | None, note: str) -> CallRecord:
        """What became of the call; works for one that ended long ago as well."""
        record = self._board.call(call_id) or await self._recorded(call_id)
        await self._dispatcher.ask(asked.Disposed(self._clock.now(), call_id, code, amount, note, record))
        return self._after(call_id)

    def _after(self, call_id: CallId) -> CallRecord:
        after = self._board.call(call_id)
        if after is None:
            raise UnknownCall(f"there is no call {call_id!r}")
        return after

    async def message_heard(self, call_id: CallId) -> CallRecord:
        """Somebody has listened to the call's message; it may be of long ago."""
        record = self._board.call(call_id) or await self._recorded(call_id)
        await self._dispatcher.ask(asked.MessageHeard(self._clock.now(), call_id, record))
        return self._board.call(call_id) or record

    async def _recorded(self, call_id: CallId) -> CallRecord:
        record = await self._store.call(call_id)
        if record is None:
            raise UnknownCall(f"there is no call {call_id!r}")
        if not record.events:
            raise StorageError("the call's journey could not be read")
        return record
