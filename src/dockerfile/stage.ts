import type { KbuildError } from "../errors.ts";
import { readCopy } from "./copy.ts";
import type { DockerfileOptions, DockerfileStage, ImageSettings, ImageStep } from "./types.ts";
import {
  expandWord,
  type Instruction,
  jsonWords,
  type Lookup,
  normalPath,
  pairsOf,
  plainWords,
  splitWords,
} from "./words.ts";
import { withCapability } from "./steps.ts";

/** A stage while it is read. */
export interface OpenStage extends DockerfileStage {
  base: string;
  steps: readonly ImageStep[];
  settings: ImageSettings;
  /** Values of the ARGs that this stage declares. */
  readonly args: Map<string, string>;
  /** Whether CMD was set here, not in a stage below: ENTRYPOINT drops the latter. */
  hasCommand: boolean;
  /** Why it cannot be built. */
  unsupported: KbuildError | undefined;
}

/** A stage at its FROM. */
export function newStage(fields: Pick<DockerfileStage, "name" | "base" | "arch">): OpenStage {
  const settings: ImageSettings = {
    ...{ env: {}, labels: {}, ports: [], volumes: [] },
    ...{ entrypoint: undefined, cmd: undefined, user: undefined, workingDir: undefined },
    stopSignal: undefined,
  };
  return {
    ...fields,
    steps: [],
    settings,
    args: new Map(),
    hasCommand: false,
    unsupported: undefined,
  };
}

/** Reads one instruction after the other; what it cannot read it throws as a SyntaxError. */
export class StageReader {
  readonly #options: DockerfileOptions;
  /** Values of the ARGs in front of the first FROM; undefined for those without one. */
  readonly #globals = new Map<string, string | undefined>();
  /** What BuildKit declares by itself, for FROM lines; a stage has to declare it. */
  readonly #platform: Readonly<Record<string, string>>;

