import contextlib
import http.server
import os
import socket
import threading
from pathlib import Path

import httpx

MARK = b"THE_HARNESS_ALONE_KNOWS"
OWN = Path(os.environ["TMPDIR"])
DULL = {"/proc", "/sys", "/usr"}
LISTENING = "0A"


def everything():
    for folder, folders, files in os.walk("/"):
        folders[:] = [name for name in folders if str(Path(folder, name)) not in DULL]
        yield from (Path(folder, name) for name in files)


def answers(path):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1)
        try:
            connection.connect(str(path))
        except OSError:
            return False
        return True


class LikeDocker(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Api-Version", "1.45")
        self.end_headers()


def listening():
    rows = [line.split() for name in ("tcp", "tcp6") for line in Path("/proc/net", name).read_text().splitlines()[1:]]
    return {int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == LISTENING}


def is_docker(port, *, patience=2):
    try:
        return "api-version" in httpx.get(f"http://127.0.0.1:{port}/_ping", timeout=patience, trust_env=False).headers
    except httpx.HTTPError:
        return False


def readable_environments():
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            yield int(process.name), (process / "environ").read_bytes()


def test_no_docker_socket_answers():
    with socket.socket(socket.AF_UNIX) as own:
        own.bind(str(OWN / "docker.sock"))
        own.listen()
        sockets = {path for path in everything() if path.is_socket()} | {
            Path("/var/run/docker.sock"),
            Path("/run/docker.sock"),
        }
        assert {path for path in sockets if answers(path)} == {OWN / "docker.sock"}
    (OWN / "docker.sock").unlink()


def test_docker_answers_at_no_port():
    with http.server.HTTPServer(("127.0.0.1", 0), LikeDocker) as own:
        threading.Thread(target=own.serve_forever, daemon=True).start()
        ours = own.server_port
        assert {port for port in listening() if is_docker(port, patience=60 if port == ours else 2)} == {ours}
        own.shutdown()


def test_nobody_elses_environment_can_be_read():
    readable = dict(readable_environments())
    assert os.getpid() in readable
    assert not [pid for pid, environment in readable.items() if MARK in environment]
    assert MARK.decode() not in os.environ
    assert not [name for name in os.environ if name.startswith(("DOCKER_", "ABRA_", "XDG_", "RECIPECI_"))]


def test_no_other_run_is_seen():
    (OWN / "run.log").touch()
    assert {path for path in everything() if path.name == "run.log"} == {OWN / "run.log"}
