/**
 * The house rules of kbuild as a plugin for `deno lint`: which directory may import which, and where
 * processes, the environment and the exit belong. `deno.json` names it under `lint.plugins`.
 *
 * @module
 */

// Not @std/path: `deno lint` must run where its registry cannot be reached.
import { dirname, relative, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/**
 * The floors: a directory imports lower ones only. Directories of `src`, and for `src/lib` every file or
 * directory in it.
 */
const FLOORS: Readonly<Record<string, number>> = Object.freeze({
  "errors": 0,
  "events": 0,
  "bash": 1,
  "files": 1,
  "lib/counted": 1,
  "lib/image_name": 1,
  "lib/logging": 1,
  "lib/markup": 1,
  "lib/nearest": 1,
  "shell": 1,
  "git": 2,
  "lib/go_settings": 2,
  "lib/util": 2,
  "archive": 2,
  "gnu": 2,
  "cli": 2,
  "lib/init": 3,
  "lib/destination": 3,
  "lib/ownership": 3,
  "checkout": 3,
  "dockerfile": 3,
  "net": 3,
  "progress": 3,
  "sample": 3,
  "lib/lock": 4,
  "lib/outputs": 4,
  "lib/version": 4,
  "timings": 4,
  "toolchain": 4,
  "image": 4,
  "packages": 4,
  "store": 4,
  "lib/golang": 5,
  "registry": 5,
  "download": 5,
  "checks": 6,
  "container": 6,
  "generate": 6,
  "release": 6,
  "audit": 6,
  "bundle": 7,
  "sbom": 7,
  "testing": 7,
  "doctor": 7,
  "lib": 7, // src/lib/mod.ts, which gathers the others
  "commands": 8,
});

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** Path from the root of the repository, with slashes; undefined for a file outside. */
function pathInHouse(filename: string): string | undefined {
  const path = relative(ROOT, filename).replaceAll(sep, "/");
  return path.startsWith("../") || path.startsWith("/") ? undefined : path;
}

/** The directory that a path below `src` belongs to, as {@linkcode FLOORS} names it. */
function directoryOf(path: string): string | undefined {
  const [top = "", second = "", ...rest] = path.split("/").slice(1);
  if (!path.startsWith("src/")) return undefined;
  if (top === "lib" && second !== "mod.ts") {
    return `lib/${rest.length > 0 ? second : second.replace(/\.ts$/, "")}`;
  }
  return second === "" ? top.replace(/\.ts$/, "") : top;
}

/** Whether a path is the door of its directory: its `mod.ts`, or the file that is the directory. */
function isDoor(path: string, directory: string): boolean {
  return path === `src/${directory}.ts` || path === `src/${directory}/mod.ts`;
}

/** Whether the program proper is in the file: not tests, scripts or stand-ins. */
function isProgram(path: string): boolean {
  return path.startsWith("src/") || path === "main.ts" || path === "mod.ts";
}

function isOneOf(name: string, ...packages: string[]): boolean {
  const bare = name.replace(/^(jsr|npm):\/?/, "");
  return packages.some((each) =>
    bare === each || bare.startsWith(`${each}/`) || bare.startsWith(`${each}@`)
  );
}

type Report = (node: Deno.lint.Node, message: string, hint: string) => void;

/** A rule for the files of the house; `create` gets their path from the root. */
function rule(
  create: (path: string, report: Report) => Deno.lint.LintVisitor,
): Deno.lint.Rule {
  return {
    create(context) {
      const path = pathInHouse(context.filename);
      if (path === undefined) return {};
      return create(path, (node, message, hint) => context.report({ node, message, hint }));
    },
  };
}

/** Calls back for every specifier that a file imports or re-exports, types and `import()` too. */
function specifiers(
  visit: (specifier: string, node: Deno.lint.Node) => void,
): Deno.lint.LintVisitor {
  const literal = (source: Deno.lint.Node | null, node: Deno.lint.Node) => {
    if (source?.type === "TSLiteralType") source = source.literal;
    if (source?.type === "Literal" && typeof source.value === "string") visit(source.value, node);
  };
  return {
    ImportDeclaration: (node) => literal(node.source, node),
    ExportAllDeclaration: (node) => literal(node.source, node),
    ExportNamedDeclaration: (node) => literal(node.source, node),
    ImportExpression: (node) => literal(node.source, node),
    TSImportType: (node) => literal(node.argument, node),
  };
}

/** Calls back where one of the members of a global is read: `Deno.exit`, `{ exit } = Deno`. */
function members(
  globals: readonly string[],
  names: readonly string[],
  visit: (member: string, node: Deno.lint.Node) => void,
): Deno.lint.LintVisitor {
  const globalOf = (node: Deno.lint.Node | null): string | undefined => {
    if (node?.type === "MemberExpression") return propertyOf(node);
    return node?.type === "Identifier" ? node.name : undefined;
  };
  const propertyOf = ({ property, computed }: Deno.lint.MemberExpression): string | undefined => {
    if (property.type === "Identifier" && !computed) return property.name;
    return property.type === "Literal" ? String(property.value) : undefined;
  };
  const check = (object: Deno.lint.Node | null, member: string | undefined, at: Deno.lint.Node) => {
    const global = globalOf(object);
    if (global === undefined || !globals.includes(global)) return;
    if (member !== undefined && names.includes(member)) visit(`${global}.${member}`, at);
  };
  return {
    MemberExpression: (node) => check(node.object, propertyOf(node), node),
    VariableDeclarator(node) {
      if (node.id.type !== "ObjectPattern") return;
      for (const property of node.id.properties) {
        if (property.type !== "Property" || property.key.type !== "Identifier") continue;
        check(node.init, property.key.name, property);
      }
    },
  };
}

const floors = rule((path, report) => {
  if (!isProgram(path)) return {};
  const from = directoryOf(path);
  const own = from === undefined ? Infinity : FLOORS[from];
  const base = pathToFileURL(`${ROOT}/${path}`);
  return specifiers((specifier, node) => {
    if (!/^\.{0,2}\//.test(specifier) && !specifier.startsWith("file:")) return;
    if (own === undefined) {
      report(node, `Directory "${from}" has no floor`, "Add it to FLOORS in scripts/lint_rules.ts");
      return;
    }
    const target = pathInHouse(fileURLToPath(new URL(specifier, base)));
    const to = target === undefined ? undefined : directoryOf(target);
    if (target === undefined || to === undefined) {
      if (from === undefined || target?.endsWith(".json") === true) return;
      report(node, `"${specifier}" is outside src`, "The program imports from src alone");
      return;
    }
    if (to === from) return;
    const floor = FLOORS[to];
    if (floor === undefined) {
      report(node, `Directory "${to}" has no floor`, "Add it to FLOORS in scripts/lint_rules.ts");
    } else if (floor >= own) {
      report(
        node,
        `"${from}" (floor ${own}) imports "${to}" (floor ${floor})`,
        "A directory imports lower floors only: take what you need as a parameter, or move it down",
      );
    } else if (!isDoor(target, to)) {
      report(node, `"${specifier}" goes past the mod.ts of "${to}"`, `Import src/${to}/mod.ts`);
    }
  });
});

/** What sources may import by name: both import maps have exactly these (tests/npm/maps_test.ts). */
export const BARE_NAMES: readonly string[] = [
  ...["@std/assert", "@std/cli", "@std/fmt/bytes", "@std/fs", "@std/path"],
  ...["@std/tar", "@std/text", "@std/toml", "dax"],
];

const bareNames = rule((path, report) => {
  // npm/ is where the names lead to; the plugin itself runs where nothing can be resolved.
  const own = path.startsWith("npm/") ? ["deno-std", "@deno/shim-deno"] : [];
  return specifiers((specifier, node) => {
    if (/^(\.{0,2}\/|node:|file:|data:)/.test(specifier)) return;
    if (BARE_NAMES.includes(specifier) || isOneOf(specifier, ...own)) return;
    if (specifier === "@k8s/kbuild" || specifier.startsWith("@k8s/kbuild/")) {
      if (!isProgram(path)) return;
    }
    report(
      node,
      `"${specifier}" is not one of the names that both import maps have`,
      "Import a name of deno.json unchanged, or add it to deno.json, deno.npm.json and BARE_NAMES",
    );
  });
});

const daxInShell = rule((path, report) =>
  /^(src\/shell|tests\/npm)\//.test(path) ? {} : specifiers((specifier, node) => {
    if (!isOneOf(specifier, "dax", "@david/dax")) return;
    report(node, "dax is imported outside src/shell", "Use $ of a Shell");
  })
);

