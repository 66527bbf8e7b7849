"""What callers hear and press: pure sessions over the verbs of the dialplan."""
