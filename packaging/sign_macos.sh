#!/bin/sh
# Signs binaries with a Developer ID: sign_macos.sh FILE…
# CERTIFICATE is the .p12 file in base64, CERTIFICATE_PASSWORD its password, IDENTITY the name in it.
# The keychain is a temporary one.
set -eu
work=$(mktemp -d)
keychain=$work/sign.keychain-db
trap 'security delete-keychain "$keychain" 2>/dev/null || true; rm -rf "$work"' EXIT
password=$(uuidgen)
printf %s "$CERTIFICATE" | base64 --decode >"$work/certificate.p12"
security create-keychain -p "$password" "$keychain"
security unlock-keychain -p "$password" "$keychain"
security import "$work/certificate.p12" -k "$keychain" -P "$CERTIFICATE_PASSWORD" -T /usr/bin/codesign
security set-key-partition-list -S apple-tool:,apple: -k "$password" "$keychain" >/dev/null
for file in "$@"; do
  codesign --force --timestamp --options runtime --keychain "$keychain" --sign "$IDENTITY" \
    --entitlements "$(dirname "$0")/entitlements.plist" "$file"
  codesign --verify --strict "$file"
done
