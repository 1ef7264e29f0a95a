/** Dockerfiles carried out by kbuild and by a real builder: the same files, the same settings. */
import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { KbuildError } from "../../src/errors.ts";
import { planDockerfile } from "../../src/dockerfile/mod.ts";
import {
  applyDockerfile,
  baseSettings,
  configChanges,
  openBase,
  pinEngineImage,
  writeImageArchive,
} from "../../src/image/mod.ts";
import { createShell } from "../../src/shell/mod.ts";
import {
  comparable,
  type ComparableImage,
  Docker,
  findBuildx,
  importBases,
  makeBuilder,
  NEEDS_BUILDX,
  NEEDS_DOCKER,
  runWith,
} from "./_engine.ts";
import { inScratch, output, which } from "./_program.ts";

const BASE = "kbuild.test/base:1";
const OTHER = "kbuild.test/other:1";
const SETCAP = "kbuild.test/setcap:1";

/** Name -> Dockerfile; the context has what `makeContext` makes. */
const DOCKERFILES: Readonly<Record<string, string>> = {
  "files and directories": `FROM ${BASE}
COPY prog /usr/local/bin/prog
COPY text prog /new/directory/
COPY tree /kubernetes/cluster
COPY tree/below /usr/local
COPY prog /tmp
COPY text /sbin/text
ADD text /etc/base
`,
  "all of the context": `ARG NAME
FROM ${BASE}
COPY \${NAME} /usr/local/bin/\${NAME}
`,
  "owners and modes": `FROM ${BASE}
COPY --chown=5:6 prog /a/b/prog
COPY --chown=7 text /c/text
COPY --chown=nobody text /d/text
COPY --chown=nobody:staff tree /e
COPY --chmod=0640 text /f/text
COPY --chmod=711 tree /g
COPY --chown=5:6 --chmod=711 prog /usr/local/bin/
`,
  "stages": `FROM ${OTHER} AS tools
COPY prog /made/prog
COPY --chown=5:6 tree /made/tree
FROM ${BASE}
COPY --from=tools /usr/bin/tool /usr/local/bin/
COPY --from=tools /usr/bin/link /usr/bin/same /links/
COPY --from=0 /made/prog /x/
COPY --from=0 /made/tree /y
COPY --from=0 /made/tree/below/deep /z
COPY --from=${OTHER} /etc /others
`,
  "capabilities": `FROM ${SETCAP}
ARG NAME
COPY prog /\${NAME}
RUN setcap cap_net_bind_service=+ep /\${NAME}
FROM ${BASE}
ARG NAME
COPY --from=0 /\${NAME} /usr/local/bin/\${NAME}
`,
  "links": `FROM ${BASE}
RUN ln -s /hyperkube /apiserver \\
 && ln -s /hyperkube /usr/bin/kubelet
COPY prog /hyperkube
`,
  "settings": `ARG GLOBAL=global
FROM ${BASE}
ARG NAME
ARG GLOBAL
ENV A=1 B="two words" C=$NAME
ENV D=$A:\${GLOBAL} PATH=/x:$PATH
ENV OLD form of it
LABEL one=1 "two words"="b c"
EXPOSE 80 90-91/udp
VOLUME /data /more
WORKDIR /usr/local
WORKDIR new/directory
USER 65532:65532
STOPSIGNAL SIGQUIT
COPY text relative
CMD ["run", "it"]
`,
  "entrypoint": `FROM ${BASE}
ENTRYPOINT ["/bin/kubectl"]
`,
  "shell forms": `FROM ${BASE} AS first
CMD echo $A
FROM first
ENTRYPOINT exec top -b
`,
  "scratch": `FROM scratch
COPY prog /prog
ENV A=1
CMD ["/prog"]
`,
};

async function makeContext(dir: string): Promise<void> {
  const make = `mkdir -p "$1/tree/below/deep" && cd "$1" && umask 022 && echo prog > prog &&
chmod 755 prog && echo text > text && echo one > tree/one && echo two > tree/below/deep/two &&
ln -s one tree/link && chmod 755 tree/below/deep/two`;
  await output(["sh", "-c", make, "sh", dir]);
}

