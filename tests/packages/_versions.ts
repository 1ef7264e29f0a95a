/** Versions of packages, in ascending order. */
export const VERSIONS: readonly (readonly [gitVersion: string, version: string])[] = [
  ["v1.8.0-alpha.3.602+5f8adc0c042843-dirty", "1.8.0~alpha.3.602+5f8adc0c042843+dirty"],
  ["v1.20.0-beta.2", "1.20.0~beta.2"],
  ["v1.20.0-rc.0", "1.20.0~rc.0"],
  ["v1.20.0", "1.20.0"],
  ["v1.20.0-dirty", "1.20.0+dirty"],
  ["v1.20.2", "1.20.2"],
  ["v1.20.2-5+0123456789abcd", "1.20.2+5+0123456789abcd"],
  ["v1.20.2-5+0123456789abcd-dirty", "1.20.2+5+0123456789abcd+dirty"],
];
