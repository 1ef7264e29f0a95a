import { assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { DEFAULT_RETRY_POLICY as retryPolicy, readBody } from "../../src/net/mod.ts";

const bytes = crypto.getRandomValues(new Uint8Array(65_536));
const MANY = 40;

async function digestOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of chunks) hash.update(chunk);
  return hash.digest("hex");
}

Deno.test("readBody() has the same bytes in memory that is used again, of any stream", async () => {
  const wanted = createHash("sha256");
  for (let i = 0; i < MANY; i++) wanted.update(bytes);
  const digest = wanted.digest("hex");
  const whole = new Uint8Array(bytes.length * MANY);
  for (let i = 0; i < MANY; i++) whole.set(bytes, i * bytes.length);
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => {
    return new Response(whole);
  });
  const url = `http://127.0.0.1:${server.addr.port}/`;
  const ready = () =>
    new Response(ReadableStream.from((function* () {
      for (let i = 0; i < MANY; i++) yield bytes.slice();
    })()));
  for (const reuse of [false, true]) {
    const read = (response: Response) => digestOf(readBody(url, response, { retryPolicy, reuse }));
    assertEquals(await read(await fetch(url)), digest);
    assertEquals(await read(ready()), digest);
  }
});
