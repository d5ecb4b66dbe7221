"""A small abra: the commands that recipeci uses, with the files, labels, exit codes and habits of the real one.

The real abra cannot be reached by the machines that build this project, so this one stands in for it where there is
none. It keeps no compose loader of its own: whatever needs the resolved compose file asks `docker stack config`. It
imports nothing of recipeci.
"""

__version__ = "0.1.0"
