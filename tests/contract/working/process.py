"""A worker as a process of its own, with a stand-in for its runs: `python -m working.process CONFIG`."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path

from recipeci.errors import RecipeCIError, exit_code_of
from recipeci.host.clock import SystemClock
from recipeci.service import stopping
from recipeci.service.setup import Work
from recipeci.service.store import Database
from recipeci.service.worker import Worker

STANDIN = Path(__file__).with_name("standin.py")


def main() -> int:
    """Work until a signal comes."""
    logging.basicConfig(level=logging.INFO, format="%(threadName)s %(levelname)s %(message)s")
    config = json.loads(Path(sys.argv[1]).read_text())
    folder = Path(config["folder"])
    work = Work(
        database=folder / "db",
        name=config["name"],
        slots=config["slots"],
        runs=folder / "jobs",
        forge="https://forge.test",
        credential=Path("/etc/clone"),
        config=Path("/etc/settings.yml"),
        environment={"PATH": "/usr/bin:/bin", "https_proxy": "http://proxy.test"},
        keep_days=config["keep_days"],
    )
    program = (sys.executable, "-IS", str(STANDIN), str(folder))
    worker = Worker(work, database=Database(work.database), clock=SystemClock(), program=program, beat=config["beat"])
    try:
        with stopping.told() as stop:
            worker.run(stop.wait)
    except RecipeCIError as e:
        logging.getLogger(__name__).error("%s\n%s", e.message, e.hint)  # noqa: TRY400 - a sentence, as our door says it
        return exit_code_of(e)
    return 0


if __name__ == "__main__":
    sys.exit(main())
