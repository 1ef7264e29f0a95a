import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type BashReader, readBash, type ReadBashOptions } from "../../src/bash/mod.ts";
import { DUMP, SAME_AS_BASH } from "./_scripts.ts";

function read(text: string, options: Partial<ReadBashOptions> = {}): BashReader {
  return readBash({
    files: [{ path: "a.sh", text }],
    variables: {},
    ...options,
  });
}

function ours(bash: BashReader, names: readonly string[]): string {
  return names.map((name) => {
    const array = bash.array(name);
    if (array === undefined) return `${name} is <${bash.get(name) ?? "unset"}>\n`;
    return `${name} is an array of ${array.length}\n${array.map((item) => `<${item}>\n`).join("")}`;
  }).join("");
}

async function hasBash(): Promise<boolean> {
  try {
    const script = "(( BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 403 ))";
    return (await new Deno.Command("bash", { args: ["-c", script] }).output()).success;
  } catch {
    return false;
  }
}

const noBash = !await hasBash();

for (const [name, script] of Object.entries(SAME_AS_BASH)) {
  Deno.test({
    name: `readBash() does as bash does: ${name}${noBash ? " (skipped: needs bash 4.3)" : ""}`,
    ignore: noBash,
    fn: async () => {
      const names = ["A", "B", "C", "D"];
      const { stdout, stderr } = await new Deno.Command("bash", {
        args: ["-c", `${DUMP}\n${script}\ndump ${names.join(" ")}`],
        env: { LC_ALL: "C" },
      }).output();
      const reader = read(script);
      const errors = new TextDecoder().decode(stderr).replace(/^err$/gm, "").trim();
      assertEquals(errors, "", "bash itself complains");
      assertEquals(ours(reader, names), new TextDecoder().decode(stdout));
      assertEquals(reader.diagnostics, []);
    },
  });
}

const UNKNOWN: Record<string, { script: string; why: string }> = {
  "a command": { script: "A=$(git describe); B=1", why: '"git" is not run' },
  "a command inside a function": { script: "f() { echo a; id -u; }; A=$(f); B=1", why: '"id"' },
  "a counting loop to an unknown end": {
    script: "n=$(id); for ((i=0; i<n; i++)); do A=1; done; B=1",
    why: '"id"',
  },
  "arithmetic": { script: "A=$((2 ** 3)); B=1", why: 'arithmetic "2 ** 3"' },
  "what arithmetic may set": { script: "X=$(id); : $((A = X + 1)); B=1", why: '"id"' },
  "what an expansion may set": { script: "unset A; : $(id) ${A:=x}; B=1", why: '"id"' },
  "an octal escape": { script: "A=$'\\033[0m'; B=1", why: "is not known" },
  "a variable that is not set": { script: 'A="x${NOPE}"; B=1', why: '"NOPE" is not set' },
  "a variable made from an unknown one": { script: "X=$(id); A=(a $X); B=1", why: '"id"' },
  "a file that is not there": { script: "A=$(cat /nowhere); B=1", why: '"/nowhere"' },
  "a file name pattern": { script: "A=(cmd/*); B=1", why: "cmd/*" },
  "the home directory": { script: "A=(~/x); B=1", why: "~" },
  "a range of braces": { script: "A=({1..3}); B=1", why: "{1..3}" },
  "an associative array": { script: "declare -A A=([a]=b); B=1", why: "-A" },
  "a choice on an unknown value": {
    script: "X=$(uname); if [[ $X == Linux ]]; then A=1; else A=2; fi; B=1",
    why: '"uname"',
  },
  "what a skipped branch would set": {
    script: "id && A=1\nB=1",
    why: '"id"',
  },
  "a loop over unknown words": { script: "for A in $(ls); do C=$A; done; B=1", why: '"ls"' },
  "a loop left at an unknown place": {
    script: "for i in a b; do if id; then break; fi; A=$i; done; B=1",
    why: '"id"',
  },
  "a function left at an unknown place": {
    script: "f() { id && return; A=1; }; f; B=1",
    why: '"id"',
  },
  "what a broken eval may set": { script: 'eval "A=(x"; B=1', why: "" },
  "what an unknown eval may set": { script: 'eval "A=($(id))"; B=1', why: '"id" is not run' },
  "sed that runs a program": { script: "A=$(echo a | sed 's/a/b/e'); B=1", why: 'flags "e"' },
  "sed that writes a file": { script: "A=$(echo a | sed 's/a/b/w x'); B=1", why: "w x" },
  "sed with a choice": { script: "A=$(echo a | sed 's/a\\|b/c/'); B=1", why: '"\\|"' },
  "sed with a repeated group": { script: "A=$(echo a | sed 's/\\(a\\)*//'); B=1", why: "repeated" },
  "sed with a group that is not there": {
    script: "A=$(echo a | sed 's/a/\\1/'); B=1",
    why: "no group",
  },
  "sed of a file that cannot be read": {
    script: "A=$(sed s/a/b/ x); B=1",
    why: 'Cannot read the file "x"',
  },
  "sed of several files": { script: "A=$(sed s/a/b/ x y); B=1", why: '"sed" takes' },
  "awk that does more": { script: "A=$(echo a | awk '{system($1)}'); B=1", why: "awk program" },
  "awk with another separator": {
    script: "A=$(echo a | awk -F'[,]' '{print $1}'); B=1",
    why: "[,]",
  },
  "tr of other sets": { script: "A=$(echo a | tr '[=a=]' b); B=1", why: "tr" },
  "letters of other languages": {
    script: "A=$(echo ä | awk '{print toupper($1)}'); B=1",
    why: "locale",
  },
  "arithmetic on a text": {
    script: "X=abc; A=$((X + 1)); B=1",
    why: '"abc" is not a plain number',
  },
  "arithmetic on an octal number": { script: "A=$((010)); B=1", why: '"010"' },
  "a division by zero": { script: "A=$((1 / 0)); B=1", why: "1 / 0" },
  "arithmetic beyond 53 bits": { script: "A=$((99999999999999 * 99999)); B=1", why: "99999" },
  "arithmetic without end": {
    script: `A=$((${"(".repeat(60)}1${")".repeat(60)})); B=1`,
    why: "((",
  },
  "a negative subscript": { script: "X=(a b); A=${X[0-1]}; B=1", why: "subscript" },
  "a status after an unknown command": { script: "id; A=$?; B=1", why: '"id"' },
  "arithmetic of old": { script: "A=$[1 + 1]; B=1\nB=1", why: "$[" },
  "let without an expression": { script: "let && A=1\nB=1", why: '"let" has no' },
  "a process that writes": { script: "A=$(echo x > /tmp/y); B=1", why: "/tmp/y" },
  "a syntax error": { script: "A=(a\nB=${\nfi", why: "" },
  "a syntax error in a function": {
    script: "f() {\n  echo ${x!!}\n}\nA=$(f)\nB=1",
    why: "is not known",
  },
  "a substitution in a readonly array": { script: "readonly A=(a $(id)); B=1", why: '"id"' },
  "the time": { script: "A=$RANDOM; B=1", why: "RANDOM" },
};

