"""The laboratory's proxy, for tests."""

from acd.lab.proxy import CutProxy, cut_proxy

__all__ = ["CutProxy", "cut_proxy"]
