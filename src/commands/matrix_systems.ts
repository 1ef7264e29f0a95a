/** Systems that `kbuild matrix` writes files for. */
export const MATRIX_SYSTEMS = ["github", "gitlab", "job", "prow"] as const;
