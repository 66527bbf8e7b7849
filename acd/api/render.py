"""From the daemon's dataclasses to the wire's models. The only place where seconds since 1970 become ISO 8601."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, tzinfo
from typing import overload

from acd.api import models, models_config
from acd.api.render_why import why_ended
from acd.ivr.voicemail import file_of
from acd.ports import Board, ConfigView, Delta, ReloadView
from acd.queues.decisions import Decision
from acd.queues.journey import CallRecord, JourneyEvent, Value, own_priority
from acd.queues.views import AgentView, AgentWhy, NodeView, QueueView, Why


class Renderer:
    """Renders in one timezone."""

    def __init__(self, zone: tzinfo) -> None:
        self.zone = zone

    def moment(self, at: float) -> str:
        """`at` (seconds since 1970) as ISO 8601 with the offset of the configured timezone."""
        return datetime.fromtimestamp(at, self.zone).isoformat(timespec="milliseconds")

    def _maybe(self, at: float | None) -> str | None:
        return None if at is None else self.moment(at)

    def queue(self, view: QueueView) -> models.Queue:
        today = view.today
        return models.Queue(
            name=view.name,
            waiting=view.waiting,
            longest_wait_s=_s(view.longest_wait_s),
            agents_online=view.agents_online,
            agents_ready=view.agents_ready,
            estimated_wait_s=_s(view.estimated_wait_s),
            today=models.QueueToday(
                offered=today.offered,
                answered=today.answered,
                abandoned=today.abandoned,
                service_level=today.service_level,
            ),
        )

    def agent(self, view: AgentView) -> models.Agent:
        today = view.today
        return models.Agent(
            id=view.id,
            name=view.name,
            state=view.state,
            since=self.moment(view.since),
            reason=view.reason,
            call_id=view.call_id,
            skills=dict(view.skills),
            today=models.AgentToday(answered=today.answered, missed=today.missed, talk_s=_s(today.talk_s)),
            mirrored=view.mirrored,
        )

    def node(self, view: NodeView) -> models.Node:
        return models.Node(
            name=view.name, connected=view.connected, since=self.moment(view.since), problem=view.problem
        )

    def status(self, board: Board) -> models.Status:
        """Everything but the calls."""
        return models.Status(**self._status(board))

    def snapshot(self, board: Board) -> models.Snapshot:
        """Everything, for the beginning of an event stream."""
        return models.Snapshot(**self._status(board), calls=self.calls(board.live_calls(), board))

    def _status(self, board: Board) -> dict[str, object]:
        return {
            "as_of": self.moment(board.now()),
            "queues": [self.queue(view) for view in board.queues()],
            "agents": [self.agent(view) for view in board.agents()],
            "nodes": [self.node(view) for view in board.nodes()],
            "problems": dict(board.problems()),
            "degraded": dict(board.degraded()),
            "config": self._config(board.configuration()),
        }

    def _config(self, view: ConfigView) -> models_config.Config:
        last = models_config.LastReload.model_validate(self._last(view.last)) if view.last is not None else None
        return models_config.Config(loaded_at=self.moment(view.loaded_at), last_reload=last)

    def _last(self, view: ReloadView) -> dict[str, object]:
        return {"at": self.moment(view.at), "by": view.by, "outcome": view.outcome, "errors": view.errors}

    def reload(self, view: ReloadView) -> models_config.Reload:
        """The whole answer to who asked for it."""
        changes = {
            what: models_config.ReloadChanges(
                added=one.added, changed=one.changed, removed=one.removed, reordered=one.reordered
            )
            for what, one in view.changes.items()
        }
        return models_config.Reload.model_validate(
            {
                **self._last(view),
                "changes": changes,
                "sections": list(view.sections),
                "warnings": list(view.warnings),
                "brain_s": round(view.brain_s, 6),
            }
        )

    def delta(self, delta: Delta, now: float) -> models.Delta:
        return models.Delta.model_validate(
            {
                "kind": delta.kind,
                "agent": self.agent(delta.agent) if delta.agent else None,
                "call": self.call(delta.call, now) if delta.call else None,
                "node": self.node(delta.node) if delta.node else None,
            }
        )

    def calls(self, records: Iterable[CallRecord], board: Board) -> list[models.Call]:
        """Calls as of now, those that wait with how long they still will."""
        now, waits = board.now(), board.estimated_waits()
        return [self.call(record, now, estimated_wait_s=waits.get(record.id)) for record in records]

    def call(
        self, record: CallRecord, now: float, *, estimated_wait_s: float | None = None, events: bool = False
    ) -> models.Call:
        """A call as of `now` (seconds since 1970), with its `events` on demand."""
        return models.Call(
            id=record.id,
            state="live" if record.ended_at is None else "ended",
            number=record.number,
            name=record.name,
            did=record.did,
            node=record.node,
            queue=record.queue,
            entered_at=self.moment(record.entered_at),
            queued_at=self._maybe(record.queued_at),
            answered_at=self._maybe(record.answered_at),
            talk_ended_at=self._maybe(record.talk_ended_at),
            ended_at=self._maybe(record.ended_at),
            ended_by=record.ended_by,
            outcome=record.outcome,
            wait_s=_s(_wait_so_far_s(record, now)),
            estimated_wait_s=_s(estimated_wait_s),
            talk_s=_s(_talk_so_far_s(record, now)),
            agent=record.agent,
            priority=_priority(record),
            from_agent=record.from_agent,
            merged_into=record.merged_into,
            offers=self._offers(record),
            legs=self._legs(record),
            survey=models.Survey(result=record.survey_result, score=record.survey_score),
            disposition=_disposition(record.disposition),
            reconciled=record.reconciled,
            fallback=record.fallback,
            events=[self._event(event) for event in record.events] if events else [],
        )

    def voicemail(self, record: CallRecord, readable: bool) -> models.Voicemail:
        """The message of a call that left one. `readable`: the sound can be had from us."""
        message = record.message
        assert message is not None
        return models.Voicemail(
            call_id=record.id,
            number=record.number,
            name=record.name,
            queue=record.queue,
            at=self.moment(message.at),
            duration_s=_s(message.duration_s),
            heard=message.heard_at is not None,
            heard_at=self._maybe(message.heard_at),
            file=file_of(record.id),
            audio=f"/api/v1/voicemails/{record.id}/audio" if readable else None,
        )

    def _offers(self, record: CallRecord) -> list[models.Offer]:
        return [
            models.Offer(
                id=offer.offer_id,
                agent=offer.agent,
                at=self.moment(offer.at),
                result=offer.result,
                ring_s=_s(offer.ring_s),
            )
            for offer in record.offers
        ]

    def _legs(self, record: CallRecord) -> list[models.Leg]:
        return [
            models.Leg(
                agent=leg.agent,
                queue=leg.queue,
                began_at=self.moment(leg.began_at),
                talk_s=_s(leg.talk_s),
                ended_by=leg.ended_by,
            )
            for leg in record.legs
        ]

    def _event(self, event: JourneyEvent) -> models.Event:
        data = {key: self._value(key, value) for key, value in event.data.items()}
        return models.Event(seq=event.seq, at=self.moment(event.at), fact=event.fact, data=data)

    def _value(self, key: str, value: Value) -> Value:
        if key.endswith("_at") and isinstance(value, int | float):
            return self.moment(value)
        return value

    def why(self, why: Why) -> models.Why:
        return models.Why(
            call_id=why.call_id,
            at=self.moment(why.at),
            summary=why.summary,
            position=why.position,
            candidates=[
                models.Candidate(
                    agent=candidate.agent_id,
                    name=candidate.name,
                    eligible=candidate.eligible,
                    chosen=candidate.chosen,
                    reason=candidate.reason,
                    rank=candidate.rank,
                    obstacle=candidate.obstacle,
                )
                for candidate in why.candidates
            ],
            obstacles=dict(why.obstacles),
            decisions=[self._decision(made) for made in why.decisions],
        )

    def _decision(self, made: Decision) -> models.Decision:
        return models.Decision(
            at=self.moment(made.at),
            offer_id=made.offer_id,
            chosen=list(made.chosen),
            rule=made.rule,
            ready=made.ready,
            candidates=[
                models.Considered(agent=one.agent, rank=one.rank, reason=one.reason) for one in made.candidates
            ],
            others=dict(made.others),
        )

    def agent_why(self, why: AgentWhy) -> models.AgentWhy:
        return models.AgentWhy(
            agent=why.agent_id,
            at=self.moment(why.at),
            state=why.state,
            summary=why.summary,
            waiting=why.waiting,
            calls=[
                models.Prospect(
                    call_id=one.call_id,
                    queue=one.queue,
                    position=one.position,
                    score=round(one.score, 3),
                    eligible=one.eligible,
                    reason=one.reason,
                    obstacle=one.obstacle,
                )
                for one in why.calls
            ],
        )

    def why_ended(self, record: CallRecord, names: Mapping[str, str]) -> models.Why:
        """Why an ended call went where it went, told from its record; `names` of agents by id."""
        return self.why(why_ended(record, names))


@overload
def _s(seconds: float) -> float: ...


@overload
def _s(seconds: None) -> None: ...


def _s(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def _wait_so_far_s(record: CallRecord, now: float) -> float | None:
    waiting = record.wait_s is None and record.queued_at is not None and record.ended_at is None
    return max(0.0, now - record.queued_at) if waiting and record.queued_at is not None else record.wait_s


def _talk_so_far_s(record: CallRecord, now: float) -> float | None:
    if record.answered_at is None or record.talk_ended_at is not None or record.ended_at is not None:
        return record.talk_s
    began = record.legs[-1].began_at if record.legs else record.answered_at
    return (record.talk_s or 0.0) + max(0.0, now - began)


def _priority(record: CallRecord) -> float | None:
    return (own_priority(record) or 0.0) if record.events else None


def _disposition(data: Mapping[str, Value] | None) -> models.Disposition | None:
    if data is None:
        return None
    amount = data.get("amount")
    return models.Disposition(
        code=str(data.get("code") or ""),
        amount=float(amount) if isinstance(amount, int | float) else None,
        note=str(data.get("note") or ""),
    )
