"""The only place for the text of `--help`; a test compares it with the options that are there."""

EXIT_CODES = """\
Exit codes:
  0    pass
  1    the recipe failed, or something stayed unverified
  2    what you gave is wrong: an option, a setting, an allowlist, images or overlays file
  3    the host, the forge or the source cannot be had: no verdict
  4    the teardown left something
  70   a bug of recipeci
  129, 130, 142, 143   stopped: terminal closed, Ctrl-C, deadline, SIGTERM
"""

RUN = f"""\
recipeci tests one commit of one Co-op Cloud recipe on a real swarm: does it install, does it upgrade without losing
data, is the data in the backup, does a restore bring it back, and do its tests pass?

Usage:
  recipeci --recipe NAME [options]     also written: recipeci run --recipe NAME
  recipeci doctor [--selftest]         what this machine has and lacks, each with what to do
  recipeci doctor --abra [PATH]        whether an abra does what recipeci takes for granted
  recipeci clean                       remove what killed runs left in the cache folder
  recipeci check-config FILE           whether a settings file is right

The service, from a comment on a pull request to a verdict; each has --help of its own:
  recipeci serve, recipeci work        the two processes: one speaks to the forge, the other carries out runs
  recipeci enroll OWNER/REPO           have the pull requests of a repository tested
  recipeci queue, cancel, rerun        what is queued and runs; end a run; make one once more
  recipeci sweep                       test the newest version of every enrolled recipe

What to test:
  --recipe NAME          the recipe ($RECIPE)
  --source URL|PATH      its repository; absent: NAME on the forge of the settings
  --ref SHA|VERSION      40 hex digits, or a published version; absent: the newest commit ($REF)
  --base VERSION         the published version to upgrade from; absent: the one before the target
  --dirty                test the uncommitted work of a local --source
  --pr N                 a pull request's number, for the report ($PR)
  --stages LIST          of install,upgrade,backup,restore,custom; absent: all ($STAGES)

With what:
  --images DIR           a folder with images.yml: build images instead of pulling them
  --overlays DIR         the operator's recipe.yml and suites, a folder a recipe
  --allowlist FILE       lines `RECIPE [SOURCE-URL]`: whose repositories may bring tests; absent: the setting, else none
  --allow-local-code     run the tests that a local --source brings: they are your own
  --code-source URL      the repository that the allowlist is asked about, or `none`; absent: the one that is cloned
  --clone-credential FILE
                         for a private --source: one line https://USER:TOKEN@HOST, shown to that host alone
  --proxy-image REF      an image of Traefik for the proxy
  --bot-image REF        an image of the backup bot
  --abra PATH|builtin    the abra to deploy with; absent: the setting, then PATH, then the built-in one
  --config FILE          settings; absent: $RECIPECI_CONFIG, recipeci/settings.yml in ~/.config or /etc/xdg

What you get:
  --out DIR              the run's folder, absent or empty: report.json, junit.xml, run.log
  --keep                 leave the app running at the end, until Ctrl-C, and say how to look at it
  --plan                 print what would be done, and stop
  --json                 print report.json on stdout, and everything else on stderr
  -v, --verbose          print every command
  --version              print the version
  -h, --help             print this

Examples:
  recipeci --recipe custom-html
  recipeci --recipe custom-html --ref 1.0.0+1.22.1 --stages install
  recipeci --recipe custom-html --source ./custom-html --dirty --out ./result
  recipeci --recipe custom-html --source ./custom-html --allow-local-code --plan
  recipeci --recipe custom-html --allowlist ./allowlist --overlays ./overlays
  recipeci --recipe custom-html --images ./images --abra builtin --json > report.json

{EXIT_CODES}"""

DOCTOR = """\
recipeci doctor says what this machine has and lacks for a run, each with what to do; exit 0, or 3 if a run cannot work.

Usage:
  recipeci doctor [--selftest] [--abra [PATH|builtin]] [--record FILE] [--config FILE]

  --selftest      also make a cell, deploy a built-in image in it, ask it through the proxy, and remove both
  --abra [PATH]   also check, in a cell, what recipeci takes for granted of abra; without PATH of the one that a run
                  would use; exit 1 if it differs
  --record FILE   write down what --abra asked and what abra answered; secrets are masked
  --config FILE   settings, as for a run
  --version       print the version
  -h, --help      print this
"""

CLEAN = """\
recipeci clean removes what killed runs left in the cache folder, writes their reports, and removes old run folders.
Empty cgroup directories of runs whose folder is gone are removed too, whatever cache folder they had.
Of the image store go images that lost their name, and beyond `store: keep_gb` of the settings those used longest ago.

Usage:
  recipeci clean [--config FILE]

  --config FILE  settings, as for a run
  --version      print the version
  -h, --help     print this
"""

