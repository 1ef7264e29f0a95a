/**
 * Calls of GNU programs in the forms of Kubernetes' scripts (`hack`, `build`, `cluster`, `test/cmd` of 1.7.3, 1.20.2, 1.28.7
 * and 1.35), with values in place of their variables.
 */

/** A call: the program with its arguments, and its standard input. */
export interface Call {
  readonly argv: readonly string[];
  readonly stdin?: string;
}

/** Texts that the scripts edit, in small. */
export const TEXTS: Readonly<Record<string, string>> = {
  "manifest.yaml": `apiVersion: v1
kind: Pod
metadata:
  name: kube-proxy
spec:
  image: "gcr.io/k8s/kube-proxy:{{pillar['kube-proxy_docker_tag']}}"
  registry: {{pillar['kube_docker_registry']}}
  args: {{params}}
  cpu: {{ *cpulimit *}}
{% if pillar.get('is_systemd') %}
  version: {{ pillar.get('etcd_version', '3.1.10') }}
# BEGIN_PROMETHEUS_TO_SD
      - name: prometheus-to-sd-exporter
# END_PROMETHEUS_TO_SD
  path: /mnt/master-pd/var/etcd
`,
  "list.txt": "pkg/a/doc.go\n./cmd/kubectl\n\nvendor/k8s.io/api\nstaging/src/k8s.io/api/v1\n",
  "env.sh": "export A='x y'\n# a comment\n  KUBE_X=\"1\"\nB=a'b\\c\n\ttabbed line  \n",
  "last.txt": "first\nsecond\nlast without its end",
  "unicode.txt": "größe: äöü\nnaïve Ω\n",
  "versions.txt": "v1.20.2\nv1.20.2-beta.0.12+abcdef\nkubernetes-v1.7.3\nrelease-1.28\n",
};

