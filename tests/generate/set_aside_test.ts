import { assertEquals } from "@std/assert";
import { dirname, join } from "@std/path";
import { ifPresent } from "../../src/files/mod.ts";
import type { Checkout } from "../../src/checkout/mod.ts";
import type { KubeContext } from "../../src/lib/init.ts";
import { type GeneratorsPlan, runGenerators } from "../../src/generate/mod.ts";
import { AsideFiles } from "../../src/generate/set_aside.ts";

const [A, B, OTHER] = ["pkg/a/zz.go", "pkg/b c/zz.go", "pkg/other/zz.go"] as const;

/** A checkout with the files {@linkcode A} and {@linkcode B}, and its contents by path; "" where there is none. */
async function withCheckout(
  test: (made: {
    context: { root: string; output: string };
    write(path: string, text: string): Promise<void>;
    texts(): Promise<readonly string[]>;
    isClear(): Promise<boolean>;
  }) => Promise<void>,
): Promise<void> {
  const root = await Deno.makeTempDir({ prefix: "kbuild aside " });
  try {
    const context = { root, output: join(root, "_output") };
    const write = async (path: string, text: string) => {
      await Deno.mkdir(dirname(join(root, path)), { recursive: true });
      await Deno.writeTextFile(join(root, path), text);
    };
    await write(A, "a");
    await write(B, "b");
    await test({
      context,
      write,
      texts: () =>
        Promise.all(
          [A, B, OTHER].map(async (path) =>
            await ifPresent(Deno.readTextFile(join(root, path))) ?? ""
          ),
        ),
      isClear: async () =>
        await ifPresent(Deno.stat(join(context.output, ".kbuild/replaced"))) === undefined,
    });
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

const OUTPUTS = new Set([A, B]);

Deno.test("AsideFiles puts back what nothing has replaced, also when a generator fails", () =>
  withCheckout(async ({ context, write, texts, isClear }) => {
    {
      await using aside = new AsideFiles(context, OUTPUTS);
      await aside.take([A, B]);
      assertEquals(await texts(), ["", "", ""]);
      await write(A, "new");
    }
    assertEquals(await texts(), ["new", "b", ""]);
    assertEquals(await isClear(), true);
  }));

Deno.test("AsideFiles takes care of what a killed run has left", () =>
  withCheckout(async ({ context, write, texts, isClear }) => {
    await new AsideFiles(context, OUTPUTS).take([A, B]);
    // Of another branch.
    await write(join("_output/.kbuild/replaced", OTHER), "other");
    await write(B, "new");
    {
      // A run that takes nothing away.
      await using aside = new AsideFiles(context, OUTPUTS);
      await aside.putBack();
    }
    assertEquals(await texts(), ["a", "new", ""]);
    assertEquals(await isClear(), true);
  }));

Deno.test("runGenerators() puts back what a killed run has left, also when nothing is made", () =>
  withCheckout(async ({ context, texts, isClear }) => {
    await new AsideFiles(context, OUTPUTS).take([A]);
    const plan = { tools: undefined, tasks: [], found: { outputs: OUTPUTS, isNew: false } };
    await runGenerators(
      context as KubeContext,
      {} as Checkout,
      plan as unknown as GeneratorsPlan,
    );
    assertEquals([await texts(), await isClear()], [["a", "b", ""], true]);
  }));

Deno.test("AsideFiles leaves the tree as it is when a file cannot be taken away", () =>
  withCheckout(async ({ context, write, texts }) => {
    // A file where the directory is to be.
    await write("_output/.kbuild/replaced/pkg/b c", "in the way");
    const failed = await (async () => {
      await using aside = new AsideFiles(context, OUTPUTS);
      await aside.take([A, B]);
    })().then(() => false, () => true);
    assertEquals(failed, true);
    assertEquals(await texts(), ["a", "b", ""]);
  }));