const docker = await Docker.find();
const lacking = docker === undefined
  ? NEEDS_DOCKER
  : findBuildx() === undefined
  ? NEEDS_BUILDX
  : ["busybox", "bash"].filter((program) => which(program) === undefined)
    .map((program) => `needs ${program}`)[0];

Deno.test({
  name: `applyDockerfile() makes what a builder makes${lacking ? ` (skipped: ${lacking})` : ""}`,
  ignore: lacking !== undefined,
  fn: (t) =>
    inScratch(async (dir) => {
      const bases = await importBases(docker!, dir, [BASE, OTHER, SETCAP]);
      const builder = await makeBuilder(docker!, dir);
      const context = join(dir, "context");
      await makeContext(context);
      const tag = `kbuild.test/made:${Deno.pid}`;
      try {
        await t.step(
          "openBase() takes an image out of the engine, as docker save does",
          async () => {
            const shell = createShell({ cwd: "/", env: { ...builder } });
            const pinned = await pinEngineImage(shell, BASE);
            await using ours = await openBase(pinned, { arch: "amd64", shell, tempDir: dir });
            await using saved = await openBase(bases[BASE]!, { arch: "amd64" });
            assertEquals(
              ours.layers.map(({ diffID }) => diffID),
              saved.layers.map((l) => l.diffID),
            );
            assertEquals(ours.config, saved.config);
            await assertRejects(
              () => pinEngineImage(shell, "kbuild.test/none:1"),
              KbuildError,
              'Cannot take base image "kbuild.test/none:1" from the Docker engine',
            );
          },
        );
        for (const [name, text] of Object.entries(DOCKERFILES)) {
          await t.step({
            name,
            fn: async () => {
              const file = join(dir, "Dockerfile");
              await Deno.writeTextFile(file, text);
              const build = ["docker", "buildx", "build", "--load", "-f", file, "-t", tag];
              await runWith([...build, "--build-arg", "NAME=prog", context], builder);
              const theirs = join(dir, "theirs.tar");
              await docker!.run("save", "-o", theirs, tag);
              const ours = join(dir, "ours.tar");
              const below = await ourImage(text, context, ours, tag, bases);
              const [own, other] = [await comparable(ours, below), await comparable(theirs, below)];
              assertEquals(own, withoutMountPoints(text, other));
            },
          });
        }
      } finally {
        await docker!.run("rmi", "-f", tag, BASE, OTHER, SETCAP).catch(() => {});
      }
    }),
});

/** A container that RUN starts leaves the places behind where it had something mounted. */
function withoutMountPoints(text: string, image: ComparableImage): ComparableImage {
  if (!/^RUN /m.test(text)) return image;
  const files = Object.entries(image.files).filter(([path, words]) =>
    !(["dev", "etc", "proc", "sys"].includes(path) && words.startsWith("directory"))
  );
  return { ...image, files: Object.fromEntries(files) };
}

/** Writes kbuild's image; returns how many layers its base has. */
async function ourImage(
  text: string,
  directory: string,
  out: string,
  tag: string,
  archives: Readonly<Record<string, string>>,
): Promise<number> {
  const options = { path: "Dockerfile", args: { NAME: "prog" }, arch: "amd64" };
  const { base: reference } = planDockerfile(text, options);
  await using base = await openBase(archives[reference] ?? "scratch", { arch: "amd64" });
  const bases = { [reference]: baseSettings(base) };
  const plan = planDockerfile(text, { ...options, bases });
  await using opened = new AsyncDisposableStack();
  const context = Object.fromEntries(
    [...Deno.readDirSync(directory)].map(({ name }) => [name, join(directory, name)]),
  );
  const layers = await applyDockerfile(plan, {
    ...{ arch: "amd64", base, context, created: 7 },
    openImage: async (reference, arch) =>
      opened.use(await openBase(archives[reference]!, { arch })),
  });
  const config = configChanges(plan.stages.at(-1)!.settings);
  await writeImageArchive({
    ...{ out, base, arch: "amd64", created: 7, layers, config, repoTags: [tag] },
  });
  return base.layers.length;
}
