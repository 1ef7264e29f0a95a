import { assertEquals, assertThrows } from "@std/assert";
import { hex } from "../../src/archive/mod.ts";
import { KbuildError } from "../../src/errors.ts";
import {
  copiesOf,
  destinationOf,
  type DockerfileOptions,
  planDockerfile,
} from "../../src/dockerfile/mod.ts";

const options: DockerfileOptions = { path: "build/Dockerfile", args: {}, arch: "arm64" };
const plan = (text: string, more: Partial<DockerfileOptions> = {}) =>
  planDockerfile(text, { ...options, ...more });
/** The settings of the image. */
const settings = (text: string, more: Partial<DockerfileOptions> = {}) =>
  plan(text, more).stages.at(-1)!.settings;
/** The steps of the image, as its history tells them. */
const steps = (text: string, more: Partial<DockerfileOptions> = {}) =>
  plan(text, more).stages.at(-1)!.steps.map(({ createdBy }) => createdBy);

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
  for (
    const form of [
      text,
      text.replace(" AS cap", "").replace("=cap", "=0"),
      // The exec form, which knows no variables.
      text.replace(/RUN .*/, 'RUN ["setcap", "cap_net_bind_service=+ep", "/kube-apiserver"]'),
    ]
  ) {
    const { base, stages, taken } = plan(form, { args });
    assertEquals([base, taken], ["go-runner:v2", []]);
    assertEquals(stages.map(({ arch, base }) => `${base} ${arch}`), [
      "setcap:v1 arm64",
      "go-runner:v2 arm64",
    ]);
    const [copied, made] = copiesOf({ stages });
    assertEquals([copied?.from, copied?.source], [{ stage: 0 }, "/kube-apiserver"]);
    assertEquals(copied?.target, "/usr/local/bin/kube-apiserver");
    assertEquals([made?.source, hex(made!.capability!)], [
      "kube-apiserver",
      "0100000200040000000000000000000000000000",
    ]);
  }
});

Deno.test("planDockerfile() gives a stage only the arguments that it declares", () => {
  const args = { A: "given", UNKNOWN: "x" };
  const labels = (text: string) => settings(text, { args }).labels;
  assertEquals(labels("ARG A\nFROM b\nLABEL a=$A"), { a: "" });
  assertEquals(labels("ARG A\nFROM b\nARG A\nLABEL a=$A"), { a: "given" });
  assertEquals(labels("ARG B=1\nFROM b\nARG B\nLABEL a=$B"), { a: "1" });
  assertEquals(labels("ARG B=1\nFROM b\nARG B=2\nLABEL a=$B"), { a: "2" });
  assertEquals(labels("FROM b\nARG A=2\nENV A=env\nLABEL a=$A"), { a: "env" });
  assertEquals(labels("FROM b\nARG TARGETARCH\nLABEL a=$TARGETARCH u=$BUILDARCH"), {
    a: "arm64",
    u: "",
  });
  // What 1.28 says: the argument is only in front of FROM, so all of the context is copied.
  const text = 'ARG BASEIMAGE\nARG A\nFROM "${BASEIMAGE}"\nCOPY ${A} /usr/local/bin/${A}\n';
  const [copied] = copiesOf(plan(text, { args: { ...args, BASEIMAGE: "b" } }));
  assertEquals([copied?.source, copied?.target], [".", "/usr/local/bin/"]);
});

Deno.test("planDockerfile() puts in variables as BuildKit does", () => {
  const label = (word: string) => settings(`FROM b\nENV A=1 EMPTY=""\nLABEL x=${word}`).labels["x"];
  const table: [string, string][] = [
    ["$A", "1"],
    ["${A}b", "1b"],
    ["$Ab", ""],
    ["${B:-two}", "two"],
    ["${EMPTY:-two}", "two"],
    ["${EMPTY-two}", ""],
    ["${A:+set}", "set"],
    ["${B:+set}", ""],
    ["${B:-${A}x}", "1x"],
    ["\\$A", "$A"],
    ["'$A \"q'", '$A "q'],
    ['"a $A \\"q\\" \\[x\\]"', 'a 1 "q" \\[x\\]'],
    ["a\\ b", "a b"],
    ["$", "$"],
  ];
  for (const [word, value] of table) assertEquals(label(word), value, word);
});