const SED: readonly (readonly string[])[] = [
  ["s/'/''/g"],
  ["-e", "s/'/'\\\\''/g"],
  ["s/^.*: '//"],
  ["s/'$//"],
  ["s/^/  /"],
  ["s/[ \\t]*$//"],
  ["s/[[:space:]]*$//"],
  ["-e", "s/^[[:space:]]*//", "-e", "s/[[:space:]]*$//"],
  ["-e", "s@{{pillar\\['kube_docker_registry'\\]}}@registry.k8s.io@g"],
  ["-e", "s@{{pillar\\['kube-proxy_docker_tag'\\]}}@v1.20.2@g"],
  ["-e", "s@{{params}}@--v=2 --logtostderr@g"],
  ["-e", "s@{{params}}@@g"],
  ["-e", "s@{{ *pillar\\.get('etcd_version', '\\(.*\\)') *}}@\\1@g"],
  ["-e", "s@{{ *pillar\\.get('etcd_version', '\\(.*\\)') *}}@3.4.13-0@g"],
  ["-e", "/# BEGIN_PROMETHEUS_TO_SD/,/# END_PROMETHEUS_TO_SD/d"],
  ["-n", "/# BEGIN_PROMETHEUS_TO_SD/,/# END_PROMETHEUS_TO_SD/p"],
  ["/# BEGIN/,/# END/!d"],
  ["-e", "s@{%.*%}@@g"],
  ["-e", "s@/mnt/master-pd/var/etcd@/mnt/disks/master-pd/var/etcd@g"],
  ["-r", "s@(image:\\s.*):.*@\\1@"],
  ["-E", 's@(image":\\s+").*@\\1@'],
  ["-E", "s/(v[0-9]+\\.[0-9]+\\.[0-9]+).*/\\1/"],
  ["-r", "s/(v[0-9]+\\.[0-9]+\\.[0-9]+)(-[a-z]+\\.[0-9]+)?.*/\\1 \\2/"],
  ["-E", "s/^kubernetes-//; s/^release-(.*)$/v\\1.0/"],
  ["-e", "s/\\(v[0-9]*\\)\\.\\([0-9]*\\).*/\\2 \\1/"],
  ["s|^./||"],
  ["s|^\\./||;s|/doc\\.go$||"],
  ["s|/[^/]*$||"],
  ["s#^#k8s.io/kubernetes/#"],
  ["-e", "/^$/d"],
  ["/^#/d"],
  ["/^[[:space:]]*#/d; /^$/d"],
  ["-n", "s/^name: //p"],
  ["-n", "s/.*name: \\(.*\\)$/\\1/p"],
  ["-n", "$p"],
  ["-n", "1p"],
  ["-n", "2,3p"],
  ["-n", "2,+1p"],
  ["-n", "0~2p"],
  ["-n", "1~2p"],
  ["-n", "$="],
  ["="],
  ["1d"],
  ["$d"],
  ["1,2d"],
  ["2q"],
  ["q"],
  ["-n", "2{p;q}"],
  ["-n", "/kind/{s/.*: //;p;q;}"],
  ["2q5"],
  ["2Q"],
  ["0,/a/s/a/A/"],
  ["/k/,/v/s/^/> /"],
  ["/kind:/a added: true"],
  ["/kind:/i\\\ninserted: true"],
  ["/kind:/c changed: true"],
  ["1a\\  indented"],
  ["1i first line"],
  ["2,3c one for both"],
  ["$a last line"],
  ["G"],
  ["-n", "H;${x;s/\\n/,/g;p}"],
  [":a;N;$!ba;s/\\n/ /g"],
  ["-e", ":a", "-e", "N", "-e", "$!ba", "-e", "s/\\n/\\\\n/g"],
  ["N;P;D"],
  ["$!N;s/\\n/ /"],
  ["n;d"],
  ["-z", "s/\\n/,/g;s/,$/\\n/"],
  ["y/abc/xyz/"],
  ["y,/,_,"],
  ["s/a/b/2"],
  ["s/a/b/2g"],
  ["s/K/k/I"],
  ["s/k/K/gp"],
  ["-n", "s/k/K/gp"],
  ["s/x*/-/g"],
  ["s/b*/X/2"],
  ["s/a*\\(b\\)\\?/<&>/"],
  ['s/.*/"&"/'],
  ["s/.*/\\U&/"],
  ["s/\\([a-z]\\)\\([a-z]*\\)/\\u\\1\\L\\2/g"],
  ["s/[a-z]*/\\u&/"],
  ["s/\\bk/K/g"],
  ["s/\\</</g"],
  ["s/\\w\\+/W/g"],
  ["s/\\s\\+/ /g"],
  ["s/\\S*$/END/"],
  ["-E", "s/a+|e+/_/g"],
  ["-E", "s/(kind|image): */\\1=/"],
  ["-E", "s/^(.)(.*)$/\\2\\1/"],
  ["-E", "s/([a-z])\\1/<\\1>/g"],
  ["-E", "s/[0-9]{1,3}\\./N./g"],
  ["s/[0-9]\\{1,3\\}\\./N./g"],
  ["s/[]\\[]/_/g"],
  ["s/[^]a-z]/_/g"],
  ["s/[.]/_/g"],
  ["s/[a-z.-]*/_/"],
  ["s/[[:upper:][:digit:]]/_/g"],
  ["s/a\\|e/_/g"],
  ["s/^*/x/"],
  ["s/a\\.b*/x/"],
  ["s/{/(/;s/}/)/"],
  ["-E", "s/\\{/(/g;s/\\}/)/g"],
  ["-E", "s/\\$|\\^/_/"],
  ["s/\\$/_/"],
  ["s/a$b/x/"],
  ["s/\\t/TAB/"],
  ["s/ /\\n/"],
  ["s/ /\\\n/"],
  ["s/\\//|/g"],
  ["s,/,\\,,g"],
  ["s/&/and/; s/a/\\&/"],
  ["s/.$//"],
  ["s/^.//"],
  ["s/ö/oe/g"],
  ["s/[äöü]/_/g"],
  ["/kind/!s/a/A/"],
  ["/a/{/b/d}"],
  ["/a/b;s/^/no a: /"],
  ["/a/bx;s/^/no a: /;:x"],
  ["s/a/A/;t;s/^/none: /"],
  ["s/a/A/;T;s/^/some: /"],
  ["s/[\\r]*$//"],
  ["s/[\\s\\w]/_/g"],
  ["s/[\\\\n]/_/g"],
  ["s/[^\\\\]*/_/"],
  ["1a foo\\tbar\\qx\\\\n"],
  ["1i\\\\tfoo"],
  ["1a \\tbar"],
  ["1c\\\nx\\ny"],
  ["y/\\t\\nr/ab\\\\/"],
  ["-E", "s/(ab)?c/x/g"],
  ["-E", "s/[0-9]+(\\.[0-9]+)*/N/g"],
  ["-E", "s/(a.)*/x/"],
  ["--quiet", "--expression=1p"],
  ["--regexp-extended", "s/(a)/[\\1]/"],
  ["-ne", "/v/p"],
  ["-nE", "/(v|k)/p"],
  ["-n", "-e", "/v1/,$p"],
  ["-n", "/a/,/b/{//!p}"],
];

