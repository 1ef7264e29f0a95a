/** Characters that no shell gives a meaning to; zsh does to a "=" at the start. */
const PLAIN = /^[A-Za-z0-9_@%+:,./-][A-Za-z0-9_@%+=:,./-]*$/;

/** One argument as a POSIX shell would need it: quoted only where it must be. */
export function quote(argument: string): string {
  return PLAIN.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`;
}

/** A command line that can be pasted into a shell; kbuild itself never gives one to a shell. */
export function quoteCommand(argv: readonly string[]): string {
  return argv.map(quote).join(" ");
}
