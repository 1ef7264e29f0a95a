import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { KbuildError } from "../../src/errors.ts";
import { databaseEndpoints, parseDatabase } from "../../src/toolchain/checksum_database.ts";
import { moduleProxies, parseNetrc } from "../../src/toolchain/module_proxy.ts";
import { openNote, parseNoteKey } from "../../src/toolchain/signed_note.ts";
import { recordHash, tilePath, treeHash } from "../../src/toolchain/transparency_log.ts";
import { makeLog } from "./_log.ts";

const SUM_GOLANG_ORG = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";

Deno.test("treeHash() is the hash of the log, from any of its records", async () => {
  const records = Array.from({ length: 66_000 }, (_, i) => `record ${i}\n`);
  for (const size of [1, 2, 3, 7, 255, 256, 257, 511, 513, 1000, 66_000]) {
    const log = makeLog(records.slice(0, size));
    const indices = new Set([0, 1, size >> 1, 255, 256, size - 2, size - 1]);
    for (const index of [...indices].filter((each) => each >= 0 && each < size)) {
      const asked: string[] = [];
      const read = (path: string, bytes: number) => {
        asked.push(path);
        const tile = log.tiles.get(path);
        assertEquals([path, tile?.length], [path, bytes]);
        return Promise.resolve(tile!);
      };
      const place = { index, size };
      assertEquals(await treeHash(recordHash(records[index]!), place, read), log.root);
      assertEquals(new Set(asked).size, asked.length, "a tile is read once");
      const other = await treeHash(recordHash("another record\n"), place, read);
      assertEquals(other.toString() === log.root.toString(), false);
    }
  }
});

Deno.test("tilePath() writes numbers in groups of three digits", () => {
  const table: [number, number, number, string][] = [
    [0, 0, 256, "tile/8/0/000"],
    [1, 67, 17, "tile/8/1/067.p/17"],
    [0, 1234067, 256, "tile/8/0/x001/x234/067"],
    [2, 1000, 1, "tile/8/2/x001/000.p/1"],
  ];
  for (const [level, n, width, path] of table) assertEquals(tilePath(level, n, width), path);
});

Deno.test("openNote() opens what sum.golang.org has signed, and nothing else", async () => {
  // As the database answered for a Go toolchain.
  const note = "go.sum database tree\n51745878\nCBoZUrSykalRTqlHJyj71knJu3++S4WJsSbQpighouQ=\n\n" +
    "\u2014 sum.golang.org Az3grpl0riSZW3i//vLWeqWnSr6encfA5eOVyQJma+n1BHg8lhGeyJxfgLOTuwjB2Afhmi" +
    "5RsN1PE7M2cLXU0LR/mwY=\n";
  const key = parseNoteKey(SUM_GOLANG_ORG)!;
  assertEquals(await openNote(note, key), note.slice(0, note.indexOf("\n\n") + 1));
  const other = "\u2014 other.test AAAAAAA=\n";
  assertEquals((await openNote(note + other, key))?.length, note.indexOf("\n\n") + 1);
  const changed: [string, string][] = [
    ["another number", note.replace("51745878", "51745879")],
    ["another signature", note.replace("Az3grpl0", "Az3grpl1")],
    ["another key hash", note.replace("Az3grpl0", "Bz3grpl0")],
    ["another name", note.replace("\u2014 sum", "\u2014 dum")],
    ["a text in front", `more\n${note}`],
    ["no signature", note.slice(0, note.indexOf("\u2014"))],
    ["no line end", note.trimEnd()],
    ["nothing", ""],
  ];
  for (const [what, text] of changed) {
    assertEquals([what, await openNote(text, key)], [what, undefined]);
  }
});

Deno.test("parseNoteKey() takes keys whose hash is right", () => {
  assertEquals(parseNoteKey(SUM_GOLANG_ORG)?.name, "sum.golang.org");
  for (
    const text of [
      "",
      "sum.golang.org",
      SUM_GOLANG_ORG.replace("033de0ae", "033de0af"),
      SUM_GOLANG_ORG.replace("sum.", "dum."),
      SUM_GOLANG_ORG.replace("+Ac4", "+Bc4"),
      SUM_GOLANG_ORG.slice(0, -4),
    ]
  ) assertEquals(parseNoteKey(text), undefined, text);
});

Deno.test("parseDatabase() reads GOSUMDB, and databaseEndpoints() says whom to ask", async () => {
  const proxies = await moduleProxies({}, {
    proxy: "https://proxy.test/go/,direct",
    mirrored: false,
  });
  assertEquals(proxies.map(({ url }) => url), ["https://proxy.test/go", "https://go.dev/dl/mod"]);
  const table: [string, string[]][] = [
    ["sum.golang.org", [
      "https://proxy.test/go/sumdb/sum.golang.org",
      "https://sum.golang.org",
    ]],
    [SUM_GOLANG_ORG, [
      "https://proxy.test/go/sumdb/sum.golang.org",
      "https://sum.golang.org",
    ]],
    ["sum.golang.org https://sums.test/", ["https://sums.test"]],
    ["sum.golang.google.cn", ["https://sum.golang.google.cn"]],
  ];
  for (const [text, urls] of table) {
    const database = parseDatabase(text);
    assertEquals(database?.key.name, "sum.golang.org");
    assertEquals(databaseEndpoints(database!, proxies).map(({ url }) => url), urls);
  }
  assertEquals(parseDatabase("off"), undefined);
  for (const text of ["sums.test", "sum.golang.org x y", "sum.golang.org nowhere", "off off"]) {
    const error = assertThrows(() => parseDatabase(text), KbuildError);
    assertStringIncludes(error.message, `"${text}" of GOSUMDB`);
  }
});

Deno.test("moduleProxies() reads GOPROXY as a list that ends at off", async () => {
  const table: [string, string[]][] = [
    ["https://a.test|https://b.test/x/", ["https://a.test", "https://b.test/x"]],
    ["direct", ["https://go.dev/dl/mod"]],
    ["https://a.test,off,https://b.test", ["https://a.test"]],
    ["off", []],
    [" https://a.test , ,", ["https://a.test"]],
  ];
  for (const [proxy, urls] of table) {
    const found = await moduleProxies({}, { proxy, mirrored: true });
    assertEquals(found.map(({ url }) => url), urls, proxy);
    assertEquals(found.every(({ rule }) => rule === "go-modules"), true);
  }
});

Deno.test("parseNetrc() reads machines and default, and passes over macros", () => {
  const entry = (machine: string | undefined, login: string, password: string) => ({
    machine,
    login,
    password,
  });
  const table: [string, ReturnType<typeof parseNetrc>][] = [
    ["", []],
    ["machine a login b password c", [entry("a", "b", "c")]],
    ["machine a\n\tpassword c\n\tlogin b\nmachine d login e", [entry("a", "b", "c")]],
    ["machine a login b account x password c\ndefault login d password e", [
      entry("a", "b", "c"),
      entry(undefined, "d", "e"),
    ]],
    ["macdef init\nmachine x login y password z\n\nmachine a login b password c", [
      entry("a", "b", "c"),
    ]],
    ["machine a login b password c\nmacdef end\nmachine x login y password z", [
      entry("a", "b", "c"),
    ]],
    ["login b password c machine", []],
  ];
  for (const [text, logins] of table) assertEquals(parseNetrc(text), logins, text);
});
