# checkout.sh INTERPRETER PACKAGES: read by a shell of `nix develop` as it starts. Its `python` becomes one of the checkout,
# in which the harness is the checkout's own: what runs is what was edited. A variable would not do, because the harness
# gives its children no environment; and Nix cannot do it, because it does not know where the checkout is.
# Paths in it are relative, so that a checkout can be moved.
# shellcheck shell=bash
enter_checkout() {
  local root folder new interpreter=$1 packages=$2
  root=$(git rev-parse --show-toplevel 2> /dev/null) || root=$PWD
  if [ ! -d "$root/harness/recipeci" ]; then
    echo "recipeci: $root is no checkout of the project, so this shell has no harness: start it in one" >&2
    return
  fi
  # Of each set of packages one: another shell may be using the last.
  folder=$root/.venv/nix/$(basename "$(dirname "$(dirname "$(dirname "$packages")")")")
  if [ ! -d "$folder" ]; then
    mkdir -p "$root/.venv/nix"
    new=$(mktemp -d "$root/.venv/nix/new-XXXXXX")
    "$interpreter" -m venv --without-pip "$new"
    printf '%s\n' ../../../../../../harness "import site; site.addsitedir('$packages')" \
      > "$(echo "$new"/lib/python*/site-packages)/checkout.pth"
    for program in pytest recipeci miniabra; do
      # shellcheck disable=SC2016 # for whoever runs it
      printf '#!/bin/sh\nexec "$(dirname "$0")/python" -m %s "$@"\n' "$program" > "$new/bin/$program"
      chmod +x "$new/bin/$program"
    done
    chmod 755 "$new"
    # Two shells that start at once make the same.
    mv -T "$new" "$folder" 2> /dev/null || rm -rf "$new"
  fi
  export PATH=$folder/bin:$PATH
}
enter_checkout "$@"
unset -f enter_checkout
