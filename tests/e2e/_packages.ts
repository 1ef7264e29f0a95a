/** What programs of distributions say of packages. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { fileDigest } from "../../src/archive/mod.ts";
import { CLONE, output, run, script, which } from "./_program.ts";

/**
 * Must `dpkg-deb` give the files of a deb the same bytes? It must.
 *
 * @param dir A directory for work; what is made there is removed.
 * @param epoch Seconds, of everything in it.
 */
export async function checkDeb(deb: string, dir: string, epoch: number): Promise<void> {
  const fields = await output(["dpkg-deb", "-f", deb, "Package", "Architecture"]);
  assertStringIncludes(fields, "Architecture: amd64");
  await output(["dpkg-deb", "-I", deb]);
  await output(["dpkg-deb", "-c", deb]);
  const [tree, again] = [join(dir, "tree"), join(dir, "again.deb")];
  await output(["dpkg-deb", "-R", deb, tree]);
  await output(["dpkg-deb", "--root-owner-group", "-Zgzip", "-b", tree, again], {
    env: { SOURCE_DATE_EPOCH: `${epoch}` },
  });
  for (const option of ["--fsys-tarfile", "--ctrl-tarfile"]) {
    const [ours, theirs] = [
      await dumped(option, deb, join(dir, "a")),
      await dumped(option, again, join(dir, "b")),
    ];
    assertEquals([deb, option, ours], [deb, option, theirs]);
  }
  await output(["md5sum", "--quiet", "-c", "DEBIAN/md5sums"], { cwd: tree });
  await Deno.remove(tree, { recursive: true });
}

/** The digest of an archive in a deb: a script runs a pipe, as `dpkg-deb` can only print archives. */
async function dumped(option: string, deb: string, out: string): Promise<string> {
  script(`${out}.sh`, `dpkg-deb ${option} "$1" > "$2"\n`);
  await output([`${out}.sh`, deb, out]);
  return (await fileDigest(out))!;
}

/** lintian finds nothing but what its list in `packaging` explains. */
export async function lintian(debs: readonly string[]): Promise<void> {
  if (which("lintian") === undefined) return;
  const tags = join(CLONE, "packaging/lintian-tags");
  const look = (...args: string[]) => run(["lintian", "--no-cfg", ...args, ...debs]);
  const { code, stdout } = await look("--suppress-tags-from-file", tags);
  assertEquals([code, stdout], [0, ""]);
  // It does look at them.
  assertStringIncludes((await look()).stdout, "no-manual-page");
}

/** rpmlint finds nothing but what its configuration in `packaging` explains. */
export async function rpmlint(rpms: readonly string[]): Promise<void> {
  if (which("rpmlint") === undefined) return;
  const config = join(CLONE, "packaging/rpmlint.toml");
  const { code, stdout } = await run(["rpmlint", "--config", config, ...rpms]);
  assertStringIncludes(
    stdout,
    `${rpms.length} packages and 0 specfiles checked; 0 errors, 0 warnings`,
  );
  assertEquals(code, 0);
}
