// Git over HTTP: who may fetch and who may push. Anyone may fetch what is public; everything else needs a token.

import type { IncomingMessage } from "node:http";

import type { ForgeCore } from "./forge-core.ts";
import { saveAll } from "./forge-core.ts";
import { serveGit } from "./git/http-backend.ts";
import { type HttpReply, jsonReply } from "./http-reply.ts";
import { allows, permissionOf } from "./permission.ts";
import { followRefs } from "./ref-writes.ts";
import { readAuthorization } from "./token-registry.ts";

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
    const repository = this.#core.store.find(name);
    const has = repository === undefined ? "none" : permissionOf(repository.record, login);
    if (repository === undefined || !allows(has, "read")) return login === ANONYMOUS ? unauthorized() : notFound();
    if (isPush && !allows(has, "write"))
      return jsonReply(403, { message: `Permission to ${name} denied to ${login}.` });
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

function notFound(): HttpReply {
  return jsonReply(404, { message: "Repository not found." });
}