Deno.test("planDockerfile() reads settings", () => {
  const text = `FROM base
COPY a b /bin/
COPY cluster /kubernetes/cluster
WORKDIR /usr/local
WORKDIR bin
ENV E2E_FOCUS="\\[Conformance\\]"
ENV A=1 B="two words" C='x' D=$A
ENV OLD form of it
LABEL maintainer=me
USER 65532
EXPOSE 80 90-91/UDP 80
VOLUME /data /d
VOLUME ["/x y", "/z"]
STOPSIGNAL SIGQUIT
CMD [ "/bin/bash", "-c", "/run.sh" ]
ENTRYPOINT ["/bin/a", "--x"]
`;
  assertEquals(copiesOf(plan(text)).map(destinationOf), [
    "/bin/a",
    "/bin/b",
    "/kubernetes/cluster",
  ]);
  assertEquals(steps(text), [
    "COPY a b /bin/",
    "COPY cluster /kubernetes/cluster",
    "WORKDIR /usr/local",
    "WORKDIR /usr/local/bin",
  ]);
  assertEquals(settings(text), {
    env: {
      E2E_FOCUS: "\\[Conformance\\]",
      ...{ A: "1", B: "two words", C: "x", D: "", OLD: "form of it" },
    },
    labels: { maintainer: "me" },
    ports: ["80/tcp", "90/udp", "91/udp"],
    volumes: ["/d", "/data", "/x y", "/z"],
    entrypoint: ["/bin/a", "--x"],
    cmd: ["/bin/bash", "-c", "/run.sh"],
    user: "65532",
    workingDir: "/usr/local/bin",
    stopSignal: "SIGQUIT",
  });
});

Deno.test("planDockerfile() sees what the base brings", () => {
  const bases = { base: { env: { PATH: "/bin", A: "b" }, workingDir: "/w" } };
  const text = "FROM base\nENV PATH=/x:$PATH\nARG A=arg\nCOPY a b\nWORKDIR c\nLABEL a=$A";
  const { env, labels, workingDir } = settings(text, { bases });
  assertEquals([env, labels, workingDir], [{ PATH: "/x:/bin" }, { a: "arg" }, "/w/c"]);
  assertEquals(copiesOf(plan(text, { bases })).map(destinationOf), ["/w/b"]);
});

Deno.test("planDockerfile() reads COPY with its flags, from stages, images and in JSON", () => {
  const text = `FROM one AS First
COPY --chown=7:8 --chmod=0750 x /x
FROM two
FROM first
COPY --from=FIRST /x /usr/bin/tool /bin/
COPY --from=1 /etc/passwd /etc/
COPY --from=registry.example/tools:1 /t /t
COPY ["a b", "./c/", "/d d/"]
ADD . /all
`;
  const { base, stages, taken } = plan(text);
  // The last stage is based on the first one, and takes a file of its base.
  assertEquals([base, taken], ["one", ["one", "two", "registry.example/tools:1"]]);
  const copies = copiesOf({ stages });
  assertEquals([copies[0]?.chown, copies[0]?.chmod], ["7:8", 0o750]);
  const last = stages.at(-1)!.steps.flatMap(({ changes }) => changes).slice(1);
  const told = last.map((change) =>
    change.kind === "copy" && [JSON.stringify(change.from), change.source, change.target].join(" ")
  );
  assertEquals(told, [
    '{"stage":0} /x /bin/',
    '{"stage":0} /usr/bin/tool /bin/',
    '{"stage":1} /etc/passwd /etc/',
    '{"image":"registry.example/tools:1"} /t /t',
    " a b /d d/",
    " c /d d/",
    " . /all",
  ]);
});

