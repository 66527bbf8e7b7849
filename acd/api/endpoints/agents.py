"""Agents: seen by all, changed by supervisors, and by each agent for himself."""

from __future__ import annotations

from typing import Any, Final

from acd.api.models import Agent, AgentList, AgentWhy, Nothing, PauseBody
from acd.api.refusals import Forbidden
from acd.api.routing import Ask, Plain, Route
from acd.api.settings import Role
from acd.errors import UnknownAgent
from acd.queues.model import AgentId
from acd.queues.views import AgentView


async def agents(ask: Plain) -> AgentList:
    return AgentList(items=[ask.backend.render.agent(view) for view in ask.backend.board.agents()])


async def agent(ask: Plain) -> Agent:
    wanted = ask.path["id"]
    for view in ask.backend.board.agents():
        if view.id == wanted:
            return ask.backend.render.agent(view)
    raise UnknownAgent("There is no agent with this id; GET /api/v1/agents lists them.")


async def why(ask: Plain) -> AgentWhy:
    return ask.backend.render.agent_why(ask.backend.board.agent_why(_own(ask)))


async def login(ask: Plain) -> Agent:
    return _shown(ask, await ask.backend.floor.login(_own(ask)))


async def logout(ask: Plain) -> Agent:
    return _shown(ask, await ask.backend.floor.logout(_own(ask)))


async def ready(ask: Plain) -> Agent:
    return _shown(ask, await ask.backend.floor.ready(_own(ask)))


async def pause(ask: Ask[Nothing, PauseBody]) -> Agent:
    return _shown(ask, await ask.backend.floor.pause(_own(ask), ask.body.reason))


def _own(ask: Ask[Any, Any]) -> AgentId:
    """The agent of the path; Forbidden for an agent's token that is not his own."""
    wanted = AgentId(ask.path["id"])
    who = ask.who
    if who is None or (who.role < Role.SUPERVISOR and who.agent_id != wanted):
        raise Forbidden("An agent's token changes only its own agent.")
    if all(view.id != wanted for view in ask.backend.board.agents()):
        raise UnknownAgent("There is no agent with this id; GET /api/v1/agents lists them.")
    return wanted


def _shown(ask: Ask[Any, Any], view: AgentView) -> Agent:
    return ask.backend.render.agent(view)


_CODES: Final = ("unknown_agent", "not_allowed")


def _verb(path: str, summary: str, handler: Any, **more: Any) -> Route:
    return Route(
        "POST",
        f"/api/v1/agents/{{id}}/{path}",
        Role.AGENT,
        summary,
        handler,
        Agent,
        own_only=True,
        tag="agents",
        codes=_CODES,
        **more,
    )


ROUTES: Final = (
    Route("GET", "/api/v1/agents", Role.AGENT, "All agents", agents, AgentList, tag="agents"),
    Route("GET", "/api/v1/agents/{id}", Role.AGENT, "One agent", agent, Agent, tag="agents", codes=("unknown_agent",)),
    Route(
        "GET",
        "/api/v1/agents/{id}/why",
        Role.AGENT,
        "Why the agent gets no call now, or has the one they have",
        why,
        AgentWhy,
        own_only=True,
        tag="agents",
        codes=("unknown_agent",),
    ),
    _verb("login", "Log the agent in", login),
    _verb("logout", "Log the agent out", logout),
    _verb("ready", "End a pause or a wrap-up", ready),
    _verb("pause", "Take the agent out of the distribution", pause, body=PauseBody),
)
