"""The only place that lists what is believed of the real abra, not seen: each belief is a switch.

`MINIABRA_HABITS` names the switches to flip, comma-separated, underscores or hyphens; `all` flips each. The runs of the
harness must come out the same under every setting, so that no verdict rests on a belief.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from miniabra.errors import Fatal


@dataclass(frozen=True)
class Habits:
    """What abra is believed to do: [K] from memory, [?] unknown. recipeci's contract/facts.yml has a fact for each."""

    backup_code_counts: bool = True
    """[K] A backup bot that ends with an error makes the command end with FATA; else it ends with 0 all the same."""
    backup_is_asked_by_domain: bool = True
    """[K] The backup bot is told the app's domain; else its stack's name."""
    backup_takes_chaos: bool = True
    """[?] `app restore`, `app backup snapshots` and `list` know `-C`, as `create` does; else it is an unknown flag."""
    chaos_commit_is_pinned: bool = True
    """[K] A chaos deploy writes `TYPE=<recipe>:<8 hex>[+U]`; else it leaves the line alone."""
    compose_environment_wins: bool = True
    """[K] A key that the compose file gives `app` is not replaced by the app's env; else the app's env wins."""
    dirty_suffix_is_stripped: bool = True
    """[K] A pin `<8 hex>+U` is read as the commit; else there is no such commit."""
    env_stack_name_wins: bool = True
    """[K] `STACK_NAME` in the app's env replaces the name made from the domain; else it is ignored."""
    exports_win: bool = True
    """[K] The exports of abra.sh replace the same keys of the app's env; else the app's env wins."""
    generate_nothing_fails: bool = True
    """[K] `secret generate` with nothing to make ends with 1; else with 0."""
    generate_skips_existing: bool = True
    """[K] `secret generate --all` leaves a secret that is there and makes the others; else it ends at it."""
    generated_json_is_a_list: bool = True
    """[?] `secret generate -m` prints a list of objects with name and value; else one object of name to value."""
    inserted_files_are_kept: bool = True
    """[?] `secret insert -f` stores the file's bytes; else without the white space around them."""
    labels_on_app_only: bool = True
    """[K] The coop-cloud labels are set on the service `app`; else on each service."""
    lint_errors_as_remembered: bool = True
    """[K] R008, R010, R011 and R012 are of severity error; else they warn."""
    lint_network_rules_are_skipped: bool = True
    """[K] R006 and R013, which ask the network, are skipped offline; else they do not hold."""
    local_domains_unchecked: bool = True
    """[K] No DNS check for an app of the server `default`; else the domain must resolve unless `-D`."""
    log_words_have_four_letters: bool = True
    """[K] Log lines begin with INFO and WARN; else with INF and WRN. FATA is seen, no belief."""
    machine_logs_on_stderr: bool = True
    """[K] With `-m` the log lines go to stderr; else they stay on stdout."""
    new_chaos_moves_checkout: bool = True
    """[?] `app new -C` moves the checkout to the release as `app new` does; else it leaves it where it is."""
    new_fills_domain: bool = True
    """[K] `app new` sets `DOMAIN` whatever the sample says; else only `<recipe>.example.com` is replaced."""
    new_needs_domain: bool = True
    """[K] `app new -n` without `--domain` ends with FATA; else the domain is made of recipe and server."""
    new_takes_only_server: bool = True
    """[K] `app new` without `--server` takes the one server that there is; else it ends with FATA."""
    new_takes_version: bool = True
    """[K] `app new RECIPE VERSION` pins that version; else the newest whatever is given."""
    no_input_confirms_removal: bool = True
    """[K] `-n` alone lets `app rm` and `app volume rm` go on; else they want `--force` as well."""
    quoted_exports_count: bool = True
    """[?] `export X="v1"` in abra.sh counts as `export X=v1` does; else only the unquoted form is read."""
    rm_deletes_env: bool = True
    """[K] `app rm` deletes the app's `.env`; else it stays."""
    rm_deletes_secrets: bool = True
    """[K] `app rm` removes the app's secrets; else they stay."""
    rm_deletes_volumes: bool = True
    """[K] `app rm` removes the app's volumes; else they stay."""
    rm_refuses_deployed: bool = True
    """[K] `app rm` refuses an app that is deployed; else it goes on and Docker refuses what is in use."""
    secret_list_keys_have_spaces: bool = True
    """[K] `secret list -m` says `generated name`, `created on server`; else the words have hyphens between them."""
    short_secrets_are_phrases: bool = True
    """[K] A secret without `length=` is a phrase of words; else a password of 32 characters."""
    special_charset_has_symbols: bool = True
    """[K] `charset=special` has more than letters and digits; else it is the default."""
    stack_name_is_trimmed: bool = True
    """[K] The stack's name is cut at 45 characters; else it is as long as the domain."""
    undeploy_keeps_checkout: bool = True
    """[K] `app undeploy` leaves the checkout alone; else it moves it to the app's pinned version."""
    unknown_charset_is_default: bool = True
    """[?] A `charset=` that abra does not know means letters and digits; else it is an error."""
    volume_in_use_fails: bool = True
    """[K] `app volume rm` fails at once for a volume in use; else it tries for five seconds."""


def flipped(text: str) -> Habits:
    """Return the habits with the named switches flipped.

    Raises Fatal for a name that is no switch.
    """
    names = {name.strip().replace("-", "_") for name in text.split(",")} - {""}
    believed = dataclasses.asdict(Habits())
    if names == {"all"}:
        names = set(believed)
    if unknown := sorted(names - set(believed)):
        raise Fatal(f"MINIABRA_HABITS: no switch {', '.join(unknown)}")
    return Habits(**{name: value != (name in names) for name, value in believed.items()})
