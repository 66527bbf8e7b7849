"""The memory of the house: every call's journey and every agent's day, in SQLite, PostgreSQL or plain memory.

Downstream of everything: records are written after the fact and never decide. `recorder` takes facts without ever
making the brain wait; `store` and `memory` keep them behind one contract (`acd.ports.Store`).
"""
