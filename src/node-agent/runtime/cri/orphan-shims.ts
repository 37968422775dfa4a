/**
 * A containerd that is killed while it makes a sandbox can leave a shim behind that it knows nothing of when it is back: nobody ends that process
 * then. Here it is found among the machine's processes and ended, once it was seen without a container at two looks in a row.
 */
import { readdir, readFile } from 'node:fs/promises';
import * as grpc from '@grpc/grpc-js';
import { Containers } from '../../../gen/containerd/services/containers/v1/containers_pb.ts';
import type { Logger } from '../../../lib/logger.ts';
import { CRI_NAMESPACE, containerdClient, grpcCode } from '../containerd-client.ts';

const CALL_TIMEOUT_MS = 10_000;

export interface Shim {
  readonly pid: number;
  readonly id: string;
}

/** Of a process's arguments; undefined when it is no shim of the containerd at this socket. */
export function shimId(args: readonly string[], socket: string): string | undefined {
  if (!args[0]?.includes('containerd-shim')) return undefined;
  const value = (flag: string) => args[args.indexOf(flag) + 1];
  const isOurs = args.includes('-address') && value('-address') === socket && value('-namespace') === CRI_NAMESPACE;
  return isOurs && args.includes('-id') ? value('-id') : undefined;
}

export class OrphanShims {
  readonly #socket: string;
  readonly #logger: Logger;
  #suspects = new Set<number>();

  constructor(socket: string, logger: Logger) {
    this.#socket = socket;
    this.#logger = logger;
  }

  /** One look; `known`: ids of all sandboxes. Returns how many were ended. @throws Error when containerd does not answer */
  async look(known: ReadonlySet<string>): Promise<number> {
    const unknown = (await this.#shims()).filter(({ id }) => !known.has(id));
    const orphans: Shim[] = [];
    // What somebody runs beside the pods has a container of containerd's own.
    for (const shim of unknown) if (!(await this.#hasContainer(shim.id))) orphans.push(shim);
    let ended = 0;
    for (const { pid, id } of orphans) {
      if (!this.#suspects.has(pid)) continue;
      this.#logger.warn({ pid, id }, 'a shim without a container is ended');
      try {
        process.kill(pid, 'SIGKILL');
        ended++;
      } catch {
        // It ended by itself.
      }
    }
    this.#suspects = new Set(orphans.map(({ pid }) => pid));
    return ended;
  }

  async #shims(): Promise<Shim[]> {
    const found: Shim[] = [];
    for (const name of await readdir('/proc')) {
      const pid = Number(name);
      if (!Number.isInteger(pid)) continue;
      const args = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
      const id = shimId(args, this.#socket);
      if (id !== undefined) found.push({ pid, id });
    }
    return found;
  }

  async #hasContainer(id: string): Promise<boolean> {
    const client = containerdClient(Containers, this.#socket);
    try {
      await client.unary(Containers.method.get, { id }, { deadline: Date.now() + CALL_TIMEOUT_MS });
      return true;
    } catch (error) {
      if (grpcCode(error) === grpc.status.NOT_FOUND) return false;
      throw error;
    } finally {
      client.close();
    }
  }
}
