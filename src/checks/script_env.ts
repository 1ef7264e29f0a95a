/** What would change how bash, the programs that scripts start, and git inside of them behave. */
const DROPPED =
  /^(BASH_ENV|ENV|CDPATH|GLOBIGNORE|SHELLOPTS|BASHOPTS|POSIXLY_CORRECT|GREP_OPTIONS|MAKEFLAGS|MFLAGS|MAKELEVEL|BASH_FUNC_.*|GIT_(DIR|WORK_TREE|INDEX_FILE|COMMON_DIR|PREFIX)|PYTHON(PATH|HOME|STARTUP))$/;

/**
 * The environment of a checkout's script: the given one without what a user's shell may have left in it, with the
 * chosen Go in front. Python writes no caches into the checkout.
 *
 * @param go Variables that decide over Go: `PATH`, `GOTOOLCHAIN`, `GOROOT`.
 */
export function scriptEnv(
  env: Readonly<Record<string, string>>,
  go: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const kept = Object.entries(env).filter(([name]) => !DROPPED.test(name));
  return Object.freeze({
    ...Object.fromEntries(kept),
    ...go,
    // The Go in PATH is the one that was chosen.
    FORCE_HOST_GO: "y",
    PYTHONDONTWRITEBYTECODE: "1",
  });
}
