// The store holds all repositories: in memory, one JSON file each, with the bare git repository beside it. Names are
// compared without case.

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import { ensurePrivateDirectory } from "../../core/files/durable-file.ts";
import { BareRepository } from "../git/bare-repository.ts";
import { completeRecord, type RepositoryRecord } from "./repository-record.ts";
import { SerialQueue } from "./serial-queue.ts";
import { StateFile } from "./state-file.ts";

export interface StoredRepository {
  readonly record: RepositoryRecord;
  readonly git: BareRepository;
  readonly file: StateFile;
  /** Everything that moves refs, or tells what moved them, takes its turn here. */
  readonly refTurns: SerialQueue;
  /** Readers see this while the replicas lag behind the last write. */
  replica: Replica | null;
}

export interface Replica {
  readonly record: RepositoryRecord;
  readsLeft: number;
  readonly untilMs: number;
}

export class RepositoryStore {
  readonly #directory: string;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #byName = new Map<string, StoredRepository>();

  private constructor(directory: string, environment: Readonly<Record<string, string>>) {
    this.#directory = directory;
    this.#environment = environment;
  }

  static async open(dataDir: string, environment: Readonly<Record<string, string>>): Promise<RepositoryStore> {
    const store = new RepositoryStore(dataDir, environment);
    const records = join(dataDir, "repositories");
    await ensurePrivateDirectory(records);
    for (const entry of await readdir(records)) {
      if (entry.endsWith(".json"))
        store.#keep(completeRecord(JSON.parse(await readFile(join(records, entry), "utf8")) as RepositoryRecord));
    }
    return store;
  }

  all(): StoredRepository[] {
    return [...this.#byName.values()];
  }

  find(fullName: string): StoredRepository | undefined {
    return this.#byName.get(fullName.toLowerCase());
  }

  /** Gives the repository that had this name once. */
  findFormer(fullName: string): StoredRepository | undefined {
    return this.all().find(({ record }) => record.formerNames.includes(fullName.toLowerCase()));
  }

  findById(id: number): StoredRepository | undefined {
    return this.all().find(({ record }) => record.id === id);
  }

  /** The old name leads to the new one until somebody else takes it. */
  rename(repository: StoredRepository, owner: string, name: string): void {
    const { record } = repository;
    const before = `${record.owner}/${record.name}`.toLowerCase();
    const after = `${owner}/${name}`.toLowerCase();
    this.#byName.delete(before);
    this.#byName.set(after, repository);
    record.formerNames = [...record.formerNames, before].filter((former) => former !== after);
    Object.assign(record, { owner, name });
  }

  nextRepositoryId(): number {
    return Math.max(0, ...this.all().map((repository) => repository.record.id)) + 1;
  }

  async add(record: RepositoryRecord, signal: AbortSignal): Promise<StoredRepository> {
    const repository = this.#keep(record);
    await repository.git.create(record.defaultBranch, signal);
    await repository.file.save();
    return repository;
  }

  #keep(record: RepositoryRecord): StoredRepository {
    const repository: StoredRepository = {
      record,
      git: new BareRepository(join(this.#directory, "git", `${record.id}.git`), this.#environment),
      file: new StateFile(join(this.#directory, "repositories", `${record.id}.json`), () => record),
      refTurns: new SerialQueue(),
      replica: null,
    };
    this.#byName.set(`${record.owner}/${record.name}`.toLowerCase(), repository);
    return repository;
  }
}
