import { UsageError } from "../errors.ts";
import { quoteCommand } from "../shell/mod.ts";
import { toYaml, type YamlValue } from "./yaml.ts";
import type { MATRIX_SYSTEMS } from "./matrix_systems.ts";

/** What is run in shards. */
export interface MatrixRequest {
  /** The store's address. */
  readonly store: string;
  /** The command and its arguments. */
  readonly words: readonly string[];
  /** How many machines. */
  readonly shards: number;
  /** Image with kbuild and what it needs. */
  readonly image?: string | undefined;
  /** What a job clones; of prow, ORG/REPO. */
  readonly repository?: string | undefined;
  /** Tag or branch. */
  readonly ref?: string | undefined;
}

/**
 * The file that has a system run the shards of a command, and gathers what they made. Pure.
 *
 * @throws {UsageError} The system cannot express it.
 */
export function matrixFile(
  system: (typeof MATRIX_SYSTEMS)[number],
  request: MatrixRequest,
): string {
  if (/^\s*[a-z][a-z0-9+.-]*:\/\/.*@/is.test(request.store)) {
    throw new UsageError("Cannot write the log-in of a store into a file", [
      "Leave it out of the address, and give it to the machines as a secret",
    ]);
  }
  const head = `# Written by "kbuild matrix ${system}": shards of "${
    ["kbuild", ...request.words].join(" ").replaceAll(/[\r\n]/g, " ")
  }".\n`;
  return head + WRITERS[system](request).map(toYaml).join("---\n");
}

const WRITERS: Readonly<
  Record<(typeof MATRIX_SYSTEMS)[number], (request: MatrixRequest) => readonly YamlValue[]>
> = { github: githubFile, gitlab: gitlabFile, job: jobFile, prow: prowFile };

/** Hours that a shard may take. */
const HOURS = 6;

/** What a command leaves, and a job keeps. */
function artifactsOf([command = "", ...rest]: readonly string[]): readonly string[] {
  if (/^(quick-)?release-images$/.test(command)) return ["_output/release-images"];
  if (/release/.test(command)) return ["_output/release-tars", "_output/release-images"];
  const isDockerized = command === "cross-in-a-container" || rest.includes("--container");
  return [isDockerized ? "_output/dockerized/bin" : "_output/local/bin"];
}

/** GitHub Actions: a job with a matrix, and one that needs it. */
function githubFile({ store, words, shards }: MatrixRequest): readonly YamlValue[] {
  if ([store, ...words].some((word) => word.includes("${{"))) {
    throw new UsageError('Cannot write "${{" into a workflow: GitHub would replace it');
  }
  const steps = (run: string, env: Readonly<Record<string, string>>): YamlValue[] => [
    // Tags decide over the version.
    { uses: "actions/checkout@v4", with: { "fetch-depth": 0 } },
    { run: "npm install --global @k8s/kbuild" },
    { run, env: { KBUILD_STORE: store, ...env } },
  ];
  const shared = { "runs-on": "ubuntu-latest", "timeout-minutes": HOURS * 60 };
  return [{
    name: "Release in shards",
    on: { workflow_dispatch: {}, push: { tags: ["v*"] } },
    permissions: { contents: "read", packages: "write" },
    jobs: {
      shard: {
        ...shared,
        strategy: {
          "fail-fast": false,
          matrix: { shard: Array.from({ length: shards }, (_, at) => at + 1) },
        },
        steps: steps(quoteCommand(["kbuild", ...words]), {
          KBUILD_SHARD: `\${{ matrix.shard }}/${shards}`,
        }),
      },
      gather: {
        ...shared,
        needs: "shard",
        steps: [
          ...steps(quoteCommand(["kbuild", "gather", ...words]), {}),
          {
            uses: "actions/upload-artifact@v4",
            with: { name: words[0] ?? "release", path: artifactsOf(words).join("\n") },
          },
        ],
      },
    },
  }];
}

/** GitLab CI: `parallel` gives each job `CI_NODE_INDEX` and `CI_NODE_TOTAL`. */
function gitlabFile({ store, words, shards, image }: MatrixRequest): readonly YamlValue[] {
  const shared = {
    ...image === undefined ? {} : { image },
    timeout: `${HOURS} hours`,
    // GitLab replaces variables in values that are not marked.
    variables: { GIT_DEPTH: 0, KBUILD_STORE: { value: store, expand: false } },
  };
  return [{
    stages: ["shards", "gather"],
    shard: {
      stage: "shards",
      ...shared,
      // GitLab wants two or more.
      ...shards > 1 ? { parallel: shards } : {},
      script: [quoteCommand(["kbuild", ...words, "--shard", shards > 1 ? "auto" : "1/1"])],
    },
    gather: {
      stage: "gather",
      ...shared,
      script: [quoteCommand(["kbuild", "gather", ...words])],
      artifacts: { paths: artifactsOf(words) },
    },
  }];
}

