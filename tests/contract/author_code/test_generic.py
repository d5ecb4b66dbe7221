"""The generic suites of the package, over an app that serves and one that does not."""

from __future__ import annotations

import pytest
from lab import authors
from lab.authors import Bench
from recipeci.host.clock import SystemClock, until
from recipeci.host.http import Http
from recipeci.model import Outcome, Tier

pytestmark = pytest.mark.cell


def test_the_generic_suites_pass_where_the_app_serves(bench: Bench) -> None:
    for tier, op in ((Tier.INSTALL, "deploy"), (Tier.BACKUP, "backup"), (Tier.RESTORE, "restore")):
        bench.state(op, before=authors.HEAD[:8], snapshot="1234abcd")
        result = bench.generic(tier)
        assert (result.outcome, result.message) == (Outcome.PASS, ""), result
    bench.state("upgrade", before="fffffff0")
    assert bench.generic(Tier.UPGRADE).outcome is Outcome.PASS
    assert bench.notes == []


@pytest.mark.parametrize(("accept", "path"), [((401,), "/"), ((200, 404), "/no-such-page")])
def test_the_generic_suite_fails_where_the_app_answers_otherwise(
    bench: Bench, accept: tuple[int, ...], path: str
) -> None:
    bench.state("deploy")
    bench.accept, bench.path = accept, path
    result = bench.generic(Tier.INSTALL)
    if path == "/":
        assert result.outcome is Outcome.FAIL
        assert "answered 200" in result.tests[0].message
    else:
        assert result.outcome is Outcome.PASS, "the app's own page, which recipe.yml could not even accept"


def test_the_generic_suite_of_the_upgrade_wants_the_commit_under_test(bench: Bench) -> None:
    bench.state("upgrade", before="fffffff0", after="eeeeeee0")
    result = bench.generic(Tier.UPGRADE)
    assert [t.name for t in result.tests if t.outcome is Outcome.FAIL] == ["test_what_runs_is_the_commit_under_test"]


def test_the_generic_suite_of_the_backup_wants_a_snapshot(bench: Bench) -> None:
    bench.state("backup", before=authors.HEAD[:8], snapshot="")
    assert bench.generic(Tier.BACKUP).outcome is Outcome.FAIL


def test_the_generic_suite_does_not_take_the_proxys_answers_for_the_apps(bench: Bench) -> None:
    bench.state("deploy")
    label = ["service", "update", "-q", "-d", f"{authors.STACK}_app"]
    bench.lab.docker(*label, "--label-rm", "traefik.enable")
    http = Http(connect=bench.lab.cell.connect, ca_file=bench.lab.cell.ca_file)
    url = f"https://{authors.APP_DOMAIN}/"
    until(lambda: http.get(url).status, lambda code: code == 404, what="404", clock=SystemClock(), timeout=60)
    bench.accept = (404,)
    result = bench.generic(Tier.INSTALL)
    assert result.outcome is Outcome.FAIL
    assert "no router has this host" in result.tests[0].message
    bench.lab.docker(*label, "--label-add", "traefik.enable=true")
    authors.served(bench.lab)
