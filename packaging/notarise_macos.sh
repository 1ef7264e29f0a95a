#!/bin/sh
# Lets Apple look at signed binaries: notarise_macos.sh FILE…
# NOTARY_KEY is the .p8 key, NOTARY_KEY_ID and NOTARY_ISSUER say whose. A bare binary cannot carry the
# ticket; macOS asks Apple for it when the binary first runs.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
printf '%s\n' "$NOTARY_KEY" >"$work/key.p8"
for file in "$@"; do
  ditto -c -k "$file" "$work/kbuild.zip"
  xcrun notarytool submit "$work/kbuild.zip" --wait \
    --key "$work/key.p8" --key-id "$NOTARY_KEY_ID" --issuer "$NOTARY_ISSUER"
done
