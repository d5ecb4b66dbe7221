"""A real cell: what is there once it is ready, and what one can do in it."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from lab import cells
from lab.cells import DOMAIN, IMAGE, LabCell
from recipeci.errors import CommandFailed, CommandTimeout
from recipeci.host.clock import SystemClock, until
from recipeci.host.http import Answer, Http, HttpFailed

pytestmark = pytest.mark.cell
SECONDS = 60.0


@pytest.fixture(scope="module")
def lab() -> Iterator[LabCell]:
    with cells.lab_cell() as made:
        yield made


@pytest.fixture(scope="module")
def http(lab: LabCell) -> Http:
    return Http(connect=lab.cell.connect, ca_file=lab.cell.ca_file)


@pytest.fixture(scope="module")
def web(lab: LabCell, http: Http) -> str:
    """The URL of an app that serves, routed by labels as recipes have them."""
    url = lab.serve("web")
    served(http, url)
    return url


def served(http: Http, url: str) -> Answer:
    """Wait until an app's page is there."""

    def look() -> Answer | str:
        try:
            return http.get(url, timeout=5)
        except HttpFailed as error:
            return error.reason

    answer = until(
        look,
        lambda seen: isinstance(seen, Answer) and seen.status == 200,
        what=url,
        clock=SystemClock(),
        timeout=SECONDS,
    )
    assert isinstance(answer, Answer)
    return answer


def task_container(lab: LabCell, service: str) -> str:
    """Wait for the container of a service."""

    def look() -> str:
        return lab.docker("ps", "-q", "-f", f"label=com.docker.swarm.service.name={service}").out.strip()

    return until(
        look,
        bool,
        what=f"container of {service}",
        clock=SystemClock(),
        timeout=SECONDS,
    )


def test_it_is_a_swarm_of_one_ready_node_with_the_proxy_network_and_the_lent_images(lab: LabCell) -> None:
    assert lab.docker("node", "ls", "--format", "{{.Status}} {{.ManagerStatus}}").out.split() == ["Ready", "Leader"]
    network = lab.docker("network", "inspect", "proxy", "--format", "{{.Driver}} {{.Attachable}} {{.IPAM.Config}}").out
    assert network.split()[:3] == ["overlay", "true", "[{10.200.0.0/16"]
    images = lab.docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}").out.split()
    assert sorted(images) == sorted([IMAGE, lab.cell.spec.proxy_image])


def test_an_app_is_served_under_its_name_with_a_certificate_of_the_cells_authority(web: str, http: Http) -> None:
    answer = http.get(web)
    assert answer.status == 200
    assert answer.headers["server"].startswith("nginx")
    assert answer.headers["x-frame-options"] == "DENY"  # security@file is what it is on a Co-op Cloud server


def test_a_router_with_two_names_in_the_older_syntax_has_both(web: str, http: Http) -> None:
    assert http.get(web.replace("//web", "//also-web")).status == 200


def test_another_authority_is_not_believed(lab: LabCell, web: str, tmp_path: Path) -> None:
    from recipeci.host.cell import certificates  # noqa: PLC0415 - only here

    certificates.write(tmp_path, name="other", domain=DOMAIN)
    other = Http(connect=lab.cell.connect, ca_file=tmp_path / "ca.pem")
    with pytest.raises(HttpFailed, match="certificate refused"):
        other.get(web)


def test_plain_http_is_redirected_to_https_and_the_redirect_is_not_followed(web: str, http: Http) -> None:
    answer = http.get(web.replace("https:", "http:") + "page?x=1")
    assert (answer.status, answer.headers["location"]) == (301, f"{web}page?x=1")


def test_a_name_without_an_app_gets_the_proxys_own_404(http: Http) -> None:
    assert http.get(f"https://nobody.{DOMAIN}/").status == 404


def test_the_proxys_ping_does_not_hide_a_page_of_that_name(web: str, http: Http) -> None:
    assert http.get(f"https://traefik.{DOMAIN}/ping").body == b"OK"
    assert http.get(f"{web}ping").headers["server"].startswith("nginx")


def test_an_app_calls_its_own_public_url_with_the_cells_authority(lab: LabCell, web: str) -> None:
    seen = ["--network", "proxy", "-v", "/etc/recipeci/ca.pem:/ca.pem:ro"]
    got = lab.container(*seen, script=f"curl -sS --cacert /ca.pem -o /dev/null -w '%{{http_code}}' {web}")
    assert got.out.strip() == "200"
    refused = lab.container(*seen, script=f"curl -sS -o /dev/null {web}", ok=(60,))  # 60: certificate not believed
    assert refused.code == 60