Deno.test("planDockerfile() makes the links of RUN ln -s", () => {
  const text =
    "FROM b\nRUN ln -s /hyperkube /apiserver \\\n && ln -s /hyperkube /usr/bin/kubelet\n";
  const [step, ...more] = plan(text).stages.at(-1)!.steps;
  assertEquals(more, []);
  assertEquals(step?.changes, [
    { kind: "link", path: "/apiserver", target: "/hyperkube" },
    { kind: "link", path: "/usr/bin/kubelet", target: "/hyperkube" },
  ]);
});

Deno.test("planDockerfile() runs a shell form through /bin/sh, and joins lines", () => {
  const text = "FROM base\r\nCMD echo \\\r\n# not a part\r\n  hello";
  assertEquals(settings(text).cmd, ["/bin/sh", "-c", "echo   hello"]);
});

Deno.test("planDockerfile() keeps a CMD of its own stage alone when ENTRYPOINT comes", () => {
  assertEquals(settings('FROM b\nCMD ["c"]\nENTRYPOINT ["e"]').cmd, ["c"]);
  assertEquals(settings('FROM b AS a\nCMD ["c"]\nFROM a\nENTRYPOINT ["e"]').cmd, undefined);
});

Deno.test("planDockerfile() builds no stage that nothing is taken from", () => {
  const text = "FROM a AS tools\nRUN make\nFROM b\nCOPY x /x\n";
  assertEquals(plan(text).base, "b");
  const needed = `${text}COPY --from=tools /y /y\n`;
  assertThrows(() => plan(needed), KbuildError, 'line 2 of "build/Dockerfile": RUN make');
});

Deno.test("planDockerfile() names the line that it cannot carry out, and the way out", () => {
  const table: [string, string][] = [
    ["FROM base\n\nRUN apt-get install x\n", "line 3"],
    ["FROM base\nRUN ln -s /a /b; rm -rf /\n", "RUN ln -s /a /b; rm -rf /"],
    ["FROM base\nRUN ln -s /a /b && make\n", "RUN ln -s /a /b && make"],
    ["COPY a /a\n", "COPY before FROM"],
    ["ARG X\nFROM $X\n", "FROM $X names no image"],
    ["FROM a\nCOPY --from=0 /missing /a\n", 'there is no stage "0"'],
    ["FROM base\nCOPY a /a\nRUN setcap cap_nonsense=+ep /a\n", 'capabilities "cap_nonsense=+ep"'],
    ["FROM base\nRUN setcap cap_chown=+ep /a\n", 'setcap on "/a", which no COPY made'],
    ["FROM base\nHEALTHCHECK NONE\n", "HEALTHCHECK is not known to kbuild"],
    ["FROM base\nCOPY a b /c\n", "several sources need a target"],
    ["FROM base\nCOPY a\n", "COPY needs a source and a target"],
    ["FROM base\nCOPY ../a /a\n", "may lead out of the build context"],
    ["FROM base\nCOPY *.sh /a/\n", 'COPY of a pattern: "*.sh"'],
    ["FROM base\nCOPY --link a /a\n", "COPY --link"],
    ["FROM base\nCOPY --chmod=u+x a /a\n", "COPY --chmod=u+x"],
    ["FROM base\nCOPY <<EOF /a\nEOF\n", "COPY of a here-document"],
    ["FROM base\nADD https://example.test/x /a\n", "which has to be fetched"],
    ["FROM --platform=windows/amd64 base\n", "FROM --platform=windows/amd64"],
    ["FROM base\nENV A\n", "want NAME=VALUE"],
    ['FROM base\nENV A="x\n', "a quote has no end"],
    ['FROM base\nCOPY "a b" /c\n', "a quote has no end"],
    ["FROM base\nENV A=${B!x}\n", "not a variable"],
    ["FROM base\nEXPOSE 99999999\n", "EXPOSE 99999999"],
    ["# nothing\n", "no FROM"],
  ];
  for (const [text, message] of table) {
    const error = assertThrows(() => plan(text), KbuildError, message);
    assertEquals(error.notes.length, 1, message);
  }
});