for (const [name, { script, why }] of Object.entries(UNKNOWN)) {
  Deno.test(`readBash() leaves unknown: ${name}`, () => {
    const reader = read(`A=before\n${script}`);
    assertEquals(reader.get("A") ?? reader.array("A"), undefined);
    if (name !== "a syntax error") assertEquals(reader.get("B"), "1");
    assert(reader.diagnostics.length > 0);
    const [diagnostic] = reader.diagnostics;
    assertEquals(diagnostic!.file, "a.sh");
    assertStringIncludes(reader.diagnostics.map((r) => r.why).join("\n"), why);
    assert(diagnostic!.line >= 2, `line ${diagnostic!.line}`);
  });
}

Deno.test("readBash() knows nothing behind an endless loop", () => {
  const reader = read("A=1\nfor ((;;)); do B=1; done\nC=1");
  assertEquals([reader.get("A"), reader.get("B"), reader.get("C")], ["1", undefined, undefined]);
  assertStringIncludes(reader.diagnostics.map(({ why }) => why).join("\n"), "steps");
});

Deno.test("readBash() knows nothing of what may be in a here-document without an end", () => {
  for (const begin of ["cat <<EOF", "A=1; cat <<EOF", "cat <<'END'-x${A}\nEND"]) {
    const reader = read(`A=before\n${begin}\nB=1\nC=$(echo x)\n`);
    assertEquals([reader.get("B"), reader.get("C")], [undefined, undefined], begin);
    assert(reader.diagnostics.length > 0);
  }
});

Deno.test("readBash() takes a file with the line ends of Windows, but no mixture", () => {
  const reader = read("A=(a\r\n  b)\r\nB=c\r\n");
  assertEquals([reader.array("A"), reader.get("B")], [["a", "b"], "c"]);
  assertEquals(read("A=a\r\nB=b\n").get("A"), "a\r");
  assertEquals(read("A=a\0b\n").get("A"), "ab");
});

Deno.test("readBash() leaves unknown what a here-document without end would say", () => {
  const reader = read("B=1\nread -r A <<END");
  assertEquals([reader.get("A"), reader.get("B")], [undefined, "1"]);
  assertStringIncludes(reader.why("A")!.why, '"END" does not end');
});