const stdCliInCli = rule((path, report) =>
  path.startsWith("src/cli/") || path.startsWith("tests/npm/")
    ? {}
    : specifiers((specifier, node) => {
      if (!isOneOf(specifier, "@std/cli")) return;
      report(node, "@std/cli is imported outside src/cli", "Use src/cli/mod.ts");
    })
);

const noExit = rule((path, report) =>
  !isProgram(path) || path === "main.ts"
    ? {}
    : members(["Deno", "process"], ["exit"], (member, node) => {
      report(node, `${member} is used outside main.ts`, "Throw a KbuildError with an exitCode");
    })
);

const noAmbientState = rule((path, report) =>
  !isProgram(path) || path === "main.ts"
    ? {}
    : members(["Deno", "process"], ["env", "cwd", "chdir"], (member, node) => {
      report(node, `${member} is used outside main.ts`, "Take the value as a parameter");
    })
);

const noDefaultExport = rule((path, report) => {
  // Deno takes a lint plugin as the default export.
  if (path === "scripts/lint_rules.ts") return {};
  const complain = (node: Deno.lint.Node) => report(node, "A default export", "Export it by name");
  return {
    ExportDefaultDeclaration: complain,
    ExportSpecifier({ exported, parent }) {
      const name = exported.type === "Identifier" ? exported.name : exported.value;
      if (name === "default") complain(parent);
    },
  };
});

