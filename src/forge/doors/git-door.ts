// This door serves git over HTTP and says who may fetch and push: anyone may fetch what is public; all else needs a
// token.

import type { IncomingMessage } from "node:http";

import type { ForgeCore } from "../kernel/forge-core.ts";
import { saveAll } from "../kernel/forge-core.ts";
import { serveGit } from "../git/http-backend.ts";
import { type HttpReply, jsonReply } from "./http-reply.ts";
import { allows, permissionOf } from "../store/permission.ts";
import { followRefs } from "../pulls/ref-writes.ts";
import { fullName } from "../store/repository-record.ts";
import { readAuthorization } from "../store/token-registry.ts";

const GIT_PATH = /^\/([^/]+\/[^/]+?)(?:\.git)?(\/info\/refs|\/git-upload-pack|\/git-receive-pack)$/;
const ANONYMOUS = "";

export function isGitPath(url: URL): boolean {
  return GIT_PATH.test(url.pathname);
}

export class GitDoor {
  readonly #core: ForgeCore;

  constructor(core: ForgeCore) {
    this.#core = core;
  }

  async answer(incoming: IncomingMessage, url: URL): Promise<HttpReply> {
    const [, name = "", service = ""] = GIT_PATH.exec(url.pathname) ?? [];
    const isPush = service === "/git-receive-pack" || url.searchParams.get("service") === "git-receive-pack";
    const token = readAuthorization(incoming.headers.authorization);
    const login = token === undefined ? ANONYMOUS : this.#core.tokens.loginOf(token);
    if (login === undefined || (isPush && login === ANONYMOUS)) return unauthorized();
    const former = this.#core.store.find(name) === undefined ? this.#core.store.findFormer(name) : undefined;
    if (former !== undefined)
      return movedTo(`${this.#core.origin}/${fullName(former.record)}.git${service}${url.search}`);
    const repository = this.#core.store.find(name);
    const has = repository === undefined ? "none" : permissionOf(repository.record, login);
    if (repository === undefined || !allows(has, "read")) return login === ANONYMOUS ? unauthorized() : notFound();
    const record = token === undefined ? undefined : this.#core.tokens.find(token);
    const isNarrow = record !== undefined && record.kind !== "classic" && record.permissions["contents"] !== "write";
    if (isPush && (isNarrow || !allows(has, "write")))
      return jsonReply(403, { message: `Permission to ${name} denied to ${login}.` });
    if (isPush && repository.record.settings.archived)
      return jsonReply(403, { message: "This repository was archived so it is read-only." });
    const method = incoming.method ?? "GET";
    const request = { method, service, query: url.search.slice(1), headers: incoming.headers, login, body: incoming };
    const write = { core: this.#core, repository, cause: { actor: login, method, path: url.pathname } };
    const settled = async (): Promise<void> => {
      if (service !== "/git-receive-pack") return;
      await followRefs(write, this.#core.signal);
      await saveAll(this.#core, repository);
    };
    return await serveGit(repository.git, request, settled, this.#core.signal);
  }
}

function unauthorized(): HttpReply {
  return jsonReply(401, { message: "Requires authentication" }, { "www-authenticate": 'Basic realm="GitHub"' });
}

/** git follows it and goes on asking at the new place. */
function movedTo(location: string): HttpReply {
  return jsonReply(301, { message: "Moved Permanently" }, { location });
}

function notFound(): HttpReply {
  return jsonReply(404, { message: "Repository not found." });
}
