import { assertEquals } from "@std/assert";
import { hex } from "../../src/archive/mod.ts";
import { decodeCapabilities, encodeCapabilities } from "../../src/dockerfile/mod.ts";

Deno.test("encodeCapabilities() writes what setcap writes", () => {
  const table: [string, string | undefined][] = [
    ["cap_net_bind_service=+ep", "0100000200040000000000000000000000000000"],
    ["cap_net_bind_service+p", "0000000200040000000000000000000000000000"],
    ["cap_chown,cap_net_raw=eip", "0100000201200000012000000000000000000000"],
    ["cap_bpf=ep", "0100000200000000000000008000000000000000"],
    ["cap_unknown=ep", undefined],
    ["nonsense", undefined],
  ];
  for (const [text, bytes] of table) {
    const encoded = encodeCapabilities(text);
    assertEquals(encoded && hex(encoded), bytes, text);
  }
});

Deno.test("decodeCapabilities() says what getcap says", () => {
  const texts = [
    "cap_net_bind_service=ep",
    "cap_chown,cap_net_raw=eip",
    "cap_bpf=ep",
    "cap_net_raw=i",
    "cap_net_raw=p",
  ];
  for (const text of texts) assertEquals(decodeCapabilities(encodeCapabilities(text)!), text);
  assertEquals(decodeCapabilities(new Uint8Array([1, 2])), "0x0102");
});
