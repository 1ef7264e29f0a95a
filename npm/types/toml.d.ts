/** The part of `@std/toml` that kbuild uses. */
export function parse(tomlString: string): Record<string, unknown>;
