import { type Content, faultOf, programFault } from "../audit/mod.ts";

/** Documents in published tarballs, some of which have the mode of a program. */
const DOCUMENT = /^(?:\.\/)?(?:LICENSE|NOTICE|README)(?:\.\w+)?$/i;

/**
 * Programs of a published tarball (crictl, CNI plugins) that are not whole programs for a platform: `"crictl" is empty`.
 * What has the mode of a program must be one. Pure.
 *
 * @returns A line for each; none if all are right.
 */
export function publishedProgramFaults(
  { form }: Pick<Content, "form">,
  platform: string,
): readonly string[] {
  const tar = form.kind === "gzip" ? form.inner.form : form;
  if (tar.kind !== "tar") return ["is not a tar archive, or is damaged"];
  return tar.members.flatMap(({ name, mode, content }) => {
    if (content === undefined || (mode & 0o111) === 0 || DOCUMENT.test(name)) return [];
    const fault = programFault(content, { platform });
    return fault === undefined ? [] : [faultOf(name.replace(/^\.\//, ""), fault)];
  });
}
