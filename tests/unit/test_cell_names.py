"""Which names apps asked for and did not get, by what the resolver wrote."""

from __future__ import annotations

import pytest
from recipeci.host.cell import AskedName, names

LINE = "Nov 24 10:39:06 dnsmasq[6]: {number} {source}/40000 query[{kind}] {name} from {source}"


def log(*questions: tuple[str, str], kind: str = "A") -> str:
    lines = [LINE.format(number=n, name=name, source=source, kind=kind) for n, (name, source) in enumerate(questions)]
    return "\n".join(["Nov 24 10:39:00 dnsmasq[6]: started, version 2.90", *lines, ""])


def test_a_name_outside_is_reported_once_with_who_asked() -> None:
    text = log(("x.org", "172.18.0.5"), ("X.org", "172.18.0.5"), ("y.org", "172.18.0.6"))
    pairs = names.asked(text, domain="ci.test")
    assert pairs == {("x.org", "172.18.0.5"), ("y.org", "172.18.0.6")}
    found = names.by_service(pairs, services={"172.18.0.5": "app"})
    assert found == (AskedName("x.org", "app"), AskedName("y.org", "172.18.0.6"))


def test_two_services_that_ask_for_one_name_are_both_said() -> None:
    pairs = names.asked(log(("x.org", "1.1.1.1"), ("x.org", "2.2.2.2")), domain="ci.test")
    assert names.by_service(pairs, services={"1.1.1.1": "a", "2.2.2.2": "b"}) == (
        AskedName("x.org", "a"),
        AskedName("x.org", "b"),
    )


def test_two_tasks_of_a_service_count_once() -> None:
    pairs = names.asked(log(("x.org", "1.1.1.1"), ("x.org", "2.2.2.2")), domain="ci.test")
    assert names.by_service(pairs, services={"1.1.1.1": "a", "2.2.2.2": "a"}) == (AskedName("x.org", "a"),)


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("registry-1.docker.io", "203.0.113.1"),
        ("example.org", "127.0.0.1"),
        ("app.ci.test", "172.18.0.5"),
        ("ci.test", "172.18.0.5"),
        ("db", "172.18.0.5"),
        ("tasks.db", "172.18.0.5"),
        ("5.0.18.172.in-addr.arpa", "172.18.0.5"),
    ],
    ids=["dockerd", "ours", "an app's", "the domain", "a service", "its tasks", "reverse"],
)
def test_what_no_app_missed_is_left_out(name: str, source: str) -> None:
    assert names.asked(log((name, source)), domain="ci.test") == frozenset()


def test_a_name_that_only_ends_like_the_domain_is_outside() -> None:
    assert names.asked(log(("evilci.test", "172.18.0.5")), domain="ci.test") == {("evilci.test", "172.18.0.5")}


@pytest.mark.parametrize("kind", ["AAAA", "MX", "type=65"])
def test_every_kind_of_question_counts(kind: str) -> None:
    assert names.asked(log(("x.org", "1.1.1.1"), kind=kind), domain="ci.test")


def test_answers_and_other_lines_do_not() -> None:
    text = "Nov 24 10:39:06 dnsmasq[6]: 5 172.18.0.3/4 config x.org is NXDOMAIN\nquery[A] y.org\n"
    assert names.asked(text, domain="ci.test") == frozenset()