Deno.test("readBash() goes on after what it cannot parse", () => {
  const reader = read("A=1\nfor x in a; do\n  ${\ndone\nB=2\nf() {\n  (( \n}\nC=3\n");
  assertEquals([reader.get("A"), reader.get("B"), reader.get("C")], ["1", "2", "3"]);
  assertEquals(reader.call("f"), undefined);
});

Deno.test("readBash() reads files only through readFile", () => {
  const texts: Record<string, string> = {
    "/r/V": "v1\n",
    "/r/lib.sh": "B=(x y)\nf() { echo f; }\n",
  };
  const reader = read(
    'A="$(cat "${ROOT}/V")"; source "$ROOT/lib.sh"; C=$(f); read -r D < $ROOT/V',
    {
      constants: { ROOT: "/r" },
      readFile: (path) => texts[path],
    },
  );
  assertEquals([reader.get("A"), reader.get("C"), reader.get("D")], ["v1", "f", "v1"]);
  assertEquals(reader.array("B"), ["x", "y"]);
  assertEquals(reader.source("B"), { path: "/r/lib.sh", line: 1 });
});

Deno.test("readBash() tells where values and functions come from", () => {
  const text = "A=1\n\nf() {\n  B=(\n    x\n  )\n}\nf\nIFS=' ' read -ra C <<< 'p q'\n";
  const reader = read(text, { variables: { E: "e" } });
  assertEquals(reader.source("A"), { path: "a.sh", line: 1 });
  assertEquals(reader.source("B"), { path: "a.sh", line: 4 });
  assertEquals(reader.source("C"), { path: "a.sh", line: 9 });
  assertEquals(reader.source("E"), undefined);
  assertEquals(reader.functionSource("f")?.path, "a.sh");
});

Deno.test("readBash() keeps constants and readonly variables", () => {
  const text = 'ROOT=/other; readonly R=1; R=2; A="$ROOT$R"';
  const reader = read(text, { constants: { ROOT: "/r" } });
  assertEquals(reader.get("A"), "/r1");
  assertStringIncludes(reader.diagnostics[0]!.why, '"R" is readonly');
});

Deno.test("readBash() call() runs a function with arguments and changes nothing", () => {
  const reader = read('X=1; f() { X=2; echo "$1:$X"; }; bad() { id; }');
  assertEquals(reader.call("f", ["a b"]), "a b:2");
  assertEquals(reader.get("X"), "1");
  assertEquals(reader.call("bad"), undefined);
  assertStringIncludes(reader.why("bad")!.why, '"id"');
  assertEquals(reader.call("none"), undefined);
});

Deno.test("readBash() ends loops and recursion by itself", () => {
  for (
    const script of [
      "while true; do A=1; done",
      "f() { f; }; f",
      "f() { A=$(f); }; f",
      "for i in 1 2 3 4 5 6 7 8 9 0; do f() { for i in 1 2 3; do f; done; }; f; done",
      'X=aaaaaaaaaa; while :; do X="$X$X"; done',
      'X=a; f() { X="$X$X$X$X"; f; }; f',
    ]
  ) {
    const started = performance.now();
    const reader = read(`Z=1\n${script}\n`, { maxSteps: 20_000 });
    assertEquals(reader.get("Z"), "1");
    assert(reader.diagnostics.length > 0, script);
    assert(performance.now() - started < 60_000, script);
  }
});

Deno.test("readBash() matches hostile patterns in bounded time", () => {
  const started = performance.now();
  read(`X=${"a".repeat(3000)}
    [[ $X == *a*a*a*a*a*a*a*a*b ]]; [[ $X =~ (a+)+(a|aa)+b$ ]]; Y=\${X##*a*a*a*b}; Z=\${X//a*b/c}`);
  assert(performance.now() - started < 60_000);
});

Deno.test("readBash() never throws on any text", () => {
  const pieces = [
    ..."abX=(){}[]<>|&;!#\"'`$\\/*?~\n\t 0@-+:%^,".split(""),
    ..."${ $( $(( if then fi for in do done case esac [[ ]] << <<< <( >( f() local read echo X= X+=( return =~ ;; "
      .split(" "),
  ];
  let seed = 7;
  const random = (limit: number) => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return Math.floor(seed / 65536) % limit;
  };
  for (let round = 0; round < 3000; round++) {
    let text = "";
    for (let i = random(25); i >= 0; i--) {
      text += pieces[random(pieces.length)] + " ".repeat(random(2));
    }
    const reader = read(text, { maxSteps: 2000 });
    reader.call("f", ["x"]);
    reader.array("X");
  }
  for (const char of ["(", "{", "$(", "${", '"$(', "[[ ! ", "if ", "f() { ", "`", "${a[", "! "]) {
    read(`A=1\n${char.repeat(20_000)}`, { maxSteps: 2000 });
  }
});
