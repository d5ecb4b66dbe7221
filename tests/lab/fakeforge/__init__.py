"""A double of Gitea on loopback: its own process, its state in memory, and a journal of all that was done to it."""
