/**
 * Every artifact of a release, read back by the programs that people read them with.
 * `KBUILD_TEST_RELEASE` names a directory of more tarballs or images to read.
 */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { pathsBelow } from "./_packaging.ts";
import { inScratch, kbuildOk, missingFor, output, sharedRelease, unless } from "./_program.ts";
import {
  buildGoReader,
  digestOf,
  lacks,
  type Member,
  type Own,
  readBy7z,
  readByGo,
  readByPython,
  readByUnpacking,
  readOwn,
  type Seen,
} from "./_readers.ts";

/** A program that reads archives. */
interface Reader {
  readonly name: string;
  /** Why it cannot be asked here. */
  readonly missing: string | undefined;
  /** @param dir A directory to work in. @throws {Error} It reads something else than we do. */
  readonly check: (archive: string, own: Own, dir: string) => Promise<void>;
}

const goReaders = new Map<string, Promise<string>>();

const READERS: readonly Reader[] = [
  unpacking("tar", "GNU tar"),
  unpacking("bsdtar", "bsdtar"),
  {
    name: "Python's tarfile",
    missing: lacks("python3"),
    check: async (archive, own) => sameMembers(await readByPython(archive), own),
  },
  {
    name: "Go's archive/tar and compress/gzip",
    missing: lacks("go"),
    check: async (archive, own, dir) => {
      const program = goReaders.get(dir) ?? buildGoReader(dir);
      goReaders.set(dir, program);
      sameMembers(await readByGo(await program, archive), own);
    },
  },
  gunzipping("gzip"),
  gunzipping("pigz"),
  {
    name: "7z",
    missing: lacks("7z"),
    check: async (archive, own, dir) => {
      const seen = await readBy7z(archive, join(dir, "7z"));
      const members = own.members.map((member) => ({ ...member, digest: "" }));
      sameMembers(seen, { members });
      assertEquals(seen.contents, own.contents);
    },
  },
];

function unpacking(program: "tar" | "bsdtar", name: string): Reader {
  return {
    name,
    missing: lacks(program) ?? (Deno.uid() === 0 ? undefined : "needs root, to unpack all modes"),
    check: async (archive, own, dir) =>
      sameMembers(await readByUnpacking(program, archive, join(dir, "unpacked")), own),
  };
}

/** `-t`, and the same tar inside. */
function gunzipping(program: "gzip" | "pigz"): Reader {
  return {
    name: program,
    missing: lacks(program),
    check: async (archive, own) => {
      if (!archive.endsWith(".gz")) return;
      await output([program, "-t", archive]);
      assertEquals(await digestOf([program, "-dc", archive]), own.tar);
    },
  };
}

function sameMembers(seen: Seen, own: Seen): void {
  const lines = ({ members }: Seen) => members.map(describe);
  const [theirs, ours] = [lines(seen), lines(own)];
  const differing = ours.filter((line, at) => theirs[at] !== line).slice(0, 5);
  const instead = theirs.filter((line, at) => ours[at] !== line).slice(0, 5);
  assertEquals(instead, differing);
  assertEquals(theirs.length, ours.length);
}

function describe({ name, kind, size, mode, mtime, link, digest }: Member): string {
  return [name, kind, size, mode, mtime, link, digest].join(" | ");
}

/** Reads every archive below a directory by every reader that is there. */
async function checkAll(directory: string, dir: string): Promise<void> {
  const archives = pathsBelow(directory).filter((path) => /\.tar(\.gz)?$/.test(path));
  assert(archives.length > 0, `no archive in ${directory}`);
  let members = 0;
  const seconds = new Map<string, number>();
  const timed = async <T>(name: string, doing: () => Promise<T>): Promise<T> => {
    const started = performance.now();
    const result = await doing();
    seconds.set(name, (seconds.get(name) ?? 0) + (performance.now() - started) / 1000);
    return result;
  };
  for (const path of archives) {
    const archive = join(directory, path);
    const own = await timed("kbuild", () => readOwn(archive));
    assert(own.members.length > 0, path);
    members += own.members.length;
    for (const { name, missing, check } of READERS) {
      if (missing !== undefined) continue;
      try {
        await timed(name, () => check(archive, own, dir));
      } catch (error) {
        throw new Error(`${name} and ${path}: ${(error as Error).message}`, { cause: error });
      }
    }
  }
  const times = [...seconds].map(([name, time]) => `${name} ${time.toFixed(1)} s`);
  console.log(`${archives.length} archives, ${members} members: ${times.join(", ")}`);
}

const present = READERS.filter(({ missing }) => missing === undefined).map(({ name }) => name);
const absent = READERS.filter(({ missing }) => missing !== undefined);
const readBy = `is read the same by ${present.join(", ")}` + absent
  .map(({ name, missing }) => ` (not by ${name}: ${missing})`).join("");

for (const era of ["1.7", "1.20", "1.28", "1.35", "latest"] as const) {
  Deno.test({
    ...unless(
      missingFor(era),
      `every archive of a release of ${era} ${readBy}, and verify-release finds nothing wrong`,
    ),
    fn: () =>
      inScratch(async (dir) => {
        const out = join(await sharedRelease(era), "_output");
        await checkAll(join(out, "release-tars"), dir);
        const images = pathsBelow(out).some((path) => path.startsWith("release-images/"));
        await checkAll(join(out, images ? "release-images" : "release-stage/server"), dir);
        await kbuildOk(["verify-release", out], { cwd: dir });
      }),
  });
}

const GIVEN = Deno.env.get("KBUILD_TEST_RELEASE");

Deno.test({
  ...unless(
    GIVEN === undefined && "KBUILD_TEST_RELEASE is not set",
    `every archive of KBUILD_TEST_RELEASE ${readBy}`,
  ),
  fn: () => inScratch((dir) => checkAll(GIVEN!, dir)),
});
