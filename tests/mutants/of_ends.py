"""The mutants of what the bridge makes of an end, judgement and statuses; each with the tests that must turn red."""

from __future__ import annotations

from mutants.caught import Caught, of

JUDGING = "test_service_judging.py"
STATUSES = "test_service_statuses.py"

OF_ENDS = (
    Caught(
        of(
            "judging",
            "a pass needs no report",
            "(B6) exit 0 alone is a pass",
            "    if result.report is None:\n",
            "    if not result.exit_code:\n        return Judgement(End.PASS)\n    if result.report is None:\n",
        ),
        JUDGING,
        "without_a_report",
    ),
    Caught(
        of(
            "judging",
            "the commit is not compared",
            "a report of any commit is believed",
            '    if target["commit"] not in (None, asked.sha) or',
            "    if",
        ),
        JUDGING,
        "something_else or another_commit",
        least=3,
    ),
    Caught(
        of(
            "judging",
            "the exit code is not compared",
            "what the report says of it is believed",
            '    if report["exit_code"] != result.exit_code:\n',
            '    if report["exit_code"] < 0:\n',
        ),
        JUDGING,
        "code_that_a_report_says",
        least=50,
    ),
    Caught(
        of(
            "judging",
            "a verdict is believed alone",
            "whatever else the report tells",
            " or _no_pass(report, asked)",
            "",
        ),
        JUDGING,
        "tells_of_something_else or did_not_pass or all_stages",
        least=24,
    ),
    Caught(
        of(
            "judging",
            "the built-in abra is final",
            "whatever the operator says",
            "and not builtin_is_final:",
            "and builtin_is_final is None:",
        ),
        JUDGING,
        "built_in_abra",
        least=3,
    ),
    Caught(
        of(
            "judging",
            "who was not cancelled is",
            "a host's word for it is enough",
            "    if result.cancelled and cancel is not None:\n",
            "    if result.cancelled:\n",
        ),
        JUDGING,
        "nobody_cancelled",
    ),
    Caught(
        of(
            "statuses",
            "unverified is a success",
            "R-03",
            '    End.UNVERIFIED: "failure",\n',
            '    End.UNVERIFIED: "success",\n',
        ),
        STATUSES,
        "only_a_pass_is_a_success or one_final_status",
        least=2,
    ),
)
