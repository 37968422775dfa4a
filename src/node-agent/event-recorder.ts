/**
 * Makes Event objects; repeats of one event raise its count instead of making more, and only the 2nd, 4th, 8th ... repeat is sent: a probe that
 * fails for a day must not fill the log of the masters. Pure but for its memory, which is bounded.
 */
import type { KubernetesObject } from '../api/types.ts';
import { EventIds } from '../lib/event-id.ts';
import type { WantedPod } from './pod/types.ts';

/** Kubernetes' own cache has 4096 entries. */
const MAX_REMEMBERED = 4096;

interface EventObject {
  readonly kind: 'Pod' | 'Node';
  readonly name: string;
  readonly namespace?: string;
  readonly uid: string;
  readonly resourceVersion?: string;
}

interface EventText {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  readonly nowMs: number;
}

export class EventRecorder {
  readonly #nodeName: string;
  readonly #send: (event: KubernetesObject) => void;
  readonly #known = new Map<string, { first: string; id: string; count: number }>();
  readonly #ids = new EventIds();

  constructor(nodeName: string, send: (event: KubernetesObject) => void) {
    this.#nodeName = nodeName;
    this.#send = send;
  }

  podEvent(pod: WantedPod, type: 'Normal' | 'Warning', reason: string, message: string, nowMs: number): void {
    const { name, namespace, uid, resourceVersion } = pod.metadata;
    const version = resourceVersion ? { resourceVersion } : {};
    this.#record({ kind: 'Pod', name, namespace, uid, ...version }, namespace, { type, reason, message, nowMs });
  }

  /** Of the node itself. Events of what has no namespace are in `default`. */
  nodeEvent(type: 'Normal' | 'Warning', reason: string, message: string, nowMs: number): void {
    const name = this.#nodeName;
    // As kubelet: a node's uid in events is its name.
    this.#record({ kind: 'Node', name, uid: name }, 'default', { type, reason, message, nowMs });
  }

  #record(object: EventObject, namespace: string, { type, reason, message, nowMs }: EventText): void {
    const { name, uid } = object;
    const key = [uid, type, reason, message].join('\0');
    const now = `${new Date(nowMs).toISOString().slice(0, 19)}Z`;
    const before = this.#known.get(key);
    const entry = {
      first: before?.first ?? now,
      id: before?.id ?? this.#ids.next(nowMs),
      count: (before?.count ?? 0) + 1,
    };
    this.#known.delete(key);
    this.#known.set(key, entry);
    if (this.#known.size > MAX_REMEMBERED) this.#known.delete(this.#known.keys().next().value!);
    if ((entry.count & (entry.count - 1)) !== 0) return;
    this.#send({
      apiVersion: 'v1',
      kind: 'Event',
      // The same event gets the same name again, so that the master brings the first one up to date.
      metadata: { name: `${name}.${entry.id}`, namespace },
      involvedObject: { apiVersion: 'v1', ...object },
      reason,
      message,
      type,
      source: { component: 'kubelet', host: this.#nodeName },
      reportingComponent: 'kubelet',
      reportingInstance: this.#nodeName,
      firstTimestamp: entry.first,
      lastTimestamp: now,
      eventTime: null,
      count: entry.count,
    });
  }
}
