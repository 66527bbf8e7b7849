"""Chaos: the demo's traffic on a real Asterisk while everything that can fail fails at random, and what came of it.

`schedule.py` says what is thrown in and when, from the seed alone; `throws.py` throws it; `town.py` has the people and
`diary.py` what each of their telephones saw; `watch.py` looks at the daemon all the while; `judge.py` holds the diaries
against the records (`evidence.py`, `telephones.py`, `books.py`); `run.py` is one run from start to end and `report.py`
tells of it.
"""