/** Scripts that `sed -i` runs; the files are compared. */
export const IN_PLACE: readonly (readonly string[])[] = [
  ["-i", "s/a/A/g"],
  ["-i", "-e", "s@{{params}}@--x@g"],
  ["-i''", "-e", "s/k/K/"],
  ["-i.bak", "s/a/A/"],
  ["--in-place=.orig", "s/a/A/"],
  ["-ri", "s@(image:\\s.*):.*@\\1@"],
  ["-i", "-E", "s/(a)/[\\1]/"],
  ["-i", "/^#/d"],
  ["-i", "1i # first"],
  ["-i", "$d"],
  ["-i", "-n", "1p"],
  ["-i", "$a # last"],
  ["-s", "-n", "$p"],
  ["-i", "-z", "s/\\n\\n/\\n/g"],
];

const DATES: readonly (readonly string[])[] = [
  ["-u", "-d", "@1600000000", "+%Y-%m-%dT%H:%M:%SZ"],
  ["-u", "-d", "@0"],
  ["--utc", "--date=@1611100000", "+%FT%T.%NZ"],
  ["--utc", "--date", "@1611100000.123456789", "+%s.%N"],
  ["-u", "-d", "@1611100000.5", "+%s.%3N"],
  ["-ud", "@1611100000", "+%s"],
  ["-u", "-d", "2021-01-13T12:34:56Z", "+%s"],
  ["-u", "-d", "2021-01-13T12:34:56+02:00", "+%s"],
  ["-u", "-d", "2021-01-13 12:34", "+%Y%m%d-%H%M%S"],
  ["-u", "-d", "2021-01-13", "+%y%m%dT%H%M%S"],
  ["-u", "-d", "@1611100000", "-Is"],
  ["-u", "-d", "@1611100000", "-I"],
  ["-u", "-d", "@1611100000", "--iso-8601=minutes"],
  ["-u", "-d", "@1611100000", "-Ins"],
  ["-u", "-d", "@1611100000", "-R"],
  ["-u", "-d", "@1611100000", "+%A %a %B %b %d %e %j %u %w"],
  ["-u", "-d", "@1611100000", "+[%m%d %H:%M:%S]"],
  ["-u", "-d", "@1611100000", "+%I:%M %p %k %l %y %h"],
  ["-u", "-d", "@1611100000", "+%D %R %T %%s %n%t|"],
  ["-u", "-d", "@1611100000", "+%Y-%m-%dT%T%z"],
  ["-u", "-d", "@1611100000", "+%:z %Z"],
  ["-u", "-d", "@-1", "+%F %T"],
  ["-d", "@1611100000", "+%s"],
  ["-d", "@1611100000", "+%Y-%m-%d %H:%M:%S %z"],
  ["-d", "2021-07-13T12:34:56", "+%s"],
  ["-d", "2020-02-29", "+%F"],
  ["-u", "-d", "@-1.5", "+%s.%N"],
  ["-u", "-d", "@-1.0", "+%s.%N"],
  ["-u", "-d", "2020-01-01 23:59:59", "+%s"],
];

