# Sourced by scripts/kbuild and scripts/task with $clone set: finds Deno and the libraries, which npm
# brings. Sets $deno and $config. POSIX sh; says what it does before doing it.

# npm does not run Deno's install script, so the program is taken where npm unpacks it.
find_deno() {
  deno=
  for candidate in "$clone"/node_modules/@deno/*/deno; do
    if [ -x "$candidate" ]; then deno=$candidate; fi
  done
}

config=$clone/deno.npm.json
find_deno
if [ -z "$deno" ] || [ ! -d "$clone/node_modules/dax" ] || [ ! -d "$clone/node_modules/deno-std" ]; then
  if command -v npm >/dev/null 2>&1; then
    echo "kbuild: installing Deno and the libraries into node_modules (npm ci)" >&2
    (cd "$clone" && npm ci --no-audit --no-fund --loglevel=error >&2) || {
      echo "kbuild: npm ci failed; its messages are above" >&2
      exit 1
    }
    find_deno
    if [ -z "$deno" ]; then
      echo "kbuild: npm brought no Deno for this machine ($(uname -sm))" >&2
      echo "  Install Deno yourself, then use: deno task demo" >&2
      exit 1
    fi
  elif command -v deno >/dev/null 2>&1; then
    # Without npm the libraries come from JSR.
    deno=$(command -v deno)
    config=$clone/deno.json
  else
    echo "kbuild: neither npm nor deno is in PATH" >&2
    echo "  Install Node.js (https://nodejs.org) or Deno (https://deno.com), then run this again" >&2
    exit 1
  fi
fi

# Brings git and Go where they are missing; see scripts/setup_tools.ts for how.
ensure_tools() {
  if command -v go >/dev/null 2>&1 && command -v git >/dev/null 2>&1; then return; fi
  tools=$("$deno" run --quiet -A --config "$config" "$clone/scripts/setup_tools.ts") || exit $?
  if [ -n "$tools" ]; then
    PATH=$tools:$PATH
    export PATH
  fi
}
