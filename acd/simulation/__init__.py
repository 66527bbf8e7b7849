"""A day in seconds: the daemon's own brain among made-up callers and agents, in virtual time."""
