"""A small backup bot: reads backup-bot-two's labels from the swarm, runs hooks in containers, saves by restic.

It stands in for Co-op Cloud's own where no registry answers, runs in an image of its own (python3 and restic, nothing
else), and is asked as that one is: `backup create|restore|snapshots|ls`, options by flag or environment.
"""

__version__ = "0.1.0"
