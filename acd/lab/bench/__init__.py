"""The benchmark: a bare Dial, app_queue and the daemon on one Asterisk, measured on the wire at the SIP ends.

`python -m acd.lab.bench` runs it; docs/performance.md says what is measured, how, and what came of it.
"""
