/**
 * Packs one directory, a component's binaries and its license say, as Kubernetes packs its tarballs: the
 * bytes depend on names and contents alone.
 *
 * Usage: package_component.ts DIRECTORY TARBALL [EPOCH]
 *
 *     package_component.ts ./stage/kubectl ./kubectl.tar.gz 1700000000
 *
 * Prints the digest as `sha256sum` does.
 */
import { basename, resolve } from "node:path";
import process from "node:process";
import { archive, KbuildError } from "@k8s/kbuild";

const [directory, tarball, epoch = "0"] = process.argv.slice(2);
if (!directory || !tarball || !/^\d+$/.test(epoch)) {
  console.error("Usage: package_component.ts DIRECTORY TARBALL [EPOCH]");
  process.exit(2);
}

try {
  const entries = await archive.listTree(resolve(directory), {
    prefix: basename(resolve(directory)),
    mtime: Number(epoch),
  });
  const { sha256 } = await archive.packTarball(entries, resolve(tarball));
  console.log(`${sha256}  ${tarball}`);
} catch (error) {
  if (!(error instanceof KbuildError)) throw error;
  console.error([error.message, ...error.notes].join("\n  "));
  process.exitCode = error.exitCode;
}
