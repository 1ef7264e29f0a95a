/** Every value that `npm/types/*.d.ts` declares is there when the program runs. */
import { assert, assertEquals } from "@std/assert";

const types = new URL("../../npm/types/", import.meta.url);
const declarations = Array.from(Deno.readDirSync(types), (entry) => entry.name)
  .filter((name) => name.endsWith(".d.ts"))
  .sort();

/** `fmt_bytes.d.ts` declares `@std/fmt/bytes`. */
function moduleOf(declaration: string): string {
  return `@std/${declaration.slice(0, -".d.ts".length).replaceAll("_", "/")}`;
}

Deno.test("npm/types holds declarations", () => {
  assert(declarations.length > 0);
});

for (const declaration of declarations) {
  const bare = moduleOf(declaration);
  Deno.test(`${bare} exports what npm/types/${declaration} declares`, async () => {
    const text = await Deno.readTextFile(new URL(declaration, types));
    const declared = text.matchAll(
      /^export (?:declare )?(?:abstract )?(function|const|class) (\w+)/gm,
    );
    const module: Record<string, unknown> = await import(bare);
    let count = 0;
    for (const [, kind, name = ""] of declared) {
      count++;
      assert(name in module, `"${bare}" has no export "${name}"`);
      if (kind !== "const") assertEquals(typeof module[name], "function", name);
    }
    assert(count > 0, `Cannot find a declared value in "${declaration}"`);
  });
}
