/**
 * A template of bash or Go text: everything stays as it is typed, apart from `\${` and `` \` ``,
 * which stand for `${` and `` ` ``. `${value}` puts in a value.
 */
export function raw(strings: TemplateStringsArray, ...values: readonly string[]): string {
  const texts = strings.raw.map((part) => part.replaceAll("\\${", "${").replaceAll("\\`", "`"));
  return String.raw({ raw: texts }, ...values);
}