def ask_resolver(lab: LabCell, name: str, *, kind: int) -> tuple[int, int]:
    """Ask the cell's resolver a question by TCP; return its answer's code and the number of records in it."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    question = struct.pack(">HHHHHH", 7, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", kind, 1)
    with lab.cell.connect(lab.cell.address, 53, timeout=SECONDS) as connection:
        connection.sendall(struct.pack(">H", len(question)) + question)
        answer = connection.makefile("rb").read(14)
    _, _, flags, _, records, _, _ = struct.unpack(">HHHHHHH", answer)
    return flags & 0xF, records


def test_the_resolver_has_no_aaaa_for_the_domain_and_does_not_refuse_it(lab: LabCell) -> None:
    """The C library musl gives a whole look-up up where one of its two questions is refused."""
    a, aaaa, refused = 1, 28, 5
    assert ask_resolver(lab, f"app.{DOMAIN}", kind=a) == (0, 1)
    assert ask_resolver(lab, f"app.{DOMAIN}", kind=aaaa) == (0, 0)
    assert ask_resolver(lab, "example.org", kind=aaaa) == (refused, 0)


def test_a_name_outside_is_refused_at_once_and_reported_with_the_service_that_asked(lab: LabCell, web: str) -> None:
    assert web
    container = task_container(lab, "web")
    # Refused is 6. A look-up that nobody answers takes 20 s and more, and would be 28 here.
    lab.docker("exec", container, "curl", "-sS", "-m", "15", "http://registry.example.org/", ok=(6,))
    asked = lab.cell.asked_names()
    assert [(it.name, it.service) for it in asked if "example" in it.name] == [("registry.example.org", "web")]
    assert not [it for it in asked if it.name.endswith(DOMAIN)]


def test_who_asked_is_known_when_it_is_gone(lab: LabCell) -> None:
    ask = "curl -sS http://gone.example.org/; exec sleep 10000"
    spec = ["--init", "--restart-condition", "none", "--network", "proxy", "--entrypoint", "sh"]
    lab.docker("service", "create", "-q", "-d", "--name", "brief", *spec, IMAGE, "-c", ask)
    log = lab.cell.spec.run / "dns.log"
    until(log.read_text, lambda text: "gone.example.org" in text, what="question", clock=SystemClock(), timeout=SECONDS)
    known = lab.cell.askers.known
    until(known, lambda it: "brief" in it.values(), what="its address", clock=SystemClock(), timeout=SECONDS)
    lab.docker("service", "rm", "brief")
    left = ["ps", "-aq", "-f", "label=com.docker.swarm.service.name=brief"]
    until(lambda: lab.docker(*left).out, lambda out: not out, what="end", clock=SystemClock(), timeout=SECONDS)
    assert [it.service for it in lab.cell.asked_names() if it.name == "gone.example.org"] == ["brief"]


@pytest.mark.parametrize("path", ["/etc/localtime", "/etc/timezone"])
def test_what_recipes_mount_of_a_hosts_etc_is_there(lab: LabCell, path: str) -> None:
    mount = f"type=bind,source={path},target=/seen,readonly"
    assert "UTC" in lab.container("--mount", mount, script="tr -d '\\0' </seen").out


def test_an_address_outside_has_no_route(lab: LabCell) -> None:
    lab.container("--network", "proxy", script="curl -sS -m 5 http://192.0.2.7/", ok=(7,))  # 28 would be the time-out


def test_a_service_answers_by_its_name_and_through_its_published_port(lab: LabCell, http: Http) -> None:
    lab.docker("network", "create", "-d", "overlay", "--attachable", "back")
    lab.docker("service", "create", "-q", "-d", "--name", "plain", "--network", "back", "-p", "8081:80", IMAGE)
    fetch = "curl -sS -m 2 -o /dev/null -w %{http_code} --retry 30 --retry-delay 1 --retry-all-errors"
    assert lab.container("--network", "back", script=f"{fetch} http://plain/").out.strip() == "200"
    served(http, "http://127.0.0.1:8081/")


def test_service_addresses_are_carried_again_after_what_carries_them_was_killed(lab: LabCell) -> None:
    if not lab.cell.vip.built_in:
        return  # the kernel does
    vipd = ["pgrep", "-f", "recipeci-vipd"]
    before = lab.cell.runner.run(vipd, timeout=SECONDS).out.split()
    lab.cell.runner.run(["kill", "-9", before[-1]], timeout=SECONDS)
    lab.docker("network", "create", "-d", "overlay", "--attachable", "later")
    lab.docker("service", "create", "-q", "-d", "--name", "late", "--network", "later", IMAGE)
    fetch = "curl -sS -m 2 -o /dev/null -w %{http_code} --retry 30 --retry-delay 1 --retry-all-errors http://late/"
    assert lab.container("--network", "later", script=fetch).out.strip() == "200"
    after = lab.cell.runner.run(vipd, timeout=SECONDS).out.split()
    assert after[0] == before[0]
    assert after[-1] != before[-1]


def test_what_carries_service_addresses_is_named(lab: LabCell) -> None:
    expected = ("IPVS", False) if Path("/proc/net/ip_vs").exists() else ("nftables", True)
    assert (lab.cell.vip.name, lab.cell.vip.built_in) == expected
    assert lab.cell.vip.version


def test_a_program_runs_inside_with_its_own_environment_folder_and_input(lab: LabCell) -> None:
    run = lab.cell.runner.run
    env = {"PATH": "/usr/bin", "A": "b c"}
    assert sorted(run(["env"], timeout=SECONDS, env=env).out.splitlines()) == ["A=b c", "PATH=/usr/bin"]
    assert run(["pwd"], timeout=SECONDS, cwd=Path("/etc/recipeci")).out == "/etc/recipeci\n"
    assert run(["pwd"], timeout=SECONDS).out == "/\n"
    assert run(["cat"], timeout=SECONDS, stdin=b"x" * 100_000).out.rstrip() == "x" * 100_000
    assert run(["hostname"], timeout=SECONDS).out == "cell\n"


def test_a_program_can_have_a_terminal(lab: LabCell) -> None:
    run = lab.cell.runner.run
    assert run(["sh", "-c", "test -t 0 && test -t 1 && echo yes"], timeout=SECONDS, terminal=True).out.strip() == "yes"
    assert run(["test", "-t", "0"], timeout=SECONDS, ok=(1,)).code == 1


def test_a_programs_lines_come_as_they_are_written(lab: LabCell) -> None:
    lines: list[str] = []
    lab.cell.runner.run(["sh", "-c", "echo one; echo two >&2"], timeout=SECONDS, on_line=lines.append)
    assert sorted(lines) == ["one", "two"]


def test_a_failure_is_the_programs_and_names_it(lab: LabCell) -> None:
    with pytest.raises(CommandFailed) as failed:
        lab.cell.runner.run(["sh", "-c", "echo why >&2; exit 3"], timeout=SECONDS)
    assert (failed.value.code, failed.value.argv[0], failed.value.err) == (3, "sh", "why\n")
    with pytest.raises(CommandFailed, match="no-such-program ended with 127"):
        lab.cell.runner.run(["no-such-program"], timeout=SECONDS)


def test_a_program_that_takes_too_long_is_killed_with_its_children(lab: LabCell) -> None:
    with pytest.raises(CommandTimeout):
        lab.cell.runner.run(["sh", "-c", "sleep 4242 & sleep 4242"], timeout=0.5)
    left = until(
        lambda: lab.cell.runner.run(["pgrep", "-f", "sleep 4242"], timeout=SECONDS, ok=(0, 1)).out,
        lambda pids: not pids,
        what="end of the children",
        clock=SystemClock(),
        timeout=SECONDS,
    )
    assert left == ""


def test_what_runs_inside_is_in_the_cells_cgroups(lab: LabCell) -> None:
    """Else the limits of the cell would not hold for it, and its devices would be the host's."""
    inside = lab.cell.runner.run(["cat", "/proc/self/cgroup"], timeout=SECONDS).out
    paths = {line.split(":", 2)[2] for line in inside.splitlines() if not line.startswith("0::")}
    assert paths == {"/"}


