"""The only place that decides which commit is the target, and makes the plan for it from a private clone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from recipeci import namedpath
from recipeci.errors import RecipeInvalid, UsageError
from recipeci.host import credential, git
from recipeci.host.clone import LINK, SUBMODULE, Clone
from recipeci.host.command import Runner
from recipeci.host.credential import Credential
from recipeci.host.gitcall import Source
from recipeci.model import FULL_SHA, Commit, Request, Settings, Target
from recipeci.recipe import allowlist, discovery, metadata
from recipeci.recipe.allowlist import Allowlist
from recipeci.recipe.discovery import Brought
from recipeci.recipe.metadata import RecipeMeta
from recipeci.recipe.versions import Published, Version, is_version, own_version, published
from recipeci.run import plan as plans
from recipeci.run.base import not_published
from recipeci.run.environment import labelled_version
from recipeci.run.plan import Plan
from recipeci.run.workspace import GB

NAMED_PATHS = 3
SHORT_SHA = re.compile(r"[0-9a-f]{4,39}\Z")


@dataclass(frozen=True)
class Sourced:
    """A private clone and the plan made from it."""

    clone: Clone
    plan: Plan


@dataclass(frozen=True)
class Given:
    """What was given for a run, read and found right before anything is fetched: overlay, source, allowlist.

    `credential` is for the source's host, and for the clone alone.
    """

    meta: RecipeMeta
    overlay: Brought
    source: Source
    allowed: Allowlist
    notes: tuple[str, ...] = ()
    credential: Credential | None = None


def given(request: Request, settings: Settings) -> Given:
    """Read what the caller and the settings name for a recipe.

    Raises UsageError for an overlay, an allowlist or a credential that is wrong, for a source that cannot be one
    (host/git.py), and for one that the run would write in.
    """
    folder = discovery.overlay_folder(request.overlays, recipe=request.recipe)
    meta, overlay = metadata.load(folder), discovery.of_operator(folder)
    source = git.source_of(request.source, recipe=request.recipe, forge=settings.forge)
    if source.local:
        _refuse_inside(Path(source.where), f"--out {request.out}", request.out, fix="give an --out outside of it")
        said, fix = f"the cache folder {settings.cache}", "set `cache` in the settings to a folder outside of it"
        _refuse_inside(Path(source.where), said, settings.cache, fix=fix)
    notes = tuple(_no_overlay(request, settings))
    return Given(meta, overlay, source, _allowlist(request, settings, source), notes, _credential(request, source))


def sourced(
    request: Request, settings: Settings, said: Given, *, into: Path, runner: Runner, within: Path | None = None
) -> Sourced:
    """Clone the recipe into a folder that is not there yet, and plan the run; `within` as for `git.clone`.

    Raises UsageError or HostError for a source, a target or a base that cannot be had (host/git.py).
    """
    source, allowed = said.source, said.allowed
    clone = git.clone(
        runner,
        source,
        into,
        within=within,
        path=settings.search_path,
        network=dict(settings.network_env),
        most_bytes=int(settings.source_max_gb * GB),
        credential=said.credential,
    )
    versions = published(clone.tags())
    target = _target(request, clone, versions)
    refusal = _refusal(request, source, allowed)
    reachable = clone.reachable_tags(target.commit)
    own = _own(clone, target, versions, reachable=reachable)
    plan = plans.make_plan(
        recipe=request.recipe,
        target=target,
        stages=request.stages,
        versions=versions,
        reachable=reachable,
        own=own.version,
        meta=said.meta,
        asked_base=request.base,
        brought=(said.overlay, _of_repository(clone, target, refusal=refusal)),
        skip_generic=request.skip_generic,
        notes=(*said.notes, *own.notes, *_untested(request, clone)),
    )
    return Sourced(clone, plan)


def _refuse_inside(tree: Path, said: str, folder: Path | None, *, fix: str) -> None:
    """Refuse a folder of the run's in the source: what is written there would be uncommitted work."""
    if folder is not None and namedpath.named(said, folder).resolve().is_relative_to(tree.resolve()):
        raise UsageError(f"{said} lies in {tree}, the source under test", hint=fix)


def _no_overlay(request: Request, settings: Settings) -> Iterator[str]:
    """Say that the folder of this run's own command line has nothing of the recipe; the settings' is for them all."""
    overlays = request.overlays
    if overlays is not None and overlays != settings.overlays and not (overlays / request.recipe).is_dir():
        yield f"--overlays {overlays} has no folder {request.recipe}: no overlay of the operator's is used"


