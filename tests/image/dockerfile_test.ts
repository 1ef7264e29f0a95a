import { assertEquals, assertThrows } from "@std/assert";
import { KbuildError } from "../../src/errors.ts";
import {
  decodeCapabilities,
  encodeCapabilities,
  landing,
  planDockerfile,
} from "../../src/image/mod.ts";
import { hex } from "../../src/archive/mod.ts";

const path = "build/server-image/Dockerfile";

Deno.test("planDockerfile() follows variables, stages and setcap", () => {
  const text = `# comment
ARG BASEIMAGE
ARG SETCAP_IMAGE
FROM --platform=linux/$BUILDARCH \${SETCAP_IMAGE} AS cap
ARG BINARY
COPY \${BINARY} /\${BINARY}
RUN setcap cap_net_bind_service=+ep /\${BINARY}

FROM --platform=linux/$TARGETARCH "\${BASEIMAGE}"
ARG BINARY
COPY --from=cap /\${BINARY} /usr/local/bin/\${BINARY}
`;
  const args = { BASEIMAGE: "go-runner:v2", SETCAP_IMAGE: "setcap:v1", BINARY: "kube-apiserver" };
  const plan = planDockerfile(text, { path, args });
  assertEquals(plan.base, "go-runner:v2");
  const [copy] = plan.copies;
  assertEquals(copy?.source, "kube-apiserver");
  assertEquals(copy?.target, "/usr/local/bin/kube-apiserver");
  assertEquals(
    copy?.capability && hex(copy.capability),
    "0100000200040000000000000000000000000000",
  );
  const byNumber = planDockerfile(text.replace(" AS cap", "").replace("=cap", "=0"), {
    path,
    args,
  });
  assertEquals(byNumber.copies, plan.copies);
});

Deno.test("planDockerfile() takes setcap in the exec form, too", () => {
  const text = 'FROM setcap\nCOPY a /b\nRUN ["setcap", "cap_net_bind_service=+ep", "/b"]\n' +
    "FROM base\nCOPY --from=0 /b /usr/local/bin/a\n";
  const { copies } = planDockerfile(text, { path: "Dockerfile", args: {} });
  assertEquals(copies[0]?.capability, encodeCapabilities("cap_net_bind_service=+ep"));
});

Deno.test("planDockerfile() reads settings", () => {
  const plan = planDockerfile(
    `FROM base
COPY a b /bin/
COPY cluster /kubernetes/cluster
WORKDIR /usr/local/bin
ENV E2E_FOCUS="\\[Conformance\\]"
ENV A=1 B="two words" C='x'
ENV OLD form of it
LABEL maintainer=me
USER 65532
ENTRYPOINT ["/bin/a", "--x"]
CMD [ "/bin/bash", "-c", "/run.sh" ]
`,
    { path, args: {} },
  );
  assertEquals(plan.copies.map(landing), ["/bin/a", "/bin/b", "/kubernetes/cluster"]);
  assertEquals(plan.env, {
    E2E_FOCUS: "\\[Conformance\\]",
    A: "1",
    B: "two words",
    C: "x",
    OLD: "form of it",
  });
  assertEquals(plan.labels, { maintainer: "me" });
  assertEquals(plan.entrypoint, ["/bin/a", "--x"]);
  assertEquals(plan.cmd, ["/bin/bash", "-c", "/run.sh"]);
  assertEquals([plan.user, plan.workingDir], ["65532", "/usr/local/bin"]);
});

Deno.test("planDockerfile() runs a shell form through /bin/sh, and joins lines", () => {
  const plan = planDockerfile("FROM base\nCMD echo \\\n  hello\n", { path, args: {} });
  assertEquals(plan.cmd, ["/bin/sh", "-c", "echo   hello"]);
});

Deno.test("planDockerfile() names the line that it cannot carry out", () => {
  const table: [string, string][] = [
    ["FROM base\n\nRUN apt-get install x\n", "line 3"],
    ["COPY a /a\n", "COPY before FROM"],
    ["FROM base\nCOPY --from=0 /missing /a\n", '"/missing" is not a file that stage "0" copied'],
    ["FROM base\nCOPY a /a\nRUN setcap cap_nonsense=+ep /a\n", 'capabilities "cap_nonsense=+ep"'],
    ["FROM base\nVOLUME /x\n", "VOLUME is not known to kbuild"],
    ["# nothing\n", "no FROM"],
  ];
  for (const [text, message] of table) {
    assertThrows(() => planDockerfile(text, { path, args: {} }), KbuildError, message);
  }
});

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
