"""Large pieces of memory are the system's again once they are freed, whatever was freed before."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import ctypes, sys
from acd.process import give_memory_back
counts = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
class Counts(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in counts.split()]
library = ctypes.CDLL(None)
library.mallinfo2.restype = Counts
library.malloc.restype = ctypes.c_void_p
library.free.argtypes = [ctypes.c_void_p]
if sys.argv[1] == "give":
    give_memory_back()
library.free(library.malloc(1_000_000))  # what the library learns from
before = library.mallinfo2().hblkhd
for _ in range(10):  # the first of them may find room in what the heap has anyhow
    library.malloc(100_000)
print((library.mallinfo2().hblkhd - before) // 100_000)
"""


def large_pieces(how: str) -> int:
    """How many of ten are no part of the heap."""
    ran = subprocess.run([sys.executable, "-c", SCRIPT, how], check=True, capture_output=True, text=True)
    return int(ran.stdout)


def test_large_pieces_are_the_systems_own() -> None:
    assert large_pieces("give") >= 7


def test_they_were_not_before() -> None:
    assert large_pieces("keep") == 0
