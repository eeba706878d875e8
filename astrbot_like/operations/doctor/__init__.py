"""Looks at the machine, the data and the addresses, changes nothing, and says what to do about what it finds."""
