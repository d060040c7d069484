// Clones a repository for HydraFlow's own use, so that a killed clone leaves nothing that looks like a checkout.

import { lstat, mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

import { syncDirectory } from "../../../core/files/durable-file.ts";
import { messageOf } from "../../../core/base/errors.ts";
import { PRIVATE_DIRECTORY_MODE } from "../../../core/files/paths.ts";
import type { RepositoryName } from "../../../core/domain/repository-name.ts";
import { fail, ok, type Result } from "../../../core/base/result.ts";
import type { Git } from "../command/git.ts";
import { type GitFailure, gitFailure } from "../command/git-failure.ts";
import { remoteCall, type RemoteAccess, remoteUrl } from "./remote-access.ts";
import { withToken } from "./remote-token.ts";

/** `directory` must not exist yet; the caller sees to it that no two clones go to the same one at once. */
export async function cloneRepository(
  clone: { git: Git; access: RemoteAccess; repository: RepositoryName; directory: string },
  signal: AbortSignal,
): Promise<Result<undefined, GitFailure>> {
  const parent = dirname(clone.directory);
  const prefix = `.${basename(clone.directory)}.clone-`;
  if (await lstat(clone.directory).catch(() => undefined))
    return fail(gitFailure("conflict", `${clone.directory} is there already`));
  await mkdir(parent, { recursive: true, mode: PRIVATE_DIRECTORY_MODE });
  for (const name of await readdir(parent))
    if (name.startsWith(prefix)) await rm(join(parent, name), { recursive: true, force: true });
  const temporary = await mkdtemp(join(parent, prefix));
  try {
    const url = remoteUrl(clone.access, clone.repository);
    const call = {
      directory: parent,
      remoteUrl: url,
      arguments: ["clone", "--quiet", "--no-recurse-submodules", "--", url, temporary],
    };
    const cloned = await withToken(clone.access, (access) => clone.git.run(remoteCall(access, call), signal), signal);
    if (!cloned.ok) return cloned;
    await rename(temporary, clone.directory);
    await syncDirectory(parent);
    return ok();
  } catch (error) {
    signal.throwIfAborted();
    return fail(gitFailure("failed", messageOf(error)));
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}