def _allowlist(request: Request, settings: Settings, source: Source) -> Allowlist:
    """Return what the operator allows; nothing, if there is no list.

    Raises UsageError for a list that is wrong or lies in the source, and for an option that says nothing of the source.
    """
    if request.allow_local_code and not source.local:
        msg = f"--allow-local-code is for a folder, and {source.where} is none"
        raise UsageError(msg, hint="--allowlist FILE, with recipe and source in it")
    if request.code_source is not None and source.local:
        raise UsageError(f"--code-source is for a source by URL, and {source.where} is a folder")
    if request.allowlist is None:
        return Allowlist(local_code=request.allow_local_code)
    if source.local:
        allowlist.refuse_inside(request.allowlist, Path(source.where))
    return allowlist.read(request.allowlist, forge=settings.forge, local_code=request.allow_local_code)


def _credential(request: Request, source: Source) -> Credential | None:
    """Return what is shown to the host that it is for, if the source is there.

    Raises UsageError if the file is wrong.
    """
    if request.clone_credential is None:
        return None
    if source.local:
        raise UsageError(f"--clone-credential is for a source by URL, and {source.where} is a folder")
    return credential.read("--clone-credential", request.clone_credential)


def _refusal(request: Request, source: Source, allowed: Allowlist) -> str:
    """Return why no code of the recipe's repository may run: of a pull request, of the one that its head is in.

    Its commits are fetched from the repository that it is made to, which has them all, so what is cloned says nothing.
    """
    if request.code_source is None:
        return allowed.refusal(recipe=request.recipe, source=source.where, local=source.local)
    return allowed.refusal(recipe=request.recipe, source=request.code_source, local=False)


def _of_repository(clone: Clone, target: Target, *, refusal: str) -> Brought:
    """Return what the target's tree brings; a link is none of its files, wherever it leads."""
    entries = clone.tree(target.commit)
    others = [entry.path for entry in entries if entry.mode in (LINK, SUBMODULE)]
    files = [entry.path for entry in entries if entry.mode not in (LINK, SUBMODULE)]
    return discovery.of_repository(files, others=others, refusal=refusal)


def _target(request: Request, clone: Clone, versions: tuple[Published, ...]) -> Target:
    """Return the commit that is asked for: uncommitted work, the newest one, a version's, or the one of a full sha."""
    if request.dirty:
        commit = clone.uncommitted()
        return Target(commit, uncommitted=commit != clone.newest)
    if request.ref is None:
        return Target(clone.newest)
    if FULL_SHA.match(request.ref):
        commit = Commit(request.ref)
        clone.get(commit)
        return Target(commit)
    for one in versions:
        if one.version.text == request.ref:
            return Target(one.commit, version=request.ref)
    raise _no_ref(request.ref, clone, versions)


def _no_ref(ref: str, clone: Clone, versions: tuple[Published, ...]) -> UsageError:
    """Say why a branch, a short sha or an unknown version is not taken; name the full sha where there is one (B-07)."""
    if branch := clone.branch(ref):
        return UsageError(f"--ref {ref} is a branch, which moves: give a full sha", hint=f"--ref {branch}")
    if SHORT_SHA.match(ref) and (found := clone.starting_with(ref)):
        return UsageError(f"--ref {ref} is a short sha: give all 40 digits", hint=f"--ref {found[0]}")
    if is_version(ref):
        return not_published(ref, [one.version for one in versions], said="--ref")
    return UsageError(f"--ref {ref!r} is neither a full sha (40 hex digits) nor a published version", hint="--ref …")


@dataclass(frozen=True)
class Own:
    """The version that the target says it is; `notes` say so if it says it only by what came before it."""

    version: Version | None
    notes: tuple[str, ...] = ()


def _own(clone: Clone, target: Target, versions: tuple[Published, ...], *, reachable: tuple[str, ...]) -> Own:
    """Return the version that the target says it is (DESIGN §2); `reachable` are the tags of what came before it."""
    tagged = [one.version.text for one in versions if one.commit == target.commit]
    said = own_version(
        tagged=[target.version] if target.version else tagged, label=_label(clone, target.commit), reachable=()
    )
    if said:
        return Own(said)
    inherited = own_version(tagged=(), label="", reachable=reachable)
    note = f"the commit has no version label: {inherited}, the newest tag before it, is taken for its own version"
    return Own(inherited, (note,) if inherited else ())


def _untested(request: Request, clone: Clone) -> Iterator[str]:
    """Say what of a folder's uncommitted work is not tested, to whoever asked for what is there now."""
    if request.dirty or request.ref is not None:
        return
    try:
        paths = clone.uncommitted_paths()
    except (UsageError, RecipeInvalid) as error:
        yield f"{error.message}; it is not tested"
        return
    if paths:
        names = ", ".join(paths[:NAMED_PATHS]) + (" …" if len(paths) > NAMED_PATHS else "")
        what = "1 file is" if len(paths) == 1 else f"{len(paths)} files are"
        yield f"{what} uncommitted and not tested: {names}; --dirty tests such work too"


def _label(clone: Clone, commit: Commit) -> str:
    """Return the version label of a commit's compose file; a compose file that cannot be read says nothing here."""
    try:
        return labelled_version(clone, commit)
    except RecipeInvalid:
        return ""  # lint names what is wrong with it