  constructor(options: DockerfileOptions) {
    this.#options = options;
    const { arch } = options;
    // Nothing may depend on the machine that builds: it counts as one of the same kind.
    this.#platform = Object.fromEntries(
      ["TARGET", "BUILD"].flatMap((side) => [
        [`${side}PLATFORM`, `linux/${arch}`],
        [`${side}OS`, "linux"],
        [`${side}ARCH`, arch],
        [`${side}VARIANT`, arch === "arm" ? "v7" : ""],
      ]),
    );
  }

  /** Reads an instruction; FROM adds to the stages. */
  read({ keyword, rest, line }: Instruction, stages: OpenStage[]): void {
    const stage = stages.at(-1);
    if (keyword === "FROM") stages.push(this.#from(rest, stages));
    else if (keyword === "ARG") this.#arg(rest, stage);
    else if (stage === undefined) throw new SyntaxError(`${keyword} before FROM`);
    else if (keyword === "RUN") this.#run(rest, line, stage);
    else if (keyword === "COPY" || keyword === "ADD") {
      const { workingDir } = stage.settings;
      const inherited = this.#base(stage)?.workingDir;
      const step = readCopy({ keyword, rest, line }, {
        lookup: this.#lookup(stage),
        workingDir: workingDir ?? inherited ?? "/",
        stages,
      });
      stage.steps = [...stage.steps, step];
    } else this.#set(keyword, rest, line, stage);
  }

  #from(rest: string, stages: readonly OpenStage[]): OpenStage {
    const lookup: Lookup = (name) => this.#globals.get(name) ?? this.#platform[name];
    const words = plainWords(rest).map((word) => expandWord(word, lookup));
    const flags = words.filter((word) => word.startsWith("--"));
    const [base = "", as, name] = words.filter((word) => !word.startsWith("--"));
    if (base === "") throw new SyntaxError(`FROM ${rest} names no image`);
    if (as !== undefined && (as.toUpperCase() !== "AS" || name === undefined)) {
      throw new SyntaxError(`FROM ${rest}`);
    }
    let arch: string | undefined;
    for (const flag of flags) {
      arch = /^--platform=(?:linux\/)?([a-z0-9]+)(?:\/v\d+)?$/.exec(flag)?.[1];
      if (arch === undefined) throw new SyntaxError(`FROM ${flag}`);
    }
    const fields = { name: name?.toLowerCase(), base, arch };
    const parent = stages.findLast((stage) => stage.name === base.toLowerCase());
    if (parent === undefined) return newStage(fields);
    const { base: own, steps, settings, unsupported } = parent;
    return { ...newStage(fields), base: own, steps, settings, unsupported };
  }

  /** A build argument beats the stage's default, and that the value from in front of FROM. */
  #arg(rest: string, stage: OpenStage | undefined): void {
    const given = this.#options.args;
    for (const word of splitWords(rest)) {
      const equals = word.indexOf("=");
      const name = equals < 0 ? word : word.slice(0, equals);
      if (!/^\w+$/.test(name)) throw new SyntaxError(`ARG ${rest}`);
      const lookup = stage === undefined
        ? (name: string) => this.#globals.get(name) ?? this.#platform[name]
        : this.#lookup(stage);
      const fallback = equals < 0 ? undefined : expandWord(word.slice(equals + 1), lookup);
      const value = given[name] ?? fallback;
      if (stage === undefined) this.#globals.set(name, value);
      else {
        const inherited = value ?? this.#globals.get(name) ?? this.#platform[name];
        if (inherited !== undefined) stage.args.set(name, inherited);
      }
    }
  }

  #base({ base }: OpenStage) {
    return this.#options.bases?.[base];
  }

  /** ENV beats ARG, and both beat what the base image brings. */
  #lookup(stage: OpenStage): Lookup {
    const { env } = stage.settings;
    const inherited = this.#base(stage)?.env;
    return (name) => env[name] ?? stage.args.get(name) ?? inherited?.[name];
  }

  #set(keyword: string, rest: string, line: number, stage: OpenStage): void {
    const lookup = this.#lookup(stage);
    const expand = (text: string) => expandWord(text, lookup);
    const { settings } = stage;
    const change = (changes: Partial<ImageSettings>) =>
      stage.settings = { ...settings, ...changes };
    switch (keyword) {
      case "ENV":
        return void change({ env: { ...settings.env, ...pairsOf(rest, lookup) } });
      case "LABEL":
        return void change({ labels: { ...settings.labels, ...pairsOf(rest, lookup) } });
      case "ENTRYPOINT":
        return void change({
          entrypoint: commandLine(rest),
          ...(stage.hasCommand ? {} : { cmd: undefined }),
        });
      case "CMD":
        stage.hasCommand = true;
        return void change({ cmd: commandLine(rest) });
      case "USER":
        return void change({ user: expand(rest) });
      case "STOPSIGNAL":
        return void change({ stopSignal: expand(rest) });
      case "EXPOSE": {
        const ports = plainWords(rest).map(expand).flatMap(portsOf);
        return void change({ ports: [...new Set([...settings.ports, ...ports])].sort() });
      }
      case "VOLUME": {
        const words = jsonWords(rest) ?? plainWords(rest);
        const volumes = [...settings.volumes, ...words.map(expand)];
        return void change({ volumes: [...new Set(volumes)].sort() });
      }
      case "WORKDIR": {
        const above = settings.workingDir ?? this.#base(stage)?.workingDir ?? "/";
        const path = normalPath(expand(rest), above);
        stage.steps = [...stage.steps, {
          line,
          createdBy: `WORKDIR ${path}`,
          changes: [{ kind: "directory", path }],
        }];
        return void change({ workingDir: path });
      }
    }
    throw new SyntaxError(`${keyword} is not known to kbuild`);
  }

  /** `setcap CAPS FILE` and `ln -s TARGET PATH`, several joined by `&&`. */
  #run(rest: string, line: number, stage: OpenStage): void {
    // In the exec form (kubernetes/kubernetes#136633) there is no shell that knows variables.
    const plain = jsonWords(rest);
    const lookup = this.#lookup(stage);
    const commands = plain === undefined
      ? rest.split("&&").map((part) => splitWords(part))
      : [plain];
    for (const words of commands) {
      if (plain === undefined && words.some((word) => /[;|<>()`]|\$\(/.test(word))) {
        throw new SyntaxError(`RUN ${rest}`);
      }
      const expanded = plain ?? words.map((word) => expandWord(word, lookup));
      const [program, first = "", second = "", third = "", ...more] = expanded;
      if (program === "setcap" && second !== "" && third === "") {
        stage.steps = withCapability(stage.steps, second, first);
      } else if (program === "ln" && isLinkFlag(first) && third !== "" && more.length === 0) {
        if (!third.startsWith("/") || third.endsWith("/")) throw new SyntaxError(`RUN ${rest}`);
        const link = { kind: "link", path: third, target: second } as const;
        const last = stage.steps.at(-1);
        // One RUN is one layer.
        stage.steps = last?.line === line
          ? [...stage.steps.slice(0, -1), { ...last, changes: [...last.changes, link] }]
          : [...stage.steps, { line, createdBy: `RUN ${rest}`, changes: [link] }];
      } else throw new SyntaxError(`RUN ${rest}`);
    }
  }
}

function isLinkFlag(word: string): boolean {
  return /^-(s|sf|fs|snf|sfn)$/.test(word);
}

/** `["a", "b"]`, or a shell line, which docker runs by /bin/sh. */
function commandLine(rest: string): readonly string[] {
  return jsonWords(rest) ?? Object.freeze(["/bin/sh", "-c", rest]);
}

/** "80" → "80/tcp"; "90-91/udp" → two. */
function portsOf(text: string): readonly string[] {
  const [, from = "", to = from, protocol = "tcp"] =
    /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/i.exec(text) ?? [];
  const [first, last] = [Number(from), Number(to)];
  if (from === "" || first > last || last > 65535) throw new SyntaxError(`EXPOSE ${text}`);
  return Array.from(
    { length: last - first + 1 },
    (_, i) => `${first + i}/${protocol.toLowerCase()}`,
  );
}
