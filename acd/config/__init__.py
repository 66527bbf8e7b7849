"""The configuration: a YAML file and the environment in, frozen settings or every fault at once out.

kinds        what a value may look like
schema       every key, its unit, limits, default and reason
source       YAML as text, with lines
environment  ACD__* laid over it
sentences    the schema's refusals in words
rules        what no key can tell alone
warnings     allowed, and probably not meant
load         the way through all of these
"""

from acd.config.ivr import Survey, Voicemail
from acd.config.keeping import Records
from acd.config.load import Report, check, load
from acd.config.lookup import Crm
from acd.config.outbound import Outbound
from acd.config.schema import (
    About,
    Agent,
    Ami,
    Asterisk,
    Fallback,
    Http,
    Log,
    Overflow,
    Queue,
    Relaxation,
    Settings,
    Token,
)

__all__ = [
    "About",
    "Agent",
    "Ami",
    "Asterisk",
    "Crm",
    "Fallback",
    "Http",
    "Log",
    "Outbound",
    "Overflow",
    "Queue",
    "Records",
    "Relaxation",
    "Report",
    "Settings",
    "Survey",
    "Token",
    "Voicemail",
    "check",
    "load",
]
