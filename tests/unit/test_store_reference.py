"""host.store.reference: what Docker makes of an image's name."""

from __future__ import annotations

import pytest
from recipeci.errors import UsageError
from recipeci.host.store.reference import Reference

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "registry", "repository", "key"),
    [
        ("nginx", "docker.io", "library/nginx", "nginx:latest"),
        ("nginx:1.26.3", "docker.io", "library/nginx", "nginx:1.26.3"),
        ("library/nginx:1", "docker.io", "library/nginx", "nginx:1"),
        ("docker.io/nginx:1", "docker.io", "library/nginx", "nginx:1"),
        ("docker.io/library/nginx:1", "docker.io", "library/nginx", "nginx:1"),
        ("index.docker.io/nginx:1", "docker.io", "library/nginx", "nginx:1"),
        ("lab/debian:trixie", "docker.io", "lab/debian", "lab/debian:trixie"),
        ("docker.io/lab/debian:trixie", "docker.io", "lab/debian", "lab/debian:trixie"),
        ("ghcr.io/a/b:1", "ghcr.io", "a/b", "ghcr.io/a/b:1"),
        ("registry.test:5000/a/b/c:2", "registry.test:5000", "a/b/c", "registry.test:5000/a/b/c:2"),
        ("registry.test:5000/a", "registry.test:5000", "a", "registry.test:5000/a:latest"),
        ("localhost/a:1", "localhost", "a", "localhost/a:1"),
        (f"nginx@{DIGEST}", "docker.io", "library/nginx", f"nginx@{DIGEST}"),
        (f"nginx:1.26.3@{DIGEST}", "docker.io", "library/nginx", f"nginx@{DIGEST}"),
        ("a__b/c.d-e:V_1.x", "docker.io", "a__b/c.d-e", "a__b/c.d-e:V_1.x"),
    ],
)
def test_a_name_in_full(text: str, registry: str, repository: str, key: str) -> None:
    ref = Reference.parse(text)
    assert (ref.registry, ref.repository, ref.key) == (registry, repository, key)
    assert Reference.parse(ref.key) == Reference(
        ref.registry, ref.repository, "" if ref.digest else ref.tag, ref.digest
    )


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            ":1",
            "nginx:",
            "NGINX:1",
            "nginx:-1",
            "-nginx",
            "a//b",
            "/a",
            "a/",
            "a b",
            "nginx:1 ",
            "nginx\n",
            "../x",
        ),
        *(
            "nginx@",
            "nginx@sha256:12",
            "nginx@md5:" + "a" * 64,
            f"nginx@{DIGEST}0",
            "a/b/../c",
            "--help",
            "x:" + "1" * 129,
        ),
        "registry.test:/a",
    ],
)
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not an image name"):
        Reference.parse(text)