const processInShell = rule((path, report) => {
  if (!isProgram(path) && !path.startsWith("scripts/") || path.startsWith("src/shell/")) return {};
  const hint = "Take a Shell as a parameter and use its run() or $";
  return {
    ...members(["Deno"], ["Command"], (member, node) => {
      report(node, `${member} is used outside src/shell`, hint);
    }),
    ...specifiers((specifier, node) => {
      if (!isOneOf(specifier, "node:child_process", "child_process")) return;
      report(node, `"${specifier}" is imported outside src/shell`, hint);
    }),
  };
});

const gitInGit = rule((path, report) => {
  if (!isProgram(path) || /^src\/(git|shell)\//.test(path)) return {};
  const hint = "Use askGit() or runGit() of src/git/mod.ts, which settings cannot change";
  return {
    ArrayExpression(node) {
      const [first] = node.elements;
      if (first?.type !== "Literal" || first.value !== "git") return;
      report(node, "git is started outside src/git", hint);
    },
    TaggedTemplateExpression(node) {
      if (!node.quasi.quasis.some(({ raw }) => /(?:^|[|&;]\s*)git /.test(raw))) return;
      report(node, "git is started outside src/git", hint);
    },
  };
});

/** An error that nobody looks at: what cannot be read would count as missing. */
const noSwallow = rule((path, report) => {
  if (!isProgram(path) || path === "src/files/if_present.ts") return {};
  const hint =
    "Use ifPresent() for what may be missing, jsonIn() for text, ifPossible() for what only " +
    "saves work or tidies up (src/files); else look at the error: systemCode(), instanceof";
  // A name that begins with "_" says that nothing uses it.
  const isUnused = (error: Deno.lint.Parameter | Deno.lint.Node | null | undefined) =>
    error == null || (error.type === "Identifier" && error.name.startsWith("_"));
  const isBlind = (handler: Deno.lint.Node | undefined) =>
    (handler?.type === "ArrowFunctionExpression" || handler?.type === "FunctionExpression") &&
    isUnused(handler.params[0]);
  return {
    CatchClause(node) {
      if (isUnused(node.param)) report(node, "Every error of a block is dropped", hint);
    },
    CallExpression(node) {
      const { callee, arguments: [first, second] } = node;
      if (callee.type !== "MemberExpression" || callee.property.type !== "Identifier") return;
      const { name } = callee.property;
      if ((name === "catch" && isBlind(first)) || (name === "then" && isBlind(second))) {
        report(node, "Every error of a promise is dropped", hint);
      }
    },
  };
});

/** Methods of strings that look into them. */
const LOOKS: readonly string[] = [
  ...["endsWith", "includes", "indexOf", "match", "matchAll", "search", "startsWith"],
];

/** Texts of errors are for people; a decision that depends on one changes with its wording. */
const textsAreForPeople = rule((path, report) => {
  if (!isProgram(path)) return {};
  const nameOf = (node: Deno.lint.Node | undefined): string | undefined =>
    node?.type === "MemberExpression" && node.property.type === "Identifier" && !node.computed
      ? node.property.name
      : undefined;
  const isText = (node: Deno.lint.Node | undefined) =>
    ["message", "reason", "notes"].includes(nameOf(node) ?? "");
  const complain = (node: Deno.lint.Node) =>
    report(
      node,
      "The text of an error is looked into",
      "Ask for its class, systemCode(), or a field; where another library has the text alone, turn it into " +
        "a field in one place",
    );
  return {
    CallExpression(node) {
      const { callee, arguments: [first] } = node;
      if (callee.type !== "MemberExpression") return;
      const method = nameOf(callee) ?? "";
      const isPattern = method === "test" || method === "exec";
      if (LOOKS.includes(method) && isText(callee.object)) complain(node);
      else if (isPattern && first?.type === "MemberExpression" && isText(first)) complain(node);
    },
    BinaryExpression(node) {
      if (!/^[!=]==?$/.test(node.operator)) return;
      const sides = [node.left, node.right];
      const isConstant = sides.some(({ type }) => type === "Literal" || type === "TemplateLiteral");
      if (isConstant && sides.some((side) => side.type === "MemberExpression" && isText(side))) {
        complain(node);
      }
    },
  };
});

/** Removing and renaming: what may be removed or replaced is decided in src/files. */
const removalInFiles = rule((path, report) => {
  if (!isProgram(path) || path.startsWith("src/files/")) return {};
  const hint = "Use removeTree(), removeIfEmpty(), moveFile(), moveNew() or replaceLink() of " +
    "src/files/mod.ts; for what kbuild may not have made, ask checkDisposable() first";
  return {
    ...members(["Deno"], ["remove", "removeSync", "rename", "renameSync"], (member, node) => {
      report(node, `${member} is used outside src/files`, hint);
    }),
    ...specifiers((specifier, node) => {
      if (!/^(node:)?fs(\/promises)?$/.test(specifier)) return;
      report(node, `"${specifier}" is imported outside src/files`, hint);
    }),
  };
});

/** What reads a file by its name, and waits for ever if that is a named pipe. */
const READERS: readonly string[] = ["readFile", "readTextFile", "copyFile"];

const regularFiles = rule((path, report) => {
  if (!isProgram(path) || path === "src/files/regular.ts") return {};
  return {
    CallExpression({ callee, arguments: given }) {
      if (callee.type !== "MemberExpression" || callee.property.type !== "Identifier") return;
      if (callee.object.type !== "Identifier" || callee.object.name !== "Deno") return;
      const name = callee.property.name.replace(/Sync$/, "");
      // With options a file is opened to write it, which has just been made.
      if (!READERS.includes(name) && (name !== "open" || given.length > 1)) return;
      report(
        callee,
        `Deno.${callee.property.name} waits for whoever writes to a named pipe`,
        "Use openFile(), readFile(), readText() or copyFile() of src/files",
      );
    },
  };
});

/** Phrases that read as translated, with what to write. Each is at zero where the rule looks. */
export const PHRASES: readonly (readonly [phrase: RegExp, instead: string])[] = [
  [
    /(?<!\bthere )\b(?:is|are|was|were) no\b(?! (?:longer|more|less|later|earlier|older|newer)\b)/i,
    'Write "is not a"; "there is no" is fine',
  ],
  [/(?<!\bthere )\b(?:is|are|was|were) none\b/i, 'Write "is not one"; "there is none" is fine'],
  [
    /\bdivided by (?:commas?|colons?|blanks?|spaces?|white|empty|lines?)\b/i,
    'Write "separated by"',
  ],
  [/\bstands?\b(?! for\b|-)/i, 'Write "is", "is in", "precedes", "follows"'],
  [/\b(?:lies|lie|lay) (?:in|on|at|below|beside|there|under|with|outside)\b/i, 'Write "is in"'],
  [/\b(?:is|are|was|were) (?:said|told)\b(?! apart\b)/i, 'Write "reports", "receives", "logs"'],
  [/\b(?:goes|go|gone) on with\b/i, 'Write "resumes" or "continues"'],
  [/\b(?:to be|be) had\b/i, 'Write "unavailable" or "cannot be fetched"'],
  [/\b(?:says?|said) of (?:it|them)sel(?:f|ves)\b/i, "Name what it has or claims"],
  [/\bbesides\b/i, 'Write "also", "apart from" or "in addition to"'],
  [/^\W*What of\b/, "Begin with a noun or a verb"],
];

/** English in comments and strings: the patterns that were the most frequent of their kind. */
const plainEnglish = rule((path, report) => {
  // The rule and its test name the phrases.
  if (/lint_rules(_test)?\.ts$/.test(path)) return {};
  const check = (node: Deno.lint.Node, text: string) => {
    for (const [phrase, instead] of PHRASES) {
      const found = phrase.exec(text)?.[0];
      if (found !== undefined) {
        report(node, `"${found.replace(/^\W+/, "")}" reads as translated`, instead);
      }
    }
  };
  // The sample's texts decide digests, tests hold what other programs print.
  const strings = isProgram(path) && !path.startsWith("src/sample/");
  return {
    Program(program) {
      for (const comment of program.comments) {
        check(comment, comment.value.replaceAll(/\n\s*\*?\s*/g, " "));
      }
    },
    ...(!strings ? {} : {
      Literal(node) {
        if (typeof node.value === "string") check(node, node.value);
      },
      TemplateElement: (node) => check(node, node.cooked),
    }),
  };
});

/** The plugin, under the prefix `kbuild/`. */
const plugin: Deno.lint.Plugin = {
  name: "kbuild",
  rules: {
    "bare-names": bareNames,
    "floors": floors,
    "dax-in-shell": daxInShell,
    "git-in-git": gitInGit,
    "std-cli-in-cli": stdCliInCli,
    "no-exit": noExit,
    "no-swallow": noSwallow,
    "no-ambient-state": noAmbientState,
    "no-default-export": noDefaultExport,
    "plain-english": plainEnglish,
    "process-in-shell": processInShell,
    "removal-in-files": removalInFiles,
    "texts-are-for-people": textsAreForPeople,
    "regular-files": regularFiles,
  },
};

export default plugin;
