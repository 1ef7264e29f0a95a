import { assertEquals } from "@std/assert";
import { findNeeds, listChecks, scriptNeeds } from "../../src/checks/mod.ts";
import { createShell } from "../../src/shell/mod.ts";
import { withFiles } from "../checkout/fixture.ts";

const FILES = {
  "hack/verify-docker.sh": '"${KUBE_ROOT}/hack/update-protobuf.sh"\n',
  "hack/update-protobuf.sh": '#!/bin/bash\n"${KUBE_ROOT}/build/run.sh" hack/x-dockerized.sh "$@"\n',
  "hack/verify-comment.sh": "#!/bin/bash\n# docker run, curl x, hack/tools\ntrue\n",
  "hack/verify-many.sh": "#!/bin/bash\nkube::etcd::start\ncurl -f x\nfoo | jq .\nmake x\n",
  "hack/verify-circle.sh": "#!/bin/bash\nhack/verify-circle.sh; hack/check.py\n",
  "hack/verify-boiler.sh":
    '#!/bin/bash\ndir="${KUBE_ROOT}/hack/boilerplate"\nboiler="${dir}/boilerplate.py"\n' +
    '"${boiler}" "$@"\n',
  "hack/boilerplate/boilerplate.py": "#!/usr/bin/env python\nimport os\n",
  "hack/check.py": "#!/usr/bin/env python\nimport yaml\n",
  "hack/verify-tools.sh": "#!/bin/bash\ncd hack/tools\ngo install x\n",
  "hack/lib/util.sh": "#!/bin/bash\ndocker run x\n",
  "hack/verify-lib.sh": "#!/bin/bash\nsource hack/lib/util.sh\nremake x\n",
  "hack/verify-sed.sh": "#!/bin/bash\nkube::util::ensure-gnu-sed\n",
  "hack/verify-old.py": "#!/usr/bin/env python2.7\nimport os\n",
};

Deno.test("scriptNeeds() reads what a script and those that it starts need", () =>
  withFiles(FILES, async (root) => {
    const needs = async (name: string) => [...await scriptNeeds(root, `hack/${name}`)].sort();
    assertEquals(await needs("verify-docker.sh"), ["docker"]);
    assertEquals(await needs("verify-comment.sh"), []);
    assertEquals(await needs("verify-many.sh"), ["curl", "etcd", "jq", "make"]);
    assertEquals(await needs("verify-circle.sh"), ["PyYAML", "python"]);
    assertEquals(await needs("verify-boiler.sh"), ["python"]);
    assertEquals(await needs("verify-tools.sh"), ["network"]);
    assertEquals(await needs("verify-lib.sh"), []);
    assertEquals(await needs("verify-gone.sh"), []);
  }));

Deno.test("findNeeds() names what is missing on this machine", () =>
  withFiles(FILES, async (root) => {
    const env = { PATH: "/nowhere", KBUILD_OFFLINE: "y" };
    const context = {
      ...{ env, host: "darwin/arm64", root, hasMake: true, hasGnuTools: true },
      shell: createShell({ cwd: root, env }),
    };
    const checks = await listChecks({ root }, { names: [], isQuick: false, variables: {} });
    const missing = Object.fromEntries(await findNeeds(context, checks));
    assertEquals(missing, {
      "hack/verify-boiler.sh": ["python"],
      "hack/verify-circle.sh": ["python", "PyYAML"],
      "hack/verify-docker.sh": ["docker"],
      "hack/verify-many.sh": ["etcd", "curl", "jq"],
      "hack/verify-old.py": ["python3"],
      "hack/verify-tools.sh": ["network"],
    });
    // KBUILD_GNU_TOOLS=n: sed is not kbuild.
    const without = await findNeeds({ ...context, hasGnuTools: false }, checks);
    assertEquals([...without.values()].flat().includes("GNU sed"), true);
  }));
