# checkout.sh NAME INTERPRETER PACKAGES CLOSURE: read by a shell of `nix develop` as it starts. Its `python` becomes one of
# the checkout, .venv/nix/NAME, in which the harness is the checkout's own: what runs is what was edited. A variable would
# not do, because the harness gives its children no environment; and Nix cannot do it, because it does not know where the
# checkout is. CLOSURE says which programs and images the harness takes.
# shellcheck shell=bash
enter_checkout() {
  local root folder new program module main name=$1 interpreter=$2 packages=$3 closure=$4
  root=$(git rev-parse --show-toplevel 2> /dev/null) || root=$PWD
  if [ ! -d "$root/harness/recipeci" ]; then
    echo "recipeci: $root is no checkout of the project, so this shell has no harness: start it in one" >&2
    return
  fi
  folder=$root/.venv/nix/$name
  if [ ! -d "$folder" ]; then
    mkdir -p "$root/.venv/nix"
    new=$(mktemp -d "$root/.venv/nix/new-XXXXXX")
    "$interpreter" -m venv --without-pip "$new"
    # Relative, so that the checkout can be moved.
    printf '%s\n' ../../../../../../harness "import site; site.addsitedir('$packages')" \
      > "$(echo "$new"/lib/python*/site-packages)/checkout.pth"
    # As pip would write them, but with this folder's Python wherever it is.
    while read -r program module main; do
      # shellcheck disable=SC2016 # they are the program's, not ours
      printf '#!/bin/sh\nexec "$(dirname "$0")/python" -Pc "%s" "$0" "$@"\n' \
        "import sys; sys.argv.pop(0); from $module import $main as main; sys.exit(main())" > "$new/bin/$program"
      chmod +x "$new/bin/$program"
    done << PROGRAMS
pytest pytest console_main
recipeci recipeci.cli main
miniabra miniabra.cli main
PROGRAMS
    ln -s "$closure" "$new/closure.json"
    chmod 755 "$new"
    # Two shells that start at once make the same.
    mv -T "$new" "$folder" 2> /dev/null || rm -rf "$new"
  fi
  export PATH=$folder/bin:$PATH
}
enter_checkout "$@"
unset -f enter_checkout
