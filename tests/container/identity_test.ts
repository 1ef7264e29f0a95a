/** Which checkout a container is of: those with the same path on other machines use the same engine. */
import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { join } from "@std/path";
import { identityOf, isAlive, ownerOf } from "../../src/container/mod.ts";
import { ENV, inScratch, kbuildArgv, makeSample, output, run } from "../e2e/_program.ts";
import { ANSWERS, fakeEngine } from "./_engines.ts";

const ROOT = "/src/kubernetes";
const OWN = { root: ROOT, identity: "0123456789abcdef" };
const container = (Labels: Record<string, string> | null, State: Record<string, unknown> = {}) =>
  ({ Config: { Labels }, State }) as Parameters<typeof ownerOf>[0];

Deno.test("identityOf() stays when outputs are removed, and is another one for a copy", () =>
  inScratch(async (dir) => {
    const root = join(dir, "kubernetes");
    await Deno.mkdir(join(root, "_output"), { recursive: true });
    const first = await identityOf(root);
    assertMatch(first, /^[0-9a-f]{16}$/);
    await Deno.remove(join(root, "_output"));
    await Deno.writeTextFile(join(root, "new"), "");
    assertEquals(await identityOf(root), first);
    // The same path, and another directory.
    await output(["cp", "-a", root, `${root}.copy`]);
    await Deno.rename(root, `${root}.old`);
    await Deno.rename(`${root}.copy`, root);
    assertNotEquals(await identityOf(root), first);
  }));

Deno.test("ownerOf() tells checkouts at one path apart, and knows those of older kbuilds by the engine", () => {
  const table = [
    [{ "kbuild.root": ROOT, "kbuild.checkout": OWN.identity }, "own", "own"],
    [{ "kbuild.root": ROOT, "kbuild.checkout": "another" }, "other", "other"],
    [{ "kbuild.root": ROOT }, "own", "other"],
    [{ "kbuild.root": "/else", "kbuild.checkout": OWN.identity }, undefined, undefined],
    [{}, undefined, undefined],
    [null, undefined, undefined],
  ] as const;
  for (const [labels, here, elsewhere] of table) {
    assertEquals(ownerOf(container(labels), OWN, { isRemote: false }), here);
    assertEquals(ownerOf(container(labels), OWN, { isRemote: true }), elsewhere);
  }
});

Deno.test("isAlive() is what runs, and what is about to", () => {
  const alive = (State: Record<string, unknown>) => isAlive(container({}, State));
  const table: readonly (readonly [State: Record<string, unknown>, alive: boolean])[] = [
    [{ Running: true }, true],
    [{ Running: true, Status: "running" }, true],
    [{ Running: false, Status: "created" }, true],
    [{ Running: false, Status: "paused" }, true],
    [{ Running: false, Status: "exited" }, false],
    [{ Running: false, Status: "dead" }, false],
    [{ Running: false }, false],
  ];
  for (const [state, wanted] of table) assertEquals(alive(state), wanted, JSON.stringify(state));
});

Deno.test("kbuild run takes a name that containers of other checkouts do not have, and removes none of them", () =>
  inScratch(async (dir) => {
    const root = await makeSample("latest", join(dir, "kubernetes"));
    const bin = join(dir, "bin");
    const other = '{"State":{"Running":true},"Config":{"Labels":{' +
      `"kbuild.root":"${root}","kbuild.checkout":"another"}}}`;
    // The engine has two of them, under the usual names; commands of this checkout wait for each other.
    const answers = `case "$1 $2" in
  "container inspect") case "$5" in *-6 | *-6-2) echo '${other}'; exit ;; esac ;;
esac
${ANSWERS}
[ "$1" != run ] || {
  touch '${dir}'/"$$.started"
  until [ -e '${dir}/end' ]; do sleep 0.05; done
}
`;
    const starts = await fakeEngine(bin, "docker", answers);
    const env = { PATH: `${bin}:${ENV["PATH"]}` };
    const start = () => run(kbuildArgv("run", "--engine", "docker", "true"), { cwd: root, env });
    const both = [start(), start()];
    const started = () => [...Deno.readDirSync(dir)].filter(({ name }) => /\.started$/.test(name));
    while (started().length < 2) await new Promise((resolve) => setTimeout(resolve, 50));
    await Deno.writeTextFile(join(dir, "end"), "");
    for (const { code, stderr } of await Promise.all(both)) assertEquals(code, 0, stderr);
    const all = await starts();
    const names = all.filter(([word]) => word === "run").flatMap((words) =>
      words.filter((word) => word.startsWith("--name="))
    ).sort();
    const unique = (await identityOf(root)).slice(0, 6);
    assertEquals(names.map((name) => name.replace(/^.*?-6-/, "")), [unique, `${unique}-2`]);
    assert(!all.some(([word]) => word === "rm"), JSON.stringify(all));
  }));
