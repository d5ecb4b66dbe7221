"""What the author of a test gets: `App`, `Result`, `Recipe` and `OpState`, to annotate with.

The fixtures `app`, `op` and `recipe` hold one of each; a hook is a function `pre_<op>(app: App) -> None` in `ops.py`.
"""

from __future__ import annotations

from recipeci.author.app import App, AppError, Recipe, Result
from recipeci.op_state import OpState, Seen, ServiceSeen

__all__ = ["App", "AppError", "OpState", "Recipe", "Result", "Seen", "ServiceSeen"]