CHECK_CONFIG = """\
recipeci check-config says whether a settings file is right: `FILE: ok`, or in one sentence what is wrong, and exit 2.
Nothing that it names is looked at, so that it can be asked on another machine.

Usage:
  recipeci check-config FILE

  --version      print the version
  -h, --help     print this
"""

CONFIG = """\
  --config FILE  settings; absent: $RECIPECI_CONFIG, recipeci/settings.yml in ~/.config or /etc/xdg
  --version      print the version
  -h, --help     print this
"""

SERVE = f"""\
recipeci serve is the bridge to the forge: it takes webhooks, lists comments, decides who may have what tested, sets
commit statuses, writes the one comment, and shows pages. It has no Docker and needs no root. It ends in order on
SIGTERM or Ctrl-C.

Usage:
  recipeci serve [--config FILE]

{CONFIG}
Examples:
  recipeci serve --config /etc/recipeci/settings.yml

Exit codes: 0 told to end; 2 a setting or a file with a secret is wrong; 3 another one uses the database, or the
address cannot be listened at; 70 a bug of recipeci
"""

WORK = f"""\
recipeci work takes queued runs and carries them out, as many at a time as it has slots. It has no token of the forge.
A run makes a swarm of its own, so it needs root. On SIGTERM or Ctrl-C it takes nothing more, ends what runs with its
teardown done, and that is queued again.

Usage:
  recipeci work [--config FILE]

{CONFIG}
Examples:
  sudo recipeci work --config /etc/recipeci/settings.yml

Exit codes: 0 told to end; 2 a setting, a file with a secret or abra is wrong; 3 no root, or another worker has the
name; 70 a bug of recipeci
"""

ENROLL = f"""\
recipeci enroll has the pull requests of a repository tested: it makes the webhook on the forge, and refuses a token
that may not ask for permissions, comment and set statuses. Done again, it brings all that up to date.

Usage:
  recipeci enroll OWNER/REPO[=RECIPE] [--no-webhook] [--config FILE]
  recipeci enroll --remove OWNER/REPO [--config FILE]
  recipeci enroll --list [--config FILE]

  --no-webhook   make none: comments are found by listing them
  --remove       have it tested no more, and take its webhook away
  --list         print what is enrolled, a line each, as it is enrolled by
{CONFIG}
Examples:
  recipeci enroll coop-cloud/custom-html
  recipeci enroll someone/my-recipes-html=custom-html --config /etc/recipeci/settings.yml

Exit codes: 0 enrolled; 2 what you gave is wrong, or the token may not; 3 the forge cannot be had; 70 a bug of
recipeci
"""

QUEUE = f"""\
recipeci queue lists the runs that have not ended, oldest first: number, state, since when, of what, why it waits; and
the workers.

Usage:
  recipeci queue [--json] [--config FILE]

  --json         print it for programs: {{"requests": […], "workers": […]}}
{CONFIG}
Examples:
  recipeci queue
  recipeci queue --json

Exit codes: 0; 2 a setting is wrong, or there is no database; 3 the database cannot be read; 70 a bug of recipeci
"""

CANCEL = f"""\
recipeci cancel ends a run: one that waits never begins, one that runs is ended as by Ctrl-C, its teardown done.

Usage:
  recipeci cancel ID [--config FILE]

{CONFIG}
Examples:
  recipeci cancel 12

Exit codes: 0 it is being ended; 2 there is no such run, or it has ended; 3 the database cannot be had; 70 a bug of
recipeci
"""

RERUN = f"""\
recipeci rerun queues the commit of a run that has ended once more, under a new number. It takes the place of what is
queued for the same pull request.

Usage:
  recipeci rerun ID [--config FILE]

{CONFIG}
Examples:
  recipeci rerun 12

Exit codes: 0 it is queued; 2 there is no such run, or it has not ended; 3 the database cannot be had; 70 a bug of
recipeci
"""

SWEEP = f"""\
recipeci sweep has the newest published version of every enrolled recipe tested, waits for all of them, and says how
many were expected and ran, what turned red since the last time, and what is red still. The forge is shown nothing.

Usage:
  recipeci sweep [--config FILE]

{CONFIG}
Examples:
  recipeci sweep --config /etc/recipeci/settings.yml

Exit codes: 0 all ran, nothing turned red; 1 something turned red; 2 a setting is wrong, or there is no database; 3 not
all ran; 70 a bug of recipeci; 129, 130, 143 stopped, and what had not ended is cancelled
"""
