import { assert } from "@std/assert";
import { CONFIG_KEYS } from "../../src/checkout/mod.ts";

Deno.test("docs/kbuild.toml.md explains every key of the configuration", async () => {
  const text = await Deno.readTextFile(new URL("../../docs/kbuild.toml.md", import.meta.url));
  for (const key of CONFIG_KEYS) {
    for (const word of key.split(".")) assert(text.includes(`\`${word}\``), key);
  }
});