const SPLIT = "a b\n'c d' \"e f\"\n\n g\\ h\ti\n";
const XARGS: readonly Call[] = [
  ...([
    [],
    ["echo"],
    ["-n1"],
    ["-n", "2", "echo", "x"],
    ["-n1", "echo", "-n"],
    ["-r", "echo"],
    ["-L", "1"],
    ["-L1", "echo", "line:"],
    ["-I", "{}", "echo", "<{}>", "{}{}"],
    ["-I{}", "-n", "1", "echo", "x{}y"],
    ["-i", "echo", "[{}]"],
    ["-P", "1", "-n1", "printf", "%s;"],
    ["printf", "%s|"],
    ["-n", "1", "sh", "-c", "exit 3"],
    ["-n", "1", "false"],
    ...["exit 126", "exit 127", "kill -9 $$"].map((
      end,
    ) => ["-n", "1", "sh", "-c", `echo $0; ${end}`]),
    ["-n", "1", "missing"],
    ["-rn1"],
    ["--no-run-if-empty", "echo"],
    ["-n2", "-t", "true"],
    ["--", "echo", "-n"],
    ["--max-args=3"],
  ] as const).map((args) => ({ argv: ["xargs", ...args], stdin: SPLIT })),
  ...([[], ["-r"], ["-n1"], ["-I{}", "echo", "{}"], ["-0"], ["-0", "-r"], ["echo", "x"]] as const)
    .map((args) => ({ argv: ["xargs", ...args], stdin: "" })),
  ...([["-0"], ["-0", "-n1"], ["-0n1", "printf", "%s."], ["-0", "-I{}", "echo", "<{}>"]] as const)
    .map((args) => ({ argv: ["xargs", ...args], stdin: "a b\0c\nd\0'e\0" })),
  ...([["-n1", "dirname"], ["-n1", "basename"], ["cat"], ["-0n1", "dirname"]] as const)
    .map((args) => ({ argv: ["xargs", ...args], stdin: "list.txt\nenv.sh\n" })),
];

const LINES: readonly Call[] = ["a b \nc\nd\t\n\n e\n", "a \n\nb", " \na", 'a "b " \nb\\ \nc\n']
  .flatMap((stdin) =>
    ["1", "2"].map((lines) => ({ argv: ["xargs", "-L", lines, "echo", ":"], stdin }))
  );

const BASE64: readonly Call[] = [
  ...["", "a", "ab", "abc", "x".repeat(57), "y".repeat(58), "größe\n".repeat(30)].flatMap((text) =>
    ([[], ["-w", "0"], ["-w0"], ["--wrap=10"], ["-"]] as const).map((args) => (
      { argv: ["base64", ...args], stdin: text }
    ))
  ),
  ...["YQ==", "YWI=\n", "YWJj\nZGVm\n", "", "YQ", "Y Q==", "!!"].flatMap((text) =>
    ([["--decode"], ["-d"], ["-di"]] as const).map((args) => (
      { argv: ["base64", ...args], stdin: text }
    ))
  ),
  { argv: ["base64", "manifest.yaml"] },
  { argv: ["base64", "-w", "0", "unicode.txt"] },
  { argv: ["base64", "missing"] },
];

const SUMS: readonly Call[] = ["md5sum", "sha1sum", "sha256sum", "sha512sum"].flatMap((program) => [
  { argv: [program, "list.txt"] },
  { argv: [program, "list.txt", "env.sh", "missing"] },
  { argv: [program], stdin: "text\n" },
  { argv: [program, "-"], stdin: "" },
  { argv: [program, "-b", "list.txt"] },
  { argv: [program, "-c", `${program}.ok`] },
  { argv: [program, "-c", "--quiet", `${program}.ok`] },
  { argv: [program, "--check", `${program}.bad`] },
  { argv: [program, "--status", "-c", `${program}.bad`] },
  { argv: [program, "--ignore-missing", "-c", `${program}.bad`] },
  { argv: [program, "-c", "list.txt"] },
  ...["crlf", "one", "two", "spaces"].map((form) => ({
    argv: [program, "-c", `${program}.${form}`],
  })),
  { argv: [program, "-c", "list.txt", `${program}.ok`] },
  { argv: [program, "up/../list.txt"] },
]);

