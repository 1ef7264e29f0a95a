/**
 * `install.sh` of a bundle: POSIX sh, and `sha256sum`, `sed`, `find` and what installs. It is the same for every bundle,
 * and takes names from `SHA256SUMS` alone, after it has checked that this lists the files of `bundle.json`, that all of them
 * are right, and that there is nothing else.
 */
export const INSTALL_SCRIPT: string = String.raw`#!/bin/sh
# Installs Kubernetes from the directory of this script, without a network.
# It checks every file against SHA256SUMS first, and installs what is listed there.
set -eu
# What is installed belongs to whoever runs this, and is for all to read; what programs say is in English.
umask 022
LC_ALL=C
export LC_ALL
unset CDPATH

usage() {
  cat <<'END'
Usage: sh install.sh [--check] [--packages=HOW] [--images=INTO] [--root=DIR]

  --check          check the files against SHA256SUMS, and install nothing
  --packages=HOW   apt, dpkg, dnf, rpm, files or none; default: the first of them that this machine
                   and this bundle have. "files" copies programs alone, without units of systemd
  --images=INTO    containerd, docker, podman or none; default: the first that this machine has
  --root=DIR       install below DIR, an absolute path, by dpkg, rpm or files; images are not loaded
                   by default
END
}

fail() {
  echo "install.sh: $1" >&2
  exit 1
}

has() {
  command -v "$1" >/dev/null 2>&1
}

# Paths that SHA256SUMS lists and that a pattern describes. They have no spaces.
listed() {
  sed -n "s|^[0-9a-f]\{64\}  \($1\)\$|./\1|p" SHA256SUMS
}

# What SHA256SUMS must list beside bundle.json, by bundle.json.
wanted() {
  sed -n '/^  "files": \[$/,$ {
    s|^      "path": "\(.*\)",$|\1|p
    s|^      "sha256": "\(.*\)"$|\1|p
  }' bundle.json | while read -r path && read -r sum; do echo "$sum  $path"; done
}

# What is in the directory of the bundle and is not listed.
strangers() {
  names=$(sed 's|^[0-9a-f]\{64\}  ||' SHA256SUMS)
  find . ! -type d | while IFS= read -r path; do
    case "
$names
SHA256SUMS
" in
      *"
${"$"}{path#./}
"*) [ -f "$path" ] && [ ! -h "$path" ] || echo "${"$"}{path#./} is not a file" ;;
      *) echo "${"$"}{path#./} is not listed" ;;
    esac
  done
}

# Makes a directory below the root, which no link may lead out of.
make_directory() {
  mkdir -p "$root/$1" || fail "cannot make $root/$1"
  real=$(cd -P -- "$root/$1" && pwd) top=$(cd -P -- "$root/" && pwd)
  case $real/ in
    "${"$"}{top%/}"/*) ;;
    *) fail "cannot install into $root/$1: a link leads out of $root to $real" ;;
  esac
}

# Makes an empty directory in another one, where nobody else can have put anything.
set_aside() {
  new=$1/.install.new
  rm -rf "$new"
  mkdir -m 0700 "$new"
}

# Gives the files that are set aside their places. A program that runs cannot be written to, but can be replaced.
put_in_place() {
  into=$1
  for file in "$into/.install.new"/*; do
    [ -f "$file" ] && [ ! -h "$file" ] || continue
    [ ! -d "$into/${"$"}{file##*/}" ] || fail "cannot install $into/${"$"}{file##*/}: it is a directory"
    chmod a-s,go-w,a+rX "$file"
    mv -f "$file" "$into/${"$"}{file##*/}"
  done
  rm -rf "$into/.install.new"
}

# Unpacks the files of an archive into a directory, which stays as it is: owners and modes in the archive are
# those of the machine that packed it.
unpack() {
  archive=$1 into=$2
  shift 2
  set_aside "$into"
  tar -xzof "$archive" -C "$into/.install.new" "$@"
  put_in_place "$into"
}

value() {
  sed -n "s|^  \"$1\": \"\([^\"]*\)\",\$|\1|p" bundle.json
}

check=no packages=auto images=auto root=
for argument in "$@"; do
  case $argument in
    --check) check=yes ;;
    --packages=apt | --packages=dpkg | --packages=dnf | --packages=rpm) packages=${"$"}{argument#*=} ;;
    --packages=files | --packages=none) packages=${"$"}{argument#*=} ;;
    --images=containerd | --images=docker | --images=podman | --images=none) images=${"$"}{argument#*=} ;;
    --root=/*) root=${"$"}{argument#*=} ;;
    --root=*) fail "cannot use \"$argument\": the root is an absolute path, such as --root=/mnt" ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; fail "cannot use the argument \"$argument\"" ;;
  esac
done

cd -- "$(dirname -- "$0")"
[ -f SHA256SUMS ] && [ -f bundle.json ] || fail "this is not the directory of a bundle"
has sha256sum || fail "cannot check the files: there is no sha256sum"
state=0
said=$(sha256sum -c SHA256SUMS 2>&1) || state=$?
wrong=$(printf '%s\n' "$said" | sed '/: OK$/d')
if [ "$state" != 0 ] || [ -n "$wrong" ]; then
  printf '%s\n' "$wrong" >&2
  fail "nothing was installed: files are missing or damaged"
fi
own=$(sed -n 's|^[0-9a-f]\{64\}  \(bundle\.json\)$|\1|p' SHA256SUMS)
rest=$(sed '/^[0-9a-f]\{64\}  bundle\.json$/d' SHA256SUMS)
if [ "$own" != bundle.json ] || [ -z "$rest" ] || [ "$rest" != "$(wanted)" ]; then
  fail "nothing was installed: SHA256SUMS does not list the files of bundle.json: get the bundle again"
fi
others=$(strangers)
if [ -n "$others" ]; then
  printf '%s\n' "$others" >&2
  fail "nothing was installed: other files are in the directory of the bundle; move them away"
fi
version=$(value version) platform=$(value platform)
echo "Kubernetes $version for $platform: all files are as SHA256SUMS lists them"
left=$(sed -n '/^  "leftOut": \[$/,/\]/s|^    "\([a-z0-9-]*\)",\{0,1\}$|\1|p' bundle.json)
for part in $left; do echo "Left out of this bundle: $part"; done
[ "$check" = no ] || exit 0

case $(uname -m) in
  x86_64) machine=linux/amd64 ;;
  aarch64) machine=linux/arm64 ;;
  armv7*) machine=linux/arm ;;
  i?86) machine=linux/386 ;;
  *) machine=linux/$(uname -m) ;;
esac
if [ "$machine" != "$platform" ] && [ -z "$root" ]; then
  fail "this machine is $machine, and the bundle is for $platform"
fi

debs=$(listed 'packages/deb/[^/]*\.deb')
rpms=$(listed 'packages/rpm/[^/]*/[^/]*\.rpm')
if [ "$packages" = auto ]; then
  if [ -n "$debs" ] && has apt-get && [ -z "$root" ]; then packages=apt
  elif [ -n "$debs" ] && has dpkg; then packages=dpkg
  elif [ -n "$rpms" ] && has dnf && [ -z "$root" ]; then packages=dnf
  elif [ -n "$rpms" ] && has rpm; then packages=rpm
  else packages=files
  fi
fi
case $packages in
  apt | dpkg) [ -n "$debs" ] || fail "this bundle has no debs" ;;
  dnf | rpm) [ -n "$rpms" ] || fail "this bundle has no rpms" ;;
esac
case $packages in
  apt | dnf) [ -z "$root" ] || fail "$packages cannot install below --root" ;;
esac
if [ -z "$root" ] && [ "$packages" != none ] && [ "$(id -u)" != 0 ]; then
  fail "installing needs root: run it with sudo, or install below a directory with --root=DIR --packages=files"
fi
archives=$(listed 'images/[^/]*\.tar')
if [ "$images" = auto ]; then
  if [ -z "$archives" ] || [ -n "$root" ]; then images=none
  elif has ctr; then images=containerd
  elif has docker; then images=docker
  elif has podman; then images=podman
  else fail "cannot load images: there is no ctr, docker or podman; --images=none leaves them out"
  fi
fi

echo "Installing programs: $packages"
case $packages in
  apt)
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $debs ||
      fail "apt cannot install, and says above why: what the packages depend on has to be there already, \
and packages that are held or newer are not replaced"
    ;;
  dpkg) dpkg ${"$"}{root:+"--root=$root"} -i $debs ;;
  dnf) dnf install -y --disablerepo='*' $rpms ;;
  rpm) rpm ${"$"}{root:+"--root=$root"} -U $rpms ;;
  files)
    for directory in usr usr/bin opt opt/cni opt/cni/bin; do make_directory "$directory"; done
    set_aside "$root/usr/bin"
    for path in $(listed 'bin/[^/]*'); do
      cp "$path" "$root/usr/bin/.install.new/"
      chmod 0755 "$root/usr/bin/.install.new/${"$"}{path##*/}"
    done
    put_in_place "$root/usr/bin"
    for path in $(listed 'programs/crictl-[^/]*'); do unpack "$path" "$root/usr/bin" crictl; done
    for path in $(listed 'programs/cni-plugins-[^/]*'); do unpack "$path" "$root/opt/cni/bin"; done
    echo "Programs are there without units of systemd, which are in the packages"
    ;;
esac

[ "$images" = none ] && [ -n "$archives" ] && echo "Images are not loaded"
for path in $archives; do
  [ "$images" = none ] || echo "Loading $path into $images"
  case $images in
    containerd) ctr -n k8s.io images import "$path" ;;
    docker) docker load -i "$path" ;;
    podman) podman load -i "$path" ;;
  esac
done
echo "Installed Kubernetes $version"
`;
