/** Both import maps, the exports, and the lint rule say the same names. */
import { assertEquals } from "@std/assert";
import denoConfig from "../../deno.json" with { type: "json" };
import npmConfig from "../../deno.npm.json" with { type: "json" };
import packageJson from "../../package.json" with { type: "json" };
import { BARE_NAMES } from "../../scripts/lint_rules.ts";

const OWN = "@k8s/kbuild";

Deno.test("deno.npm.json maps what deno.json maps", () => {
  const npm = Object.keys(npmConfig.imports).filter((name) => !name.startsWith(OWN));
  // deno.json names packages, deno.npm.json modules: `@std/fmt` and `@std/fmt/bytes`.
  const packages = [...new Set(npm.map((name) => name.split("/").slice(0, 2).join("/")))];
  // dax needs no entry: it is an npm package of that name.
  assertEquals([...packages, "dax"].sort(), Object.keys(denoConfig.imports).sort());
  assertEquals([...npm, "dax"].sort(), [...BARE_NAMES].sort());
});

Deno.test("deno.npm.json knows kbuild's modules by the names that deno.json exports", () => {
  const own = Object.entries(npmConfig.imports).filter(([name]) => name.startsWith(OWN));
  const exported = Object.entries(denoConfig.exports).filter(([name]) => name !== "./cli")
    .map(([name, path]) => [name.replace(".", OWN), path]);
  assertEquals(own.sort(), exported.sort());
});

Deno.test("package.json brings no program called deno, which deno task would start", () => {
  const { dependencies, devDependencies } = packageJson;
  assertEquals(Object.keys({ ...dependencies, ...devDependencies }).includes("deno"), false);
});

Deno.test("both configurations check and lint alike", () => {
  assertEquals(npmConfig.compilerOptions, denoConfig.compilerOptions);
  assertEquals(npmConfig.lint, denoConfig.lint);
  assertEquals(npmConfig.fmt, denoConfig.fmt);
});
