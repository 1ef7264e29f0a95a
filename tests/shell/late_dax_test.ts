/** dax is loaded by the first template, and by nothing else. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { dirname, join, resolve, toFileUrl } from "@std/path";
import { createSample } from "../../src/sample/mod.ts";
import { createShell } from "../../src/shell/mod.ts";

const clone = resolve(import.meta.dirname ?? ".", "../..");
const config = join(clone, Deno.env.get("KBUILD_TEST_CONFIG") ?? "deno.npm.json");
const LOADED = "dax is loaded";

Deno.test("commands that start nothing, or only lists of arguments, do not load dax", async () => {
  const dir = await Deno.realPath(await Deno.makeTempDir({ prefix: "kbuild-late-dax-" }));
  try {
    const { imports } = JSON.parse(await Deno.readTextFile(config)) as {
      imports: Record<string, string>;
    };
    const absolute = Object.entries(imports).map(([name, target]) => [
      name,
      target.startsWith("./") ? toFileUrl(join(dirname(config), target)).href : target,
    ]);
    const dax = `data:text/javascript,throw new Error("${LOADED}"); export let CommandBuilder;`;
    const map = join(dir, "imports.json");
    await Deno.writeTextFile(
      map,
      JSON.stringify({ imports: { ...Object.fromEntries(absolute), dax } }),
    );
    const env = { ...Deno.env.toObject(), NO_COLOR: "1" };
    const shell = createShell({ cwd: dir, env });
    const deno = (...args: string[]) =>
      shell.run(
        [
          ...[Deno.execPath(), "run", "-A", "--no-check", "--no-lock", "--config", config],
          ...["--import-map", map, ...args],
        ],
        { allowed: "any" },
      );
    const template = join(dir, "template.ts");
    await Deno.writeTextFile(
      template,
      `import { createShell } from ${JSON.stringify(join(clone, "src/shell/mod.ts"))};
      const { run, $ } = createShell({ cwd: "/", env: Deno.env.toObject() });
      console.log((await run(["echo", "started"])).stdout);
      await $\`true\`;`,
    );
    const used = await deno(template);
    assertEquals(used.stdout.trim(), "started");
    assertStringIncludes(used.tail.join("\n"), LOADED);

    const root = join(dir, "kubernetes");
    await createSample({ dir: root, era: "1.20", git: shell, env });
    for (const command of [["--help"], ["version"], ["inspect"], ["plan", "all"]]) {
      const { code, tail } = await deno(join(clone, "main.ts"), ...command, "--root", root);
      assertEquals(code, 0, tail.join("\n"));
      assert(!tail.join("\n").includes(LOADED));
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
