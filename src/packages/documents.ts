import type { PackageName } from "./types.ts";

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"] as const;
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

/** A time as changelogs of Debian have it (RFC 5322): `Wed, 13 Jan 2021 13:20:00 +0000`. */
export function changelogDate(epoch: number): string {
  const date = new Date(epoch * 1000);
  const two = (value: number) => `${value}`.padStart(2, "0");
  const day = `${DAYS[date.getUTCDay()]}, ${two(date.getUTCDate())} ${MONTHS[date.getUTCMonth()]}`;
  const time = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map(two).join(":");
  return `${day} ${date.getUTCFullYear()} ${time} +0000`;
}

/** The changelog of a deb: one entry, because the package is made of one release. */
export function changelogText(
  name: PackageName,
  { version, revision, maintainer, epoch, from }: {
    version: string;
    revision: string;
    maintainer: string;
    epoch: number;
    from: string;
  },
): string {
  return `${name} (${version}-${revision}) unstable; urgency=medium

  * ${from}

 -- ${maintainer}  ${changelogDate(epoch)}
`;
}

const SOURCES: Readonly<Partial<Record<PackageName, string>>> = Object.freeze({
  "kubernetes-cni": "https://github.com/containernetworking/plugins",
  "cri-tools": "https://github.com/kubernetes-sigs/cri-tools",
});

const HOLDERS: Readonly<Partial<Record<PackageName, string>>> = Object.freeze({
  "kubernetes-cni": "2016 CNI authors",
  "cri-tools": "2017 The Kubernetes Authors",
});

/** The licence of a deb, in Debian's machine-readable form; the text itself is part of each Debian. */
export function copyrightText(name: PackageName): string {
  return `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: ${name}
Source: ${SOURCES[name] ?? "https://github.com/kubernetes/kubernetes"}

Files: *
Copyright: ${HOLDERS[name] ?? "2014 The Kubernetes Authors"}
License: Apache-2.0
 The text of the Apache License, Version 2.0, is in
 /usr/share/common-licenses/Apache-2.0.
`;
}
