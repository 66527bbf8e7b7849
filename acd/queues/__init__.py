"""The brain: who talks to whom, and why. Pure: events in, commands out, no IO, no clock, no randomness."""
