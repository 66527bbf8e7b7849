"""What another program knows of a caller, asked for while the call is in the line already, and never waited for."""

from acd.crm.client import Crm, CrmSettings

__all__ = ["Crm", "CrmSettings"]
