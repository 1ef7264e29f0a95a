import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { createHash } from "node:crypto";
import { dirname, join } from "@std/path";
import { KbuildError } from "../../src/errors.ts";
import { hex } from "../../src/files/mod.ts";
import { goCacheMachine, serveGoCache } from "../../src/lib/golang/mod.ts";
import { createLogger } from "../../src/lib/logging.ts";
import { openStore, type Store } from "../../src/store/mod.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);
const base64 = (bytes: Uint8Array) => bytes.toBase64();
const sha256 = (text: string) => new Uint8Array(createHash("sha256").update(text).digest());

const put = (ID: number, action: string, body: string) => {
  const request = { ID, Command: "put", BodySize: body.length };
  const ids = { ActionID: base64(sha256(action)), OutputID: base64(sha256(body)) };
  const line = JSON.stringify({ ...request, ...ids });
  return body === "" ? `${line}\n` : `${line}\n"${base64(bytesOf(body))}"\n`;
};
const get = (ID: number, action: string) =>
  `${JSON.stringify({ ID, Command: "get", ActionID: base64(sha256(action)) })}\n`;
const close = (ID: number) => `${JSON.stringify({ ID, Command: "close" })}\n`;

type Answer = Readonly<Record<string, unknown>>;

/** One start of the program by a Go: what it answers, by the IDs of the requests. */
async function session(
  directory: string,
  store: Store | undefined,
  requests: readonly string[],
  { machine = "this", size = 7 }: {
    machine?: string | (() => Promise<string>);
    size?: number;
  } = {},
): Promise<ReadonlyMap<unknown, Answer>> {
  const bytes = bytesOf(requests.join(""));
  async function* input() {
    // In pieces that end anywhere.
    for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size);
    await Promise.resolve();
  }
  const answers = new Map<unknown, Answer>();
  await serveGoCache({
    ...{ input: input(), directory, store },
    machine: typeof machine === "string" ? () => Promise.resolve(machine) : machine,
    answer(line) {
      const { ID, ...rest } = JSON.parse(line);
      assert(!answers.has(ID), `two answers to ${ID}`);
      answers.set(ID, rest);
    },
  });
  return answers;
}

