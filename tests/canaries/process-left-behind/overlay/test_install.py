import subprocess


def test_leaves_a_process_behind():
    script = "trap '' HUP INT TERM QUIT; while :; do sleep 271828; done"
    assert subprocess.Popen(["/bin/sh", "-c", script], start_new_session=True).pid
