import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { KbuildError } from "../../src/errors.ts";
import { createLogger } from "../../src/lib/logging.ts";
import { openStore } from "../../src/store/mod.ts";
import { bytesOf, keyOf } from "./_files.ts";
import { inTempDir } from "./_kinds.ts";

const silent = createLogger({ write: () => {} });

Deno.test("openStore() takes no directory with other things in it", () =>
  inTempDir(async (dir) => {
    await Deno.writeTextFile(join(dir, "thesis"), "text");
    const error = await assertRejects(() => openStore(dir, { log: silent, cwd: "/" }), KbuildError);
    assertEquals(error.exitCode, 2);
    assertMatch(error.message, /thesis" is something that kbuild did not make/);
    assertEquals([...Deno.readDirSync(dir)].map(({ name }) => name), ["thesis"]);
  }));

Deno.test("openStore() goes on without a directory that cannot be had, and says so", () =>
  inTempDir(async (dir) => {
    const lines: string[] = [];
    const log = createLogger({ write: (text) => void lines.push(text) });
    const open = (url: string, readOnly = false) => openStore(url, { log, cwd: dir, readOnly });
    assertEquals(await open("not/mounted"), undefined);
    assertEquals(await open("missing", true), undefined);
    await Deno.writeTextFile(join(dir, "file"), "");
    const error = await assertRejects(() => open("file"), KbuildError);
    assertEquals(error.exitCode, 2);
    assertEquals(lines.length, 2);
    for (const line of lines) assertMatch(line, /WARNING: The store ".*" is not used: /);
    assertEquals(await openStore(undefined, { log, cwd: dir }), undefined);
  }));

Deno.test("openStore() takes what a server of the protocol has written", () =>
  inTempDir(async (dir) => {
    await Deno.mkdir(join(dir, "ac"));
    await Deno.mkdir(join(dir, "cas"));
    using store = await openStore(dir, { log: silent, cwd: "/" });
    await store!.saveValue(keyOf("value"), bytesOf(100));
    assertEquals(await store!.value(keyOf("value")), bytesOf(100));
  }));

Deno.test("openStore() is not led outside by links, and reads nothing that would hang", () =>
  inTempDir(async (dir) => {
    const lines: string[] = [];
    const log = createLogger({ write: (text) => void lines.push(text) });
    using store = await openStore("s", { log, cwd: dir });
    await store!.saveValue(keyOf("value"), bytesOf(100));
    const path = join(dir, "s", "ac", keyOf("value"));
    await Deno.remove(path);
    await new Deno.Command("mkfifo", { args: [path] }).output();
    assertEquals(await store!.value(keyOf("value")), undefined);
    await Deno.remove(path);
    await Deno.writeFile(join(dir, "own"), bytesOf(100));
    await Deno.symlink(join(dir, "own"), path);
    await store!.saveValue(keyOf("value"), bytesOf(50));
    assertEquals(await Deno.readFile(join(dir, "own")), bytesOf(100));
    assertEquals(await store!.value(keyOf("value")), bytesOf(50));
    assertMatch(lines.join(""), /it is a named pipe/);
  }));
