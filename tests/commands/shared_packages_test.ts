/** Packages as units of work: their keys in a plan, and a store that has them for other machines. */
import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { join } from "@std/path";
import { createHash } from "node:crypto";
import { bytesEntry, packTarball } from "../../src/archive/mod.ts";
import { filesBelow } from "../../src/files/mod.ts";
import { tinyProgram } from "../audit/_programs.ts";
import {
  discard,
  inScratch,
  kbuild,
  kbuildOk,
  listing,
  makeSample,
  unless,
  which,
} from "../e2e/_program.ts";

const needs = (what: string) => unless(which("git") === undefined && "needs git", what);

interface Unit {
  readonly id: string;
  readonly platform: string;
  readonly key: string | null;
  readonly leaves: readonly string[];
}

/** A sample with made-up programs. */
async function withPrograms(root: string, text = "kubectl"): Promise<string> {
  await makeSample("1.20", root);
  const directory = join(root, "_output/local/bin/linux/amd64");
  await Deno.mkdir(directory, { recursive: true });
  for (const name of ["kubeadm", "kubectl"]) {
    const program = { platform: "linux/amd64", versions: ["v1.20.2"] };
    const bytes = tinyProgram({ ...program, text: name === "kubectl" ? text : name });
    await Deno.writeFile(join(directory, name), bytes, { mode: 0o755 });
  }
  return root;
}

const WORDS = ["packages", "--packages", "kubeadm,kubectl"];

async function unitsOf(root: string, ...flags: string[]): Promise<readonly Unit[]> {
  const json = await kbuildOk(["plan", "--units", "--json", ...WORDS, ...flags], { cwd: root });
  return (JSON.parse(json) as { units: readonly Unit[] }).units;
}

/** Digests by path of packages and of the index over them. */
async function filesOf(root: string): Promise<Record<string, string>> {
  const directory = join(root, "_output/release-packages");
  const found: Record<string, string> = {};
  for (const path of await filesBelow(directory)) {
    const bytes = await Deno.readFile(join(directory, path));
    found[path] = createHash("sha256").update(bytes).digest("hex");
  }
  return found;
}

/** Makes packages and an index: results by the names of units, the log, and digests of all files. */
async function make(root: string, ...flags: string[]) {
  const events = join(root, "_output/events.jsonl");
  const words = [...WORDS, "--repository", ...flags, "--events", events];
  const { code, stderr } = await kbuild(words, { cwd: root });
  assertEquals(code, 0, stderr);
  const ids = new Map<string, string>();
  const results: Record<string, string> = {};
  for (const line of (await Deno.readTextFile(events)).trim().split("\n")) {
    const event = JSON.parse(line);
    if (event.event === "unit.queued" && event.kind === "package") ids.set(event.id, event.name);
    const name = event.event === "unit.end" ? ids.get(event.id) : undefined;
    if (name !== undefined) results[name] = event.result;
  }
  await Deno.remove(events);
  return { results, stderr, files: await filesOf(root) };
}

const NAMES = [
  "kubeadm_1.20.2-00_amd64.deb",
  "kubeadm-1.20.2-0.x86_64.rpm",
  "kubectl_1.20.2-00_amd64.deb",
  "kubectl-1.20.2-0.x86_64.rpm",
];

const all = (result: string) => Object.fromEntries(NAMES.map((name) => [name, result]));

Deno.test({
  ...needs("kbuild plan --units packages: each package has a key, the same on another path"),
  fn: () =>
    inScratch(async (dir) => {
      const root = await withPrograms(join(dir, "kube rnetes"));
      const before = listing(root);
      const units = await unitsOf(root);
      assertEquals(units.map(({ id }) => id), NAMES.map((name) => `package ${name}`));
      assertEquals(units[1]?.leaves, [`_output/release-packages/rpm/x86_64/${NAMES[1]}`]);
      assertEquals([...new Set(units.map(({ platform }) => platform))], ["linux/amd64"]);
      const keys = units.map(({ key }) => key);
      assertEquals(new Set(keys).size, 4);
      for (const key of keys) assertMatch(key ?? "", /^[0-9a-f]{64}$/);
      assertMatch(
        await kbuildOk(["plan", "--units", ...WORDS], { cwd: root }),
        new RegExp(`^package ${NAMES[0]} +${keys[0]}$`, "m"),
      );
      // Where the packages go is not in them.
      const moved = await unitsOf(root, "--to", join(dir, "to"));
      assertEquals(moved.map(({ key }) => key), keys);
      const fast = await unitsOf(root, "--compression-level", "fast");
      assertEquals(fast.filter(({ key }) => keys.includes(key)), []);
      assertEquals(listing(root), before);

      const other = await withPrograms(join(dir, "another place"), "changed");
      const [a, b, c, d] = (await unitsOf(other)).map(({ key }) => key);
      assertEquals([a, b], keys.slice(0, 2));
      assertNotEquals([c, d], keys.slice(2));
      assert(!keys.includes(c!) && !keys.includes(d!));
    }),
});