async function withStore(
  test: (made: { dir: string; open: () => Promise<Store>; log: string[] }) => Promise<void>,
): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "kbuild go cache " });
  const log: string[] = [];
  try {
    const open = async () =>
      (await openStore(join(dir, "store"), {
        cwd: dir,
        log: createLogger({ write: (text) => log.push(text) }),
      }))!;
    await test({ dir, open, log });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

Deno.test("serveGoCache() gives other machines what this one has put, and nothing of one that differs", () =>
  withStore(async ({ dir, open }) => {
    using store = await open();
    const large = "large ".repeat(50_000);
    const first = await session(join(dir, "first"), store, [
      ...[put(1, "one", "output"), put(2, "empty", ""), put(3, "large", large), close(4)],
    ], { size: 1000 });
    assertEquals(first.get(0), { KnownCommands: ["get", "put", "close"] });
    assertEquals(first.get(4), {});

    const asked = [get(1, "one"), get(2, "empty"), get(3, "large"), get(4, "other"), close(5)];
    // The input may end without "close".
    for (const requests of [asked, asked.slice(0, -1)]) {
      const second = await session(join(dir, "second"), store, requests);
      for (const [id, body] of [[1, "output"], [2, ""], [3, large]] as const) {
        const { OutputID, Size, DiskPath } = second.get(id)!;
        assertEquals([OutputID, Size], [base64(sha256(body)), body.length]);
        assertEquals(await Deno.readTextFile(DiskPath as string), body);
      }
      assertEquals(second.get(4), { Miss: true });
    }
    const other = await session(join(dir, "third"), store, asked, { machine: "other" });
    assertEquals([1, 2, 3, 4].map((id) => other.get(id)), Array(4).fill({ Miss: true }));
  }));

Deno.test("serveGoCache() keeps to itself what has times of files in its key: indexes, and what tests have opened", () =>
  withStore(async ({ dir, open }) => {
    using store = await open();
    const puts = [
      ...[put(1, "index", "go index v2\nrest"), put(2, "log", "# test log\nopen x\n")],
      put(3, "result", "ok\n"),
    ];
    const gets = [get(4, "index"), get(5, "log"), get(6, "result"), close(7)];
    const here = await session(join(dir, "first"), store, [...puts, ...gets]);
    assertEquals([4, 5, 6].map((id) => here.get(id)?.["Miss"]), [undefined, undefined, undefined]);
    const there = await session(join(dir, "second"), store, gets);
    assertEquals([4, 5, 6].map((id) => there.get(id)?.["Miss"]), [true, true, undefined]);
  }));

Deno.test("serveGoCache() takes a damaged output for a miss, of the store and of this machine", () =>
  withStore(async ({ dir, open, log }) => {
    using store = await open();
    await session(join(dir, "first"), store, [put(1, "one", "output"), close(2)]);
    const digest = hex(sha256("output"));
    for await (const { name } of Deno.readDir(join(dir, "store", "cas"))) {
      const path = join(dir, "store", "cas", name);
      const info = await Deno.stat(path);
      const file = info.isFile ? path : join(path, digest);
      await Deno.writeTextFile(file, "OUTPUT");
    }
    const asked = [get(1, "one"), close(2)];
    const second = await session(join(dir, "second"), store, asked);
    assertEquals(second.get(1), { Miss: true });
    assert(log.some((line) => line.includes("is damaged or was changed")), log.join(""));
    // Cut off here.
    await Deno.writeTextFile(join(dir, "first", digest.slice(0, 2), `${digest}-d`), "out");
    assertEquals((await session(join(dir, "first"), store, asked)).get(1), { Miss: true });
  }));

Deno.test("serveGoCache() answers an output that cannot be written with an error, and goes on", () =>
  withStore(async ({ dir, open }) => {
    using store = await open();
    const directory = join(dir, "first");
    await Deno.writeTextFile(directory, "a file where the cache is to be");
    const answers = await session(directory, store, [
      ...[put(1, "one", "output"), get(2, "one"), close(3)],
    ]);
    assertEquals(typeof answers.get(1)?.["Err"], "string");
    assertEquals([answers.get(2), answers.get(3)], [{ Miss: true }, {}]);
  }));

Deno.test("serveGoCache() asks about the machine once, when the store is needed; without an answer the store is not used", () =>
  withStore(async ({ dir, open }) => {
    using store = await open();
    let asked = 0;
    const machine = () => {
      asked++;
      return Promise.resolve("this");
    };
    const local = join(dir, "first");
    await session(local, undefined, [put(1, "one", "output"), close(2)], { machine });
    const known = await session(local, store, [get(1, "one"), close(2)], { machine });
    assertEquals([known.get(1)?.["Miss"], asked], [undefined, 0]);
    const requests = [put(1, "two", "other"), get(2, "three"), get(3, "four"), close(4)];
    await session(local, store, requests, { machine });
    assertEquals(asked, 1);

    const unreadable = () => Promise.reject(new Error("a compiler cannot be read"));
    const { saved } = store.counts;
    const there = await session(join(dir, "second"), store, [
      ...[get(1, "two"), put(2, "five", "fifth"), get(3, "five"), close(4)],
    ], { machine: unreadable });
    assertEquals(there.get(1), { Miss: true });
    assertEquals([there.get(3)?.["Miss"], store.counts.saved], [undefined, saved]);
  }));

Deno.test("serveGoCache() answers Go while a store takes its time, and ends when it has everything", () =>
  withStore(async ({ dir, open }) => {
    using store = await open();
    const { promise: isAnswered, resolve: answered } = Promise.withResolvers<void>();
    let saved = 0;
    const slow = {
      isWritable: true,
      result: (key: string) => store.result(key),
      save: async () => {
        await isAnswered;
        await Promise.resolve();
        saved++;
        return true;
      },
    } as unknown as Store;
    async function* input() {
      for (let id = 1; id <= 20; id++) yield bytesOf(put(id, `${id}`, `output ${id}`));
      yield bytesOf(get(21, "1"));
      await isAnswered;
      yield bytesOf(close(22));
    }
    let savedAtClose: number | undefined;
    await serveGoCache({
      ...{ input: input(), directory: join(dir, "first"), store: slow },
      machine: () => Promise.resolve("this"),
      answer(line) {
        const { ID, Miss } = JSON.parse(line);
        if (ID === 21) {
          assertEquals([Miss, saved], [undefined, 0]);
          answered();
        }
        if (ID === 22) savedAtClose = saved;
      },
    });
    assertEquals(savedAtClose, 20);
  }));

Deno.test("serveGoCache() says that something else than Go has started it", () =>
  withStore(async ({ dir }) => {
    const error = await assertRejects(
      () => session(join(dir, "first"), undefined, ["hello\n"]),
      KbuildError,
      "a line is not a request",
    );
    assert(error.notes.some((note) => note.includes("GOCACHEPROG")));
  }));

Deno.test("goCacheMachine() fails if a compiler cannot be read", async () => {
  const dir = await Deno.makeTempDir({ prefix: "kbuild machine " });
  try {
    // A directory in place of the file: permissions do not stop root.
    await Deno.mkdir(join(dir, "pkg/tool/linux_amd64/compile"), { recursive: true });
    await assertRejects(() => goCacheMachine({ GOROOT: dir, CGO_ENABLED: "0" }), Error, "compile");
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("goCacheMachine() counts Go's programs, and with cgo headers of all C compilers", async () => {
  const dir = await Deno.makeTempDir({ prefix: "kbuild machine " });
  try {
    const write = async (path: string, text: string) => {
      await Deno.mkdir(dirname(join(dir, path)), { recursive: true });
      await Deno.writeTextFile(join(dir, path), text);
      await Deno.utime(join(dir, path), 1, 1);
    };
    const machine = (env: Readonly<Record<string, string>>) =>
      goCacheMachine({ GOROOT: join(dir, "go"), ...env }, join(dir, "usr"));
    const both = async () => await Promise.all([machine({}), machine({ CGO_ENABLED: "0" })]);
    await write("go/pkg/tool/linux_amd64/compile", "one");
    await write("usr/include/stdio.h", "one");
    const [cgo, plain] = await both();
    assertNotEquals(await machine({ CPATH: "/opt/include" }), cgo);
    assertEquals(await both(), [cgo, plain]);
    await write("usr/aarch64-linux-gnu/include/stdio.h", "one");
    const [cross, same] = await both();
    assertEquals(same, plain);
    assertNotEquals(cross, cgo);
    // A patched compiler of the same version and size.
    await write("go/pkg/tool/linux_amd64/compile", "two");
    const [patched, patchedToo] = await both();
    assertNotEquals(patched, cross);
    assertNotEquals(patchedToo, plain);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
