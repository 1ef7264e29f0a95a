/** The proxy of a request, by Go's rules: Go itself is asked where there is one. */
import { assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { KbuildError, UsageError } from "../../src/errors.ts";
import { findProgram } from "../../src/lib/util.ts";
import { proxyFor } from "../../src/net/mod.ts";

const P = "http://p.example:3128";
const both = (no: string) => ({ HTTPS_PROXY: P, HTTP_PROXY: P, NO_PROXY: no });

/** Environment, URL, and the proxy ("" for none). */
const CASES: readonly [env: Record<string, string>, url: string, proxy: string][] = [
  [{}, "https://a.example/", ""],
  [{ HTTPS_PROXY: P }, "https://a.example/", P],
  [{ HTTPS_PROXY: P }, "http://a.example/", ""],
  [{ HTTP_PROXY: P }, "http://a.example/", P],
  [{ https_proxy: P }, "https://a.example/", P],
  [{ HTTPS_PROXY: "http://upper:1", https_proxy: P }, "https://a.example/", "http://upper:1"],
  [{ HTTPS_PROXY: "", https_proxy: P }, "https://a.example/", P],
  [{ ALL_PROXY: P }, "https://a.example/", ""],
  [{ HTTPS_PROXY: "p.example:3128" }, "https://a.example/", P],
  [{ HTTPS_PROXY: "p.example" }, "https://a.example/", "http://p.example"],
  [{ HTTPS_PROXY: "https://p.example:1" }, "https://a.example/", "https://p.example:1"],
  [{ HTTPS_PROXY: "socks5://p.example:1080" }, "https://a.example/", "socks5://p.example:1080"],
  [{ HTTPS_PROXY: P, REQUEST_METHOD: "GET" }, "https://a.example/", P],
  // This machine is never behind a proxy.
  [both(""), "http://localhost:5000/", ""],
  [both(""), "https://127.0.0.1:5000/", ""],
  [both(""), "https://127.8.9.10/", ""],
  [both(""), "https://[::1]:5000/", ""],
  [both(""), "https://localhost.example/", P],
  [both(""), "https://128.0.0.1/", P],
  [both("*"), "https://a.example/", ""],
  [both("*"), "https://10.0.0.1/", ""],
  [both("b.example, *"), "https://a.example/", ""],
  [both("a.example"), "https://a.example/", ""],
  [both("a.example"), "https://sub.a.example/", ""],
  [both("a.example"), "https://nota.example/", P],
  [both(".a.example"), "https://a.example/", P],
  [both(".a.example"), "https://sub.a.example/", ""],
  [both("*.a.example"), "https://a.example/", P],
  [both("*.a.example"), "https://deep.sub.a.example/", ""],
  [both("sub.*.example"), "https://sub.a.example/", P],
  [both(" B.example , A.Example "), "https://a.example/", ""],
  [both("a.example b.example"), "https://a.example/", P],
  [both("a.example:443"), "https://a.example/", ""],
  [both("a.example:443"), "https://a.example:8443/", P],
  [both("a.example:80"), "http://a.example/", ""],
  [both("a.example:"), "https://a.example/", ""],
  [both(".a.example:5000"), "https://r.a.example:5000/", ""],
  [both(":443"), "https://a.example/", P],
  [both("10.0.0.1"), "https://10.0.0.1/", ""],
  [both("10.0.0.1"), "https://10.0.0.10/", P],
  [both("10.0.0.1:5000"), "https://10.0.0.1:5000/", ""],
  [both("10.0.0.1:5000"), "https://10.0.0.1/", P],
  [both("10.0.0.0/8"), "https://10.200.3.4/", ""],
  [both("10.0.0.0/8"), "https://11.0.0.1/", P],
  [both("10.0.0.0/33"), "https://10.0.0.1/", P],
  [both("10.0.0"), "https://10.0.0.1/", P],
  [both("2001:db8::/32"), "https://[2001:db8::5]/", ""],
  [both("2001:db8::1"), "https://[2001:db8:0::1]/", ""],
  [both("[2001:db8::1]:5000"), "https://[2001:db8::1]:5000/", ""],
  [both("[2001:db8::1]:5000"), "https://[2001:db8::1]/", P],
  [both("[2001:db8::1]"), "https://[2001:db8::1]/", P],
  [both("xn--bcher-kva.example"), "https://bücher.example/", ""],
  [both("bücher.example"), "https://xn--bcher-kva.example/", ""],
  [both(",,"), "https://a.example/", P],
];

Deno.test("proxyFor() follows Go's rules", () => {
  for (const [env, url, proxy] of CASES) {
    assertEquals(proxyFor(env, url)?.url ?? "", proxy, `${JSON.stringify(env)} ${url}`);
  }
});

const go = await findProgram("go", Deno.env.get("PATH"));

Deno.test({
  name: `proxyFor() says what Go says${go === undefined ? " (skipped: no go in PATH)" : ""}`,
  ignore: go === undefined,
  async fn() {
    const dir = await Deno.makeTempDir();
    try {
      await Deno.writeTextFile(join(dir, "go.mod"), "module ask\n\ngo 1.18\n");
      await Deno.writeTextFile(
        join(dir, "main.go"),
        `package main

import (
	"fmt"
	"net/http"
	"os"
)

func main() {
	for _, url := range os.Args[1:] {
		request, err := http.NewRequest("GET", url, nil)
		if err != nil {
			panic(err)
		}
		proxy, err := http.ProxyFromEnvironment(request)
		if proxy == nil || err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(proxy)
	}
}
`,
      );
      const env = { ...Deno.env.toObject(), GOFLAGS: "", GOTOOLCHAIN: "local" };
      const program = join(dir, "ask");
      const built = await new Deno.Command(go!, {
        args: ["build", "-o", program, "."],
        cwd: dir,
        env,
      }).output();
      assertEquals(built.success, true, new TextDecoder().decode(built.stderr));
      for (const [variables, group] of Map.groupBy(CASES, ([env]) => JSON.stringify(env))) {
        const { stdout } = await new Deno.Command(program, {
          args: group.map(([, url]) => url),
          env: JSON.parse(variables),
          clearEnv: true,
        }).output();
        const said = new TextDecoder().decode(stdout).trim().split("\n")
          .map((line) => line === "<nil>" ? "" : line);
        assertEquals(said, group.map(([, , proxy]) => proxy), variables);
      }
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  },
});

Deno.test("proxyFor() keeps the log-in out of the address, and refuses what is not a proxy", () => {
  const env = { HTTPS_PROXY: "http://us%40er:p%3Ass@p.example:3128/path" };
  assertEquals(proxyFor(env, "https://a.example/"), {
    url: P,
    basicAuth: { username: "us@er", password: "p:ss" },
    variable: "HTTPS_PROXY",
  });
  for (const value of ["ftp://u:secret@p.example", "http://", "http://u:secret@:1", "://secret"]) {
    const error = assertThrows(
      () => proxyFor({ https_proxy: value }, "https://a.example/"),
      UsageError,
      "Cannot use https_proxy: its value is not the address of a proxy",
    );
    assertEquals(error.message.includes("secret"), false);
  }
  assertThrows(
    () => proxyFor({ HTTP_PROXY: P, REQUEST_METHOD: "GET" }, "http://a.example/"),
    KbuildError,
    "Cannot use HTTP_PROXY: REQUEST_METHOD is set",
  );
});