Deno.test({
  ...needs("packages come from a store with the same bytes, and only those of the same key"),
  fn: () =>
    inScratch(async (dir) => {
      const store = ["--store", join(dir, "a store")];
      const first = await withPrograms(join(dir, "one"));
      const plain = await make(first);
      assertEquals(plain.results, all("made"));
      discard(join(first, "_output/release-packages"));
      discard(join(first, "_output/.kbuild-cache"));
      const saved = await make(first, ...store);
      assertEquals(saved.results, all("made"));
      assertMatch(saved.stderr, /0 files fetched .* 4 results saved/);
      assertEquals(saved.files, plain.files);

      const second = await withPrograms(join(dir, "another place"));
      const taken = await make(second, ...store, "--store-read-only");
      assertEquals(taken.results, all("reused"));
      assertMatch(taken.stderr, /4 files fetched .* 0 results saved/);
      assertEquals(taken.files, plain.files);

      // The same programs with another revision, and another program.
      const third = await withPrograms(join(dir, "third"), "changed");
      const changed = await make(third, ...store);
      assertEquals(Object.values(changed.results), ["reused", "reused", "made", "made"]);
      const other = await make(second, ...store, "--revision", "7");
      assertEquals(new Set(Object.values(other.results)), new Set(["made"]));
    }),
});

Deno.test({
  ...needs("packages of published programs come from a store, too"),
  fn: () =>
    inScratch(async (dir) => {
      const program = tinyProgram({ versions: [], linksVersion: false });
      const entry = bytesEntry("crictl", program, { mtime: 1, mode: 0o755 });
      const made = [];
      for (const place of ["one", "another place"]) {
        const root = await withPrograms(join(dir, place, "kubernetes"));
        const tarball = join(dir, place, "crictl-v1.19.0-linux-amd64.tar.gz");
        await packTarball([entry], tarball);
        const words = ["--packages", "cri-tools", "--tarball", tarball];
        made.push(await make(root, ...words, "--store", join(dir, "store")));
      }
      const [first, second] = made;
      const packages = ["cri-tools_1.19.0-00_amd64.deb", "cri-tools-1.19.0-0.x86_64.rpm"];
      assertEquals(packages.map((name) => first?.results[name]), ["made", "made"]);
      assertEquals(packages.map((name) => second?.results[name]), ["reused", "reused"]);
      assertEquals(second?.files, first?.files);
    }),
});

Deno.test({
  ...needs("a package that was changed in the store is refused by name, and made again"),
  fn: () =>
    inScratch(async (dir) => {
      const store = join(dir, "store");
      const root = await withPrograms(join(dir, "kubernetes"));
      const { files } = await make(root, "--store", store);
      const digest = files[`deb/${NAMES[2]}`]!;
      const path = join(store, "cas", digest);
      const bytes = await Deno.readFile(path);
      bytes[bytes.length - 1]! ^= 1;
      await Deno.writeFile(path, bytes);
      const again = await make(root, "--store", store);
      assertMatch(again.stderr, new RegExp(`"${NAMES[2]}" \\(sha256:${digest}\\) is damaged`));
      assertEquals(again.results, { ...all("reused"), [NAMES[2]!]: "made" });
      assertEquals(again.files, files);
      // What was made took the place of what was damaged.
      assertEquals((await make(root, "--store", store)).results, all("reused"));
    }),
});