def test_a_connection_goes_to_the_cell_and_never_to_the_host(lab: LabCell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port), timeout=5):
            pass  # it is there
        with pytest.raises(ConnectionRefusedError):
            lab.cell.connect("127.0.0.1", port, timeout=5)
    with lab.cell.connect(f"any.{DOMAIN}", 443, timeout=SECONDS) as connection:
        assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    with pytest.raises(socket.gaierror, match=f"the cell knows names in {DOMAIN} only"):
        lab.cell.connect("example.org", 443, timeout=5)


def test_the_folder_that_is_shared_is_the_same_in_both(lab: LabCell) -> None:
    shared = lab.cell.spec.shared
    (shared / "from-host").write_text("one")
    assert lab.cell.runner.run(["cat", str(shared / "from-host")], timeout=SECONDS).out.rstrip() == "one"
    lab.cell.runner.run(["cp", str(shared / "from-host"), str(shared / "from-cell")], timeout=SECONDS)
    assert (shared / "from-cell").read_text() == "one"


def test_the_authoritys_key_is_nowhere_and_the_certificates_only_roots(lab: LabCell) -> None:
    keys = [path for path in lab.cell.spec.folder.rglob("*.pem") if "PRIVATE KEY" in path.read_text()]
    assert [path.name for path in keys] == ["key.pem"]
    assert keys[0].stat().st_mode & 0o777 == 0o600
    assert lab.cell.runner.run(["cat", "/etc/recipeci/ca.pem"], timeout=SECONDS).out == lab.cell.ca_file.read_text()