const READLINK: readonly Call[] = [
  ...["link", "list.txt", "missing", "links/deep", "dir/../link", "broken", "circle", "dir/", "."],
  ...["links/up/list.txt", "missing/x", "list.txt/x", "/", "//tmp/..", "dir/missing"],
  ...["list.txt/", "link/", "missing/", "dir/missing/", "list.txt/.", "missing/.", "broken/"],
  ...["up/../list.txt", "links/up/", "list.txt/x/..", "list.txt/..", "up/"],
].flatMap((path) =>
  ([[], ["-f"], ["-e"], ["-m"], ["-n"], ["-nf"]] as const).map((flags) => (
    { argv: ["readlink", ...flags, path] }
  ))
);

/** All of them. */
export const CALLS: readonly Call[] = [
  ...SED.flatMap((args): Call[] => [
    { argv: ["sed", ...args, "manifest.yaml"] },
    { argv: ["sed", ...args, "env.sh", "last.txt"] },
    { argv: ["sed", ...args], stdin: TEXTS["list.txt"]! },
    { argv: ["sed", ...args], stdin: TEXTS["versions.txt"]! },
    // GNU sed divides letters of several bytes here.
    ...args[0] === "s/x*/-/g" ? [] : [{ argv: ["sed", ...args, "unicode.txt"] }],
  ]),
  { argv: ["sed", "s/a/b/", "missing", "list.txt"] },
  ...DATES.map((args) => ({ argv: ["date", ...args] })),
  ...XARGS,
  ...LINES,
  ...BASE64,
  ...SUMS,
  ...READLINK,
];

/** Calls that are refused, never guessed. */
export const REFUSED: readonly (readonly string[])[] = [
  ["sed", "-E", "s/a|ab/x/"],
  ["sed", "-E", "s/(a*|b)/x/"],
  ["sed", "s//x/"],
  ["sed", "w file"],
  ["sed", "s/a/b/w file"],
  ["sed", "s/a/b/e"],
  ["sed", "r file"],
  ["sed", "l"],
  ["sed", "--debug", "p"],
  ["xargs", "-P", "x", "echo"],
  ["xargs", "-P-1", "echo"],
  ["sed", "s/\\cA/x/"],
  ["sed", "-i", "2q", "list.txt"],
  ["sed", "-E", "s/a?(ab)?/X/"],
  ["sed", "s/a*\\(ab\\)*//"],
  ["sed", "-E", "s/a?.(bc)?/X/"],
  ["sed", "-E", "s/(aba?)*/X/"],
  ["sed", "-E", "s/(ab)*(abc)?/X/"],
  ["sed", "s/[\\d065]/x/"],
  ["sed", "s/[\\a]/x/"],
  ["sed", "a b\\x41"],
  ["sed", "y/\\d065/x/"],
  ["sed", "-ibak/*", "s/a/b/", "list.txt"],
  ["sed", "-f", "-"],
  ["md5sum", "-c", "md5sum.bsd"],
  ["sha256sum", "-c", "sha256sum.escaped"],
  ["date", "-d", "2020-01-01 10:75"],
  ["date", "-d", "2020-01-01T10:00+25:00"],
  ["date", "-d", "next friday"],
  ["date", "-s", "2020-01-01"],
  ["date", "+%c"],
  ["date", "--rfc-3339=seconds"],
  ["mktemp", "-x"],
  ["xargs", "-d", ","],
  ["base64", "--wrap=x"],
  ["md5sum", "--tag", "list.txt"],
  ["readlink", "--zero", "x"],
];
