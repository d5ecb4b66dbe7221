"""The whole program, run as a user runs it: what it answers, and what it leaves behind."""
