"""The mutants of what the bridge does by pure code: events, commands, decisions, ends, the comment."""

from __future__ import annotations

from mutants.of_card import OF_CARD
from mutants.of_command import OF_COMMAND
from mutants.of_decide import OF_DECIDE
from mutants.of_ends import OF_ENDS
from mutants.of_events import OF_EVENTS

ALL = (*OF_EVENTS, *OF_COMMAND, *OF_DECIDE, *OF_ENDS, *OF_CARD)