/** Kubernetes replaces `$(NAME)` in arguments. */
function literally(words: readonly string[]): readonly string[] {
  return words.map((word) => word.replaceAll("$(", "$$$$("));
}

function needImage(system: string, image: string | undefined): string {
  if (image !== undefined) return image;
  throw new UsageError(`Cannot write a file for "${system}" without --image`, [
    "An image with kbuild, git, Go and, for cgo, C compilers",
  ]);
}

/** Kubernetes: an Indexed Job, whose pods have `JOB_COMPLETION_INDEX`, and a Job that gathers. */
function jobFile(request: MatrixRequest): readonly YamlValue[] {
  const { store, words, shards, repository = "https://github.com/kubernetes/kubernetes", ref } =
    request;
  const image = needImage("job", request.image);
  const clone = ["clone", ...ref === undefined ? [] : ["--branch", ref], "--", repository, "/src"];
  const work = { name: "src", mountPath: "/src" };
  const pod = (args: readonly string[], more: YamlValue[] = []) => ({
    spec: {
      restartPolicy: "Never",
      initContainers: [{
        ...{ name: "clone", image, command: ["env", "git", ...literally(clone)] },
        volumeMounts: [work],
      }],
      containers: [{
        ...{ name: "kbuild", image, command: ["kbuild", ...literally(args)] },
        workingDir: "/src",
        env: [{ name: "KBUILD_STORE", value: literally([store])[0]! }],
        volumeMounts: [work],
      }, ...more],
      volumes: [{ name: "src", emptyDir: {} }],
    },
  });
  const job = (
    name: string,
    hours: number,
    spec: Readonly<Record<string, YamlValue>>,
  ): YamlValue => ({
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name },
    spec: { activeDeadlineSeconds: hours * 3600, backoffLimit: 2, ...spec },
  });
  const sharding = ["--shard", `auto/${shards}`];
  return [
    job("kbuild-shards", HOURS, {
      ...{ completionMode: "Indexed", completions: shards, parallelism: shards },
      backoffLimit: shards,
      template: pod([...words, ...sharding]),
    }),
    // Jobs do not wait for each other: this one is tried until the store has everything, from the beginning.
    job("kbuild-gather", 2 * HOURS, {
      backoffLimit: 1000,
      template: pod(["gather", ...words]),
    }),
  ];
}

/** Prow: a postsubmit for each shard, and one that waits for what they make. */
function prowFile(request: MatrixRequest): readonly YamlValue[] {
  const { store, words, shards, repository = "kubernetes/kubernetes", ref = "master" } = request;
  const image = needImage("prow", request.image);
  if (!/^[\w.-]+\/[\w.-]+$/.test(repository)) {
    throw new UsageError(`Cannot use --repository "${repository}" with prow: ORG/REPO is meant`);
  }
  const escaped = ref.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const job = (name: string, hours: number, command: readonly string[]): YamlValue => ({
    name,
    branches: [`^${escaped}$`],
    decorate: true,
    decoration_config: { timeout: `${hours}h` },
    spec: {
      containers: [{
        image,
        command: literally(command),
        env: [{ name: "KBUILD_STORE", value: literally([store])[0]! }],
      }],
    },
  });
  const gather = quoteCommand(["kbuild", "gather", ...words]);
  return [{
    postsubmits: {
      [repository]: [
        ...Array.from(
          { length: shards },
          (_, at) =>
            job(`kbuild-shard-${at + 1}`, HOURS, [
              "kbuild",
              ...words,
              "--shard",
              `${at + 1}/${shards}`,
            ]),
        ),
        // Jobs of Prow do not wait for each other.
        job("kbuild-gather", 2 * HOURS, [
          ...["sh", "-c"],
          `until ${gather}; do [ $? != 2 ] || exit 2; sleep 60; done; ` +
          `cp -R ${artifactsOf(words).join(" ")} "$ARTIFACTS"`,
        ]),
      ],
    },
  }];
}
